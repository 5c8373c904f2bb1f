/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other side of a link: what the kernel says of a unix socket, what the key says over TLS, and what
 * somebody says who speaks for others. A link that is handed over has another other side from then on. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "io/link-inside.h"
#include "io/socket.h"

void link_relayed(Link *link, const char *who) {
        link->relayed = true;
        snprintf(link->via, sizeof(link->via), "%s", who);
}

int link_take_over(Link *link, int fd, Error *err) {
        Address address = { .size_bytes = sizeof(address.local) };
        int type = 0, r = 0;
        socklen_t n = sizeof(type);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM ||
            getpeername(fd, &address.any, &address.size_bytes) < 0 ||
            (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6))
                r = error_set(err, ERROR_CORRUPT, "what was handed over is no connection");
        else if (link->in.at < link->in.n || link->in.n_fds > 0 || link_unsent(link))
                r = error_set(err, ERROR_CORRUPT, "a connection is handed over in the middle of another one");
        if (r < 0)
                return r;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
                return error_set(err, -errno, "what was handed over: %s", strerrordesc_np(errno));
        r = socket_prepare(fd, &address);
        if (r >= 0)
                r = sd_event_source_set_io_fd(link->io, fd);
        if (r < 0) {
                close(fd);
                return error_set(err, r, "what was handed over: %s", strerrordesc_np(-r));
        }
        close(link->stream.fd);
        link->stream  = (Stream) { .fd = fd, .family = address.any.sa_family };
        link->blocked = false;
        return 0;
}

int link_peer(const Link *link, LinkPeer *ret) {
        Address address = { .size_bytes = sizeof(address.local) };
        struct ucred who;
        socklen_t n = sizeof(who);

        *ret = (LinkPeer) { .local = link->stream.family == AF_UNIX };
        if (link->stream.fd < 0 || link->connecting)
                return -ENOTCONN;
        if (link->relayed) {
                *ret = (LinkPeer) { .relayed = true };
                snprintf(ret->text, sizeof(ret->text), "%.100s over http", link->via);
                return 0;
        }
        if (ret->local) {
                if (getsockopt(link->stream.fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
                        return -errno;
                if (link->door && link->door->relays && who.uid == link->door->relay_uid) {
                        *ret = (LinkPeer) { .relayed = true, .text = "somebody over http" };
                        return 0;
                }
                ret->uid = who.uid;
                ret->pid = who.pid;
                snprintf(ret->text, sizeof(ret->text), "uid %u, pid %d", who.uid, who.pid);
                return 0;
        }
        if (getpeername(link->stream.fd, &address.any, &address.size_bytes) < 0)
                return -errno;
        ret->loopback = address_is_loopback(&address);
        ret->keyed    = link->stream.tls && !link->opening;
        ret->role     = ret->keyed ? tls_peer_role(link->stream.tls) : TLS_CLIENT;
        address_print(&address, ret->text);
        return 0;
}
