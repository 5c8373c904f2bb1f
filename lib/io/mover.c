/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel writes to an eventfd when something has ended: one more descriptor of the loop. What wants to go on does
 * so whenever the thread leaves the kernel. What has ended is put into a list first, since its owners may stop other
 * moves, which have to be found then, wherever they are. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/mover.h"
#include "io/uring.h"

enum {
        DEPTH = 128, /* moves under way: two of a link */
        SPARE = 1,   /* an entry for who stops one */
};

#define TAG_STOP 0

struct Mover {
        unsigned n_ref, n_moves;
        struct io_uring ring;
        int event_fd;
        sd_event_source *io;
        sd_event_source *later; /* some have ended while another one was being stopped, or could not begin yet */
        Move *here;             /* the latest first */
};

/* All that the kernel has let go of. */
static void take(Mover *m) {
        struct io_uring_cqe *cqe;

        while (io_uring_peek_cqe(&m->ring, &cqe) == 0) {
                Move *move = (Move *) (uintptr_t) cqe->user_data;

                if (cqe->user_data != TAG_STOP) {
                        move->here   = true;
                        move->result = cqe->res;
                        move->next   = m->here;
                        m->here      = move;
                }
                io_uring_cqe_seen(&m->ring, cqe);
        }
}

static void move_leave(Mover *m, Move *move) {
        Move **at = &m->here;

        while (*at != move)
                at = &(*at)->next;
        *at = move->next;
        m->n_moves--;
        move->under_way = move->here = false;
}

static void hand_out(Mover *m) {
        m = mover_ref(m);
        while (m->here) {
                Move *move = m->here;

                move_leave(m, move);
                move->ended(move->userdata, move->result);
        }
        mover_unref(m);
}

static int on_event(sd_event_source *source _unused_, int fd, uint32_t revents _unused_, void *userdata) {
        Mover *m = userdata;
        uint64_t n;

        if (read(fd, &n, sizeof(n)) != sizeof(n)) /* before anything else: what happens from now on is told again */
                return 0;
        take(m);
        hand_out(m);
        return 0;
}

static void come_back(Mover *m) {
        (void) sd_event_source_set_enabled(m->later, SD_EVENT_ONESHOT);
}

/* The kernel may be short of something, and takes an entry with a later call. */
static void submit(Mover *m) {
        if (uring_submit(&m->ring) < 0)
                come_back(m);
}

static int on_later(sd_event_source *source _unused_, void *userdata) {
        Mover *m = userdata;

        submit(m);
        take(m);
        hand_out(m);
        return 0;
}

int mover_new(Mover **ret, sd_event *event, Error *err) {
        static const uint8_t opcodes[] = { IORING_OP_SENDMSG, IORING_OP_RECVMSG, IORING_OP_ASYNC_CANCEL };
        Mover *m                       = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return error_oom(err, sizeof(*m));
        m->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r           = m->event_fd < 0
                              ? error_set(err, -errno, "cannot make an eventfd: %s", strerrordesc_np(errno))
                              : uring_open(&m->ring,
                                           &(UringConfig) { DEPTH + SPARE, opcodes, ELEMENTSOF(opcodes), m->event_fd },
                                           err);
        if (r < 0) {
                if (m->event_fd >= 0)
                        close(m->event_fd);
                free(m);
                return r;
        }
        m->n_ref = 1;
        r        = sd_event_add_io(event, &m->io, m->event_fd, EPOLLIN, on_event, m);
        if (r >= 0)
                r = sd_event_add_defer(event, &m->later, on_later, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->later, SD_EVENT_OFF);
        if (r < 0) {
                mover_unref(m);
                return error_set(err, r, "cannot wait for io_uring: %s", strerrordesc_np(-r));
        }
        *ret = m;
        return 0;
}

Mover *mover_ref(Mover *m) {
        if (m)
                m->n_ref++;
        return m;
}

Mover *mover_unref(Mover *m) {
        if (!m || --m->n_ref > 0)
                return NULL;
        assert(m->n_moves == 0);
        sd_event_source_disable_unref(m->io);
        sd_event_source_disable_unref(m->later);
        io_uring_queue_exit(&m->ring);
        close(m->event_fd);
        free(m);
        return NULL;
}

int mover_begin(Mover *m, Move *move, MoveKind kind, int fd) {
        struct io_uring_sqe *sqe;

        assert(!move->under_way);
        if (m->n_moves == DEPTH)
                return -EBUSY;
        sqe = io_uring_get_sqe(&m->ring);
        assert(sqe); /* there are as many entries as moves */
        if (kind == MOVE_SEND)
                io_uring_prep_sendmsg(sqe, fd, &move->msg, MSG_NOSIGNAL | MSG_WAITALL);
        else
                io_uring_prep_recvmsg(sqe, fd, &move->msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
        sqe->user_data  = (uintptr_t) move;
        move->under_way = true;
        m->n_moves++;
        submit(m);
        return 0;
}

/* One that wants to go on just now cannot be stopped before it has, so it is tried again. */
static void stop(Mover *m, const Move *move) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&m->ring);

        if (sqe) {
                io_uring_prep_cancel64(sqe, (uintptr_t) move, 0);
                sqe->user_data = TAG_STOP;
        }
        (void) io_uring_submit_and_wait(&m->ring, 1);
        take(m);
}

void mover_stop(Mover *m, Move *move) {
        if (!move->under_way)
                return;
        while (!move->here)
                stop(m, move);
        move_leave(m, move);
        if (m->here)
                come_back(m);
}
