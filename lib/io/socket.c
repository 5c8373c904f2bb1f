/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/macro.h"
#include "io/socket.h"

enum {
        /* On a connection where nothing is sent the kernel asks after IDLE, then AGAIN, and gives up. Each answer is
         * a sign of life, so where one is missing for SOCKET_SILENCE_MSEC there is nobody. */
        IDLE_SEC  = 5,
        AGAIN_SEC = 2,
        TRIES     = 3,
};

int socket_prepare(int fd, const Address *peer) {
        static const struct {
                int level, name, value;
        } options[] = {
                { IPPROTO_TCP, TCP_NODELAY, 1 },          { IPPROTO_TCP, TCP_KEEPIDLE, IDLE_SEC },
                { IPPROTO_TCP, TCP_KEEPINTVL, AGAIN_SEC }, { IPPROTO_TCP, TCP_KEEPCNT, TRIES },
                { SOL_SOCKET, SO_KEEPALIVE, 1 },
        };
        static const char unpaced[] = "reno";
        const int flags             = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        for (size_t k = 0; k < ELEMENTSOF(options) && peer->any.sa_family != AF_UNIX; k++)
                if (setsockopt(fd, options[k].level, options[k].name, &options[k].value, sizeof(int)) < 0)
                        return -errno;
        if (address_is_loopback(peer)) /* who is not allowed to loses time, and nothing else */
                (void) setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, unpaced, strlen(unpaced));
        return 0;
}

void socket_ready_at(int fd, int n_bytes) {
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n_bytes, sizeof(n_bytes)); /* without it one is woken oftener */
}

/* A window that is closed is probed; the probe that is on its way just now says nothing. */
static uint32_t silent_msec(const struct tcp_info *info) {
        return info->tcpi_retransmits > 0 || info->tcpi_probes > 1 ? info->tcpi_last_ack_recv : 0;
}

bool socket_info_is_silent(const struct tcp_info *info) {
        return silent_msec(info) >= SOCKET_SILENCE_MSEC;
}

uint32_t socket_silent_msec(int fd) {
        struct tcp_info info = {};
        socklen_t n          = sizeof(info);

        return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? silent_msec(&info) : 0;
}

bool socket_is_silent(int fd) {
        return socket_silent_msec(fd) >= SOCKET_SILENCE_MSEC;
}

void socket_watch(int fd) {
        const int each_sec = 1;

        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &each_sec, sizeof(each_sec)); /* else it is noticed later */
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each_sec, sizeof(each_sec));
}
