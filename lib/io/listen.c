/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets.
 *
 * Beside the file of a unix socket lies a lock, "<path>.lock", which its listener holds as long as it lives, also if it
 * is killed. Whoever has the lock may replace the file; so of several that start at once one gets it, and no file is
 * taken away from somebody who has just begun to listen. The lock says nothing of programs that do not know it: a
 * socket that answers is never replaced. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/address.h"
#include "io/link.h"
#include "io/resolve.h"

enum {
        ACCEPT_TURN       = 64,     /* connections taken before others get a turn */
        ACCEPT_PAUSE_USEC = 100000, /* when no descriptor is left: no event says when there is one again */
};

struct Listener {
        sd_event_source *io, *pause;
        int fd, lock_fd;
        ListenerAccepted *accepted;
        void *userdata;
        bool *freed;  /* while it is being dispatched: where to say that it is gone */
        char text[ADDRESS_TEXT_MAX];
        /* Of a file that we made: */
        char path[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
        dev_t device;
        ino_t inode;
};

enum { LOCK_NAME_MAX = sizeof(((struct sockaddr_un *) NULL)->sun_path) + sizeof(".lock") };

static void lock_name(const char *path, char ret[static LOCK_NAME_MAX]) {
        snprintf(ret, LOCK_NAME_MAX, "%s.lock", path);
}

/* ---- Accepting -------------------------------------------------------------------------------------------------- */

static int on_pause_over(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Listener *listener = userdata;

        return sd_event_source_set_enabled(listener->io, SD_EVENT_ON);
}

/* Level-triggered, what cannot be accepted would wake us for ever. */
static int listener_pause(Listener *listener) {
        int r;

        r = sd_event_source_set_enabled(listener->io, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_source_set_time_relative(listener->pause, ACCEPT_PAUSE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(listener->pause, SD_EVENT_ONESHOT);
}

static int on_connection(sd_event_source *source _unused_, int fd, uint32_t revents _unused_, void *userdata) {
        Listener *listener = userdata;
        bool freed         = false;

        listener->freed = &freed;
        for (int k = 0; k < ACCEPT_TURN && !freed; k++) {
                const int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (connection >= 0) {
                        listener->accepted(listener->userdata, connection);
                        continue;
                }
                if (errno == EAGAIN)
                        break;
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        listener->freed = NULL;
                        return listener_pause(listener);
                }
                /* The rest is what has become of one connection (accept(2)): the next may be well. */
        }
        if (!freed)
                listener->freed = NULL;
        return 0;
}

/* ---- Binding ---------------------------------------------------------------------------------------------------- */

static int fail(Error *err, int code, const char *text) {
        if (err)
                err->code = 0;
        return error_prefix(err, code, "cannot listen at %s", text);
}

static int lock(int fd) {
        int r;

        do
                r = flock(fd, LOCK_EX | LOCK_NB);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* The file of the lock may be taken away between open() and flock(), by one that frees its listener. A descriptor,
 * -EADDRINUSE or another errno. */
static int lock_take(const char *path) {
        char name[LOCK_NAME_MAX];
        struct stat ours, there;
        int fd, r;

        lock_name(path, name);
        for (;;) {
                fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd < 0)
                        return -errno;
                r = lock(fd);
                if (r == 0 && fstat(fd, &ours) < 0)
                        r = -errno;
                if (r == 0 && stat(name, &there) == 0 && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
                        return fd;
                close(fd);
                if (r < 0)
                        return r == -EWOULDBLOCK ? -EADDRINUSE : r;
        }
}

/* 0: nobody answers there, and the name is free now. */
static int remove_stale(const Listener *listener, const Address *address, Error *err) {
        struct stat st;
        int fd, r;

        if (lstat(listener->path, &st) < 0)
                return errno == ENOENT ? 0 : fail(err, -errno, listener->text);
        if (!S_ISSOCK(st.st_mode))
                return error_set(err, -EADDRINUSE, "cannot listen at %s: there is a file that is no socket",
                                 listener->text);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail(err, -errno, listener->text);
        r = connect(fd, &address->any, address->size_bytes) < 0 ? -errno : 0;
        close(fd);
        if (r != -ECONNREFUSED && r != -ENOENT)
                return error_set(err, -EADDRINUSE, "somebody listens at %s already", listener->text);
        return unlink(listener->path) < 0 && errno != ENOENT ? fail(err, -errno, listener->text) : 0;
}

/* The mode of the socket becomes that of its file, without what the umask takes: it is never wider than `mode`. */
static int bind_unix(Listener *listener, const Address *address, mode_t mode, Error *err) {
        struct stat st;
        int r;

        memcpy(listener->path, address->local.sun_path, sizeof(listener->path));
        r = lock_take(listener->path);
        if (r == -EADDRINUSE)
                return error_set(err, r, "somebody listens at %s already", listener->text);
        if (r < 0)
                return fail(err, r, listener->text);
        listener->lock_fd = r;
        r = remove_stale(listener, address, err);
        if (r < 0)
                return r;
        if (fchmod(listener->fd, mode) < 0 || bind(listener->fd, &address->any, address->size_bytes) < 0)
                return fail(err, -errno, listener->text);
        if (lstat(listener->path, &st) < 0)
                return fail(err, -errno, listener->text);
        listener->device = st.st_dev;
        listener->inode  = st.st_ino;
        return chmod(listener->path, mode) < 0 ? fail(err, -errno, listener->text) : 0;
}

static int bind_tcp(Listener *listener, const Address *address, Error *err) {
        const int yes = 1, no = 0;

        if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
                return fail(err, -errno, listener->text);
        /* [::] is everything, whatever the sysctl says. */
        if (address->any.sa_family == AF_INET6 &&
            setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0)
                return fail(err, -errno, listener->text);
        return bind(listener->fd, &address->any, address->size_bytes) < 0 ? fail(err, -errno, listener->text) : 0;
}

/* ---- Listeners -------------------------------------------------------------------------------------------------- */

static Listener *listener_make(int fd, ListenerAccepted *accepted, void *userdata) {
        Listener *listener = calloc(1, sizeof(*listener));

        if (!listener)
                return NULL;
        listener->fd       = fd;
        listener->lock_fd  = -1;
        listener->accepted = accepted;
        listener->userdata = userdata;
        return listener;
}

/* The socket listens: connections come from the loop now. */
static int listener_start(Listener *listener, sd_event *event, Error *err) {
        Address address = { .size_bytes = sizeof(address.local) };
        int r;

        if (getsockname(listener->fd, &address.any, &address.size_bytes) < 0)
                return error_set(err, -errno, "cannot listen at a descriptor: %s", strerrordesc_np(errno));
        address_print(&address, listener->text);
        r = sd_event_add_time_relative(event, &listener->pause, CLOCK_MONOTONIC, ACCEPT_PAUSE_USEC, 0, on_pause_over,
                                       listener);
        if (r >= 0)
                r = sd_event_source_set_enabled(listener->pause, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_io(event, &listener->io, listener->fd, EPOLLIN, on_connection, listener);
        return r < 0 ? fail(err, r, listener->text) : 0;
}

int listener_new(Listener **ret, sd_event *event, const char *address, mode_t mode, ListenerAccepted *accepted,
                 void *userdata, Error *err) {
        _cleanup_(listener_freep) Listener *listener = listener_make(-1, accepted, userdata);
        Address a;
        int r;

        if (!listener)
                return error_oom(err, sizeof(*listener));
        r = resolve_wait(address, &a, err);
        if (r < 0)
                return r;
        address_print(&a, listener->text);
        listener->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener->fd < 0)
                return fail(err, -errno, listener->text);
        r = a.any.sa_family == AF_UNIX ? bind_unix(listener, &a, mode, err) : bind_tcp(listener, &a, err);
        if (r < 0)
                return r;
        if (listen(listener->fd, SOMAXCONN) < 0)
                return fail(err, -errno, listener->text);
        r = listener_start(listener, event, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(listener);
        return 0;
}

int listener_from_fd(Listener **ret, sd_event *event, int fd, ListenerAccepted *accepted, void *userdata, Error *err) {
        _cleanup_(listener_freep) Listener *listener = listener_make(fd, accepted, userdata);
        int listens                                  = 0, type = 0, flags, r;
        socklen_t n                                  = sizeof(int);

        if (!listener) {
                close(fd);
                return error_oom(err, sizeof(*listener));
        }
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) < 0 || !listens)
                return error_set(err, ERROR_VALUE, "descriptor %d is not a stream socket that listens", fd);
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return error_set(err, -errno, "cannot listen at descriptor %d: %s", fd, strerrordesc_np(errno));
        r = listener_start(listener, event, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(listener);
        return 0;
}

/* The file first, the lock last: who gets it then finds nothing of ours. */
static void listener_remove_file(Listener *listener) {
        char name[LOCK_NAME_MAX];
        struct stat st;

        if (listener->inode && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
            st.st_ino == listener->inode)
                unlink(listener->path);
        lock_name(listener->path, name);
        unlink(name);
}

Listener *listener_free(Listener *listener) {
        if (!listener)
                return NULL;
        if (listener->freed)
                *listener->freed = true;
        sd_event_source_disable_unref(listener->io);
        sd_event_source_disable_unref(listener->pause);
        if (listener->fd >= 0)
                close(listener->fd);
        if (listener->lock_fd >= 0) {
                listener_remove_file(listener);
                close(listener->lock_fd);
        }
        free(listener);
        return NULL;
}

int listener_fd(const Listener *listener) {
        return listener->fd;
}

const char *listener_address(const Listener *listener) {
        return listener->text;
}
