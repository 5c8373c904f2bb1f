/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"
#include "io/stream.h"

int stream_open(Stream *s, Error *err) {
        int r = s->tls && !s->secure ? tls_shake(s->tls, err) : 0;

        if (r != 0)
                return r;
        s->secure = s->tls != NULL;
        r         = s->http ? http_step(s->http, s, err) : 0;
        if (r == 0)
                s->http = http_close(s->http);
        return r;
}

void stream_close(Stream *s) {
        s->tls  = tls_close(s->tls);
        s->http = http_close(s->http);
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
}

ssize_t stream_send(Stream *s, const struct iovec *iov, unsigned n_iov, int fd) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control         = {};
        struct msghdr msg = { .msg_iov = (struct iovec *) iov, .msg_iovlen = n_iov };
        ssize_t n;

        if (s->tls)
                return tls_send(s->tls, iov, n_iov);
        if (fd >= 0) {
                struct cmsghdr *c;

                msg.msg_control    = control.space;
                msg.msg_controllen = sizeof(control.space);
                c                  = CMSG_FIRSTHDR(&msg);
                c->cmsg_level      = SOL_SOCKET;
                c->cmsg_type       = SCM_RIGHTS;
                c->cmsg_len        = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd, sizeof(int));
        }
        do
                n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

int stream_flush(Stream *s) {
        return s->tls ? tls_flush(s->tls) : 0;
}

size_t stream_unsent(const Stream *s) {
        return s->tls ? tls_unsent(s->tls) : 0;
}

bool stream_more(const Stream *s) {
        return s->tls && tls_more(s->tls);
}

/* The descriptor that came with a message, or a refusal. None is lost, whatever came. */
static int take_fd(struct msghdr *msg, int *ret, Error *err) {
        unsigned n = 0;
        int fd;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int), n++) {
                        memcpy(&fd, CMSG_DATA(c) + at, sizeof(int));
                        if (n == 0)
                                *ret = fd;
                        else
                                close(fd);
                }
        }
        if (n <= 1 && !(msg->msg_flags & MSG_CTRUNC))
                return 0;
        if (n > 0)
                close(*ret);
        *ret = -1;
        return msg->msg_flags & MSG_CTRUNC
                       ? error_set(err, ERROR_CORRUPT,
                                   "more descriptors than a message has, or than we may have open")
                       : error_set(err, ERROR_CORRUPT, "%u descriptors at a time; a message has one", n);
}

/* What recvmsg() has said. */
static ssize_t received(const Stream *s, struct msghdr *msg, ssize_t n, int *ret_fd, Error *err) {
        int r;

        *ret_fd = -1;
        if (n < 0)
                return n == -EAGAIN ? n : error_set(err, (int) n, "receiving: %s", strerrordesc_np((int) -n));
        r = s->family == AF_UNIX ? take_fd(msg, ret_fd, err) : 0;
        return r < 0 ? r : n;
}

ssize_t stream_receive(Stream *s, void *to, size_t size_bytes, int *ret_fd, Error *err) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov  = { to, size_bytes };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        *ret_fd = -1;
        if (s->tls)
                return tls_receive(s->tls, to, size_bytes, err);
        if (s->family == AF_UNIX) {
                msg.msg_control    = control.space;
                msg.msg_controllen = sizeof(control.space);
        }
        do
                n = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        return received(s, &msg, n < 0 ? -errno : n, ret_fd, err);
}

void stream_wait_for(Stream *s, uint64_t left) {
        const bool much = left >= READY_BYTES && !s->tls && s->family != AF_UNIX;

        if (s->waits_for_much == much)
                return;
        s->waits_for_much = much;
        socket_ready_at(s->fd, much ? READY_BYTES : 1);
}

/* ---- Through a mover -------------------------------------------------------------------------------------------- */

int stream_begin_send(Stream *s, Mover *mover, Move *move, const struct iovec *iov, unsigned n_iov) {
        int r;

        assert(n_iov <= ELEMENTSOF(move->iov));
        move->msg = (struct msghdr) { .msg_iov = move->iov, .msg_iovlen = 1 };
        if (s->tls)
                move->iov[0].iov_len = tls_out(s->tls, &move->iov[0].iov_base);
        else {
                memcpy(move->iov, iov, n_iov * sizeof(*iov));
                move->msg.msg_iovlen = n_iov;
        }
        r = move->iov[0].iov_len > 0 ? mover_begin(mover, move, MOVE_SEND, s->fd) : -EBUSY;
        if (r < 0 && s->tls)
                tls_sent(s->tls, 0);
        return r;
}

ssize_t stream_sent(Stream *s, ssize_t n) {
        if (n == -EINTR || n == -EAGAIN || n == -ECANCELED)
                n = 0;
        if (!s->tls)
                return n;
        tls_sent(s->tls, n);
        return MIN(n, 0);
}

int stream_begin_receive(Stream *s, Mover *mover, Move *move, void *to, uint64_t left) {
        /* While READY_BYTES are waited for, so many are left for a move of their own: they always come. */
        stream_wait_for(s, left >= READY_BYTES + MOVE_LEAST ? left : 0);
        left -= s->waits_for_much ? READY_BYTES : 0;
        move->iov[0] = (struct iovec) { to, (size_t) MIN(left, (uint64_t) MOVE_MOST) };
        move->msg    = (struct msghdr) { .msg_iov = move->iov, .msg_iovlen = 1 };
        if (s->tls)
                move->iov[0].iov_len = tls_in(s->tls, left, &move->iov[0].iov_base);
        return move->iov[0].iov_len > 0 ? mover_begin(mover, move, MOVE_RECEIVE, s->fd) : -EBUSY;
}

ssize_t stream_received(Stream *s, Move *move, ssize_t n, int *ret_fd, Error *err) {
        *ret_fd = -1;
        if (n == -EINTR || n == -ECANCELED)
                n = -EAGAIN;
        if (!s->tls)
                return received(s, &move->msg, n, ret_fd, err);
        tls_came(s->tls, n);
        return n < 0 && n != -EAGAIN ? error_set(err, (int) n, "receiving: %s", strerrordesc_np((int) -n)) : -EAGAIN;
}

void stream_stop(Stream *s, Mover *mover, Move *sending, Move *receiving) {
        const bool cut = s->tls && sending->under_way;

        mover_stop(mover, sending);
        if (cut)
                tls_sent(s->tls, -ECANCELED);
        if (receiving)
                mover_stop(mover, receiving);
}
