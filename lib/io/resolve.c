/* SPDX-License-Identifier: Apache-2.0 */
/* A question belongs to him who asks and to the thread that waits; the last of both frees it. The thread writes its
 * answer before it makes the descriptor readable, and whoever asks reads it after that. How many threads there are is
 * counted for the whole process: it is the process that they are a burden to. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/resolve.h"

enum {
        STACK_BYTES = 256 << 10, /* the system's modules for names have buffers of some KiB on it */
        WAIT_MSEC   = 10000,     /* as long as a link waits */
};

struct Resolve {
        atomic_uint n_ref;
        atomic_bool answered;
        int fd;
        Address address;
        Error why;
        int result;
        char text[];
};

static atomic_uint n_threads;

static void resolve_unref(Resolve *q) {
        if (atomic_fetch_sub(&q->n_ref, 1) > 1)
                return;
        if (q->fd >= 0)
                close(q->fd);
        free(q);
}

static void *resolve_main(void *userdata) {
        Resolve *q         = userdata;
        const uint64_t one = 1;

        q->result = address_resolve(q->text, &q->address, &q->why);
        atomic_store(&q->answered, true);
        while (write(q->fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
        resolve_unref(q);
        atomic_fetch_sub(&n_threads, 1);
        return NULL;
}

/* Signals are for the threads of the program. */
static int thread_start(Resolve *q) {
        pthread_attr_t attr;
        sigset_t all, before;
        pthread_t thread;
        int r = pthread_attr_init(&attr);

        if (r != 0)
                return -r;
        sigfillset(&all);
        r = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        if (r == 0)
                r = pthread_attr_setstacksize(&attr, MAX((size_t) PTHREAD_STACK_MIN, (size_t) STACK_BYTES));
        if (r == 0)
                r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r == 0) {
                r = pthread_create(&thread, &attr, resolve_main, q);
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        pthread_attr_destroy(&attr);
        return -r;
}

int resolve_new(Resolve **ret, const char *text, Error *err) {
        const size_t n = strlen(text) + 1;
        Resolve *q;
        int r;

        if (atomic_fetch_add(&n_threads, 1) >= MAX_RESOLVE_THREADS) {
                atomic_fetch_sub(&n_threads, 1);
                return error_set(err, -EAGAIN, "address '%s': %d other names are asked for, and nobody answers", text,
                                 MAX_RESOLVE_THREADS);
        }
        q = calloc(1, sizeof(*q) + n);
        if (!q) {
                atomic_fetch_sub(&n_threads, 1);
                return error_oom(err, sizeof(*q) + n);
        }
        memcpy(q->text, text, n);
        atomic_store(&q->n_ref, 2);
        q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r     = q->fd < 0 ? -errno : thread_start(q);
        if (r < 0) {
                atomic_fetch_sub(&n_threads, 1);
                resolve_unref(q);
                resolve_unref(q);
                return error_set(err, r, "address '%s': cannot ask for it: %s", text, strerrordesc_np(-r));
        }
        *ret = q;
        return 0;
}

int resolve_fd(const Resolve *q) {
        return fcntl(q->fd, F_DUPFD_CLOEXEC, 0);
}

int resolve_take(Resolve *q, Address *ret, Error *err) {
        if (!atomic_load(&q->answered))
                return error_set(err, -EAGAIN, "address '%s': there is no answer yet", q->text);
        *ret = q->address;
        return q->result < 0 ? error_set(err, q->result, "%s", q->why.text) : 0;
}

Resolve *resolve_free(Resolve *q) {
        if (q)
                resolve_unref(q);
        return NULL;
}

int resolve_wait(const char *text, Address *ret, Error *err) {
        _cleanup_(resolve_freep) Resolve *q = NULL;
        struct pollfd answer                = { .events = POLLIN };
        int r;

        if (!address_is_name(text))
                return address_parse(text, ret, err);
        r = resolve_new(&q, text, err);
        if (r < 0)
                return r;
        answer.fd = q->fd;
        do
                r = poll(&answer, 1, WAIT_MSEC); /* anew after a signal: there are few */
        while (r < 0 && errno == EINTR);
        if (r == 0)
                return error_set(err, -ETIMEDOUT, "address '%s': no name server says which host that is for %d s", text,
                                 WAIT_MSEC / 1000);
        return r < 0 ? error_set(err, -errno, "address '%s': %s", text, strerrordesc_np(errno))
                     : resolve_take(q, ret, err);
}
