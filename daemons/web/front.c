/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS: TLS is ours (io/tls.h), and the HTTP server behind it speaks plainly through a pair of sockets, at which it
 * sees the address of whoever has come. When a connection is no longer the server's, the pair goes, and whoever has it
 * then has TLS itself (front_take()). */
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/web/carry.h"

struct Front {
        Carrier carrier;
        Front *next, *before;
        int far_fd; /* the server's end, which it closes */
};

static void front_free(Front *front) {
        Web *web = front->carrier.web;

        *(front->before ? &front->before->next : &web->front) = front->next;
        if (front->next)
                front->next->before = front->before;
        carrier_done(&front->carrier);
        free(front);
}

static void on_ended(Carrier *carrier) {
        front_free((Front *) carrier);
}

void fronts_end(Web *web) {
        while (web->front)
                front_free(web->front);
}

int front_new(Web *web, int fd) {
        Front *front = calloc(1, sizeof(*front));
        int pair[2]  = { -1, -1 };
        Error err    = {};

        if (!front || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                free(front);
                close(fd);
                return -1;
        }
        *front = (Front) { .far_fd  = pair[1],
                           .carrier = { .web           = web,
                                        .client        = { .stream = { .fd = fd, .family = AF_INET }, .opening = true },
                                        .daemon.stream = { .fd = pair[0], .family = AF_INET }, /* no descriptors */
                                        .ended         = on_ended },
                           .next    = web->front };
        if (web->front)
                web->front->before = front;
        web->front = front;
        if (tls_open(&front->carrier.client.stream.tls, web->config.https, fd, false, &err) < 0) {
                front_free(front);
                close(pair[1]);
                return -1;
        }
        carrier_begin(&front->carrier);
        return pair[1];
}

bool front_take(Web *web, int fd, Stream *ret) {
        Front *front = web->front;
        uint8_t any;

        while (front && front->far_fd != fd)
                front = front->next;
        if (!front || recv(fd, &any, 1, MSG_PEEK | MSG_DONTWAIT) > 0 || !carrier_take_client(&front->carrier, ret))
                return false;
        front_free(front);
        return true;
}
