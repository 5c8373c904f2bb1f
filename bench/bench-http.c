/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP library of mars-web serves from memory, over loopback: the ceiling for results over http
 * (bench/web.py). Both sides touch their memory before. Prints bytes a second.
 *
 *         bench-http MIB ROUNDS */
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/macro.h"

static char *content;
static size_t size_bytes;

static enum MHD_Result serve(_unused_ void *userdata, struct MHD_Connection *connection, _unused_ const char *url,
                             _unused_ const char *method, _unused_ const char *version, _unused_ const char *data,
                             _unused_ size_t *n_data, void **context) {
        struct MHD_Response *response;
        enum MHD_Result r;

        if (!*context) { /* an answer before the request's end would be the connection's, too */
                *context = content;
                return MHD_YES;
        }
        response = MHD_create_response_from_buffer(size_bytes, content, MHD_RESPMEM_PERSISTENT);
        r        = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return r;
}

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* A request and its answer, over a connection that stays. */
static double fetch(int fd, char *to) {
        static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        const double began          = now();
        size_t n = 0, whole = SIZE_MAX;

        if (send(fd, request, strlen(request), 0) < 0)
                return -1;
        while (n < whole) {
                const ssize_t more = recv(fd, to + n, size_bytes + 4096 - n, 0);
                const char *body;

                if (more <= 0)
                        return -1;
                n += (size_t) more;
                body  = whole == SIZE_MAX ? memmem(to, n, "\r\n\r\n", 4) : NULL;
                whole = body ? (size_t) (body - to) + 4 + size_bytes : whole;
        }
        return now() - began;
}

int main(int argc, char **argv) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const unsigned rounds      = argc == 3 ? (unsigned) atoi(argv[2]) : 0;
        const int fd               = socket(AF_INET, SOCK_STREAM, 0);
        struct MHD_Daemon *daemon;
        double best = 1e9;
        char *to;

        if (argc != 3) {
                fprintf(stderr, "usage: %s MIB ROUNDS\n", argv[0]);
                return EXIT_FAILURE;
        }
        size_bytes = strtoul(argv[1], NULL, 10) << 20;
        content    = malloc(size_bytes);
        to         = malloc(size_bytes + 4096);
        daemon     = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, serve, NULL, MHD_OPTION_END);
        if (!content || !to || !daemon || fd < 0)
                return EXIT_FAILURE;
        memset(content, 1, size_bytes);
        memset(to, 1, size_bytes + 4096);
        address.sin_port = htons(MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return EXIT_FAILURE;
        for (unsigned k = 0; k < rounds; k++) {
                const double seconds = fetch(fd, to);

                if (seconds < 0)
                        return EXIT_FAILURE;
                best = MIN(best, seconds);
        }
        printf("%.0f\n", (double) size_bytes / best);
        MHD_stop_daemon(daemon);
        close(fd);
        free(content);
        free(to);
        return EXIT_SUCCESS;
}
