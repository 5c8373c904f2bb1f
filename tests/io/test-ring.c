/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

enum { PAGE = 4096 };

static const RingBackend backends[] = { RING_AUTO, RING_SYNC };

static int temporary(void) {
        int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        return fd;
}

static RingOp op_of(RingKind kind, int fd, uint64_t offset, void *data, size_t size_bytes) {
        RingOp op = { .kind = kind, .fd = fd, .offset = offset, .size_bytes = size_bytes };

        if (data) {
                op.iov[0] = (struct iovec) { data, size_bytes / 2 };
                op.iov[1] = (struct iovec) { (char *) data + size_bytes / 2, size_bytes - size_bytes / 2 };
                op.n_iov  = 2;
        }
        return op;
}

static int result_of(Ring *ring, RingOp op) {
        ck_assert_int_eq(ring_begin(ring, &op), 0);
        ck_assert_ptr_eq(ring_end(ring, true), &op);
        ck_assert_uint_eq(ring_n_begun(ring), 0);
        return op.result;
}

TEST(every_backend_reads_writes_takes_room_and_gives_it_back) {
        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                _cleanup_(ring_freep) Ring *ring = NULL;
                char data[2 * PAGE], again[2 * PAGE] = "";
                int fd = temporary();
                struct stat st;

                ck_assert_int_eq(ring_new(&ring, &(RingConfig) { .backend = backends[b], .depth = 4 }, NULL), 0);
                memset(data, 7, sizeof(data));
                ck_assert_int_eq(result_of(ring, op_of(RING_ALLOCATE, fd, 0, NULL, 16 * PAGE)), 0);
                ck_assert_int_eq(result_of(ring, op_of(RING_WRITE, fd, PAGE, data, sizeof(data))), 0);
                ck_assert_int_eq(result_of(ring, op_of(RING_READ, fd, PAGE, again, sizeof(again))), 0);
                ck_assert_bytes_eq(data, again, sizeof(data));
                ck_assert_int_eq(fstat(fd, &st), 0);
                ck_assert_int_eq(st.st_size, 16 * PAGE);
                ck_assert_int_eq(result_of(ring, op_of(RING_PUNCH, fd, 0, NULL, 16 * PAGE)), 0);
                ck_assert_int_eq(result_of(ring, op_of(RING_READ, fd, PAGE, again, PAGE)), 0);
                ck_assert_int_eq(again[0] | again[PAGE - 1], 0);
                ck_assert_int_eq(result_of(ring, op_of(RING_READ, fd, 15 * PAGE, again, 2 * PAGE)), -ENODATA);
                ck_assert_int_eq(result_of(ring, op_of(RING_WRITE, -1, 0, data, PAGE)), -EBADF);
                close(fd);
        }
}

TEST(a_full_ring_says_so) {
        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                _cleanup_(ring_freep) Ring *ring = NULL;
                char data[4][PAGE] = {};
                int fd = temporary();
                RingOp op[4];

                ck_assert_int_eq(ring_new(&ring, &(RingConfig) { .backend = backends[b], .depth = 3 }, NULL), 0);
                for (unsigned k = 0; k < 4; k++) {
                        op[k] = op_of(RING_WRITE, fd, k * PAGE, data[k], PAGE);
                        ck_assert_int_eq(ring_begin(ring, &op[k]), k < 3 ? 0 : RING_BUSY);
                }
                for (unsigned k = 0; k < 3; k++)
                        ck_assert_ptr_nonnull(ring_end(ring, true));
                ck_assert_ptr_null(ring_end(ring, false));
                close(fd);
        }
}

static void *waker(void *ring) {
        ring_wake(ring);
        return NULL;
}

TEST(a_wake_ends_the_present_or_the_next_wait_and_is_never_lost) {
        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                _cleanup_(ring_freep) Ring *ring = NULL;
                pthread_t thread;

                ck_assert_int_eq(ring_new(&ring, &(RingConfig) { .backend = backends[b] }, NULL), 0);
                for (int k = 0; k < 200; k++) {
                        ck_assert_int_eq(pthread_create(&thread, NULL, waker, ring), 0);
                        for (int look = 0; look < k % 5; look++)
                                ck_assert_ptr_null(ring_end(ring, false));
                        ck_assert_ptr_null(ring_end(ring, true));
                        ck_assert_int_eq(pthread_join(thread, NULL), 0);
                }
        }
}

TEST(io_uring_is_used_where_the_kernel_has_it_and_a_text_says_what_is_used) {
        Ring *ring;
        Error err;
        int r = ring_new(&ring, &(RingConfig) { .backend = RING_URING }, &err);

        if (r == 0) {
                ck_assert_str_eq(ring_text(ring), "io_uring");
                ring_free(ring);
        } else
                ck_assert_ptr_nonnull(strstr(err.text, "io_uring: "));
        ck_assert_int_eq(ring_new(&ring, NULL, NULL), 0);
        ck_assert_ptr_nonnull(strstr(ring_text(ring), r == 0 ? "io_uring" : "preadv and pwritev (io_uring: "));
        ring_free(ring);
}

/* A driver that ends each operation at once, with the results of a list. */
typedef struct Script {
        const int64_t *result;
        uint32_t n, n_again;
        uint64_t tag;
        bool begun;
} Script;

static int script_submit(void *driver, uint64_t tag, const RingOp *op _unused_) {
        Script *s = driver;

        s->tag   = tag;
        s->begun = true;
        s->n_again++;
        return 0;
}

static int script_reap(void *driver, bool wait _unused_, uint64_t *ret_tag, int64_t *ret_result) {
        Script *s = driver;

        if (!s->begun)
                return 0;
        s->begun    = false;
        *ret_tag    = s->tag;
        *ret_result = *s->result;
        if (s->n > 1) {
                s->n--;
                s->result++;
        }
        return 1;
}

static void script_nothing(void *driver _unused_) {
}

TEST(what_a_completion_says_is_not_believed_blindly) {
        static const struct {
                int64_t result[4];
                uint32_t n, n_submitted;
                RingKind kind;
                int want;
        } cases[] = {
                { { 2 * PAGE }, 1, 1, RING_READ, 0 },
                { { PAGE, PAGE }, 2, 2, RING_WRITE, 0 },
                { { 1, PAGE, -EINTR, PAGE - 1 }, 4, 4, RING_READ, 0 },
                { { PAGE, 0 }, 2, 2, RING_READ, -ENODATA },
                { { PAGE, 0 }, 2, 2, RING_WRITE, -EIO },
                { { 2 * PAGE + 1 }, 1, 1, RING_READ, -EIO },
                { { PAGE, PAGE + 1 }, 2, 2, RING_WRITE, -EIO },
                { { INT64_MAX }, 1, 1, RING_READ, -EIO },
                { { INT64_MIN }, 1, 1, RING_READ, -EIO },
                { { PAGE, -ENOSPC }, 2, 2, RING_WRITE, -ENOSPC },
                { { -EAGAIN }, 1, 64, RING_WRITE, -EAGAIN },
                { { -EINTR, 17 }, 2, 2, RING_PUNCH, 0 },
        };
        static const RingDriver driver = { "a list", script_submit, script_reap, script_nothing, script_nothing };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                _cleanup_(ring_freep) Ring *ring = NULL;
                Script script                    = { .result = cases[k].result, .n = cases[k].n };
                char data[2 * PAGE];

                ck_assert_int_eq(ring_new(&ring, &(RingConfig) { .driver = &driver, .driver_data = &script }, NULL), 0);
                ck_assert_int_eq(result_of(ring, op_of(cases[k].kind, 0, 0, data, sizeof(data))), cases[k].want);
                ck_assert_uint_eq(script.n_again, cases[k].n_submitted);
        }
}

TEST(cut_late_doubled_and_foreign_completions_change_nothing) {
        enum { N = 64, ROUNDS = 200 };
        _cleanup_(freep) char *data = malloc(N * 8 * PAGE);
        _cleanup_(freep) char *again = malloc(N * 8 * PAGE);
        uint64_t n_lies = 0;

        ck_assert(data && again);
        for (uint64_t round = 1; round <= ROUNDS; round++) {
                Faults faults                    = { .chance = round };
                RingConfig config                = faults_config(&faults);
                _cleanup_(ring_freep) Ring *ring = NULL; /* it goes before them */
                int fd                           = temporary();
                RingOp op[N];

                config.depth = 1 + (unsigned) round % 40;
                ck_assert_int_eq(ring_new(&ring, &config, NULL), 0);
                for (size_t k = 0; k < N * 8 * PAGE; k += 8)
                        memcpy(data + k, &(uint64_t) { k * round }, 8);
                memset(again, 0, N * 8 * PAGE);
                for (RingKind kind = RING_WRITE;; kind = RING_READ) {
                        uint32_t n_ended = 0, next = 0;
                        bool seen[N]     = {};

                        while (n_ended < N) {
                                RingOp *end;

                                for (; next < N; next++) {
                                        char *at = kind == RING_WRITE ? data : again;

                                        op[next] = op_of(kind, fd, next * 8 * PAGE, at + next * 8 * PAGE, 8 * PAGE);
                                        if (ring_begin(ring, &op[next]) == RING_BUSY)
                                                break;
                                }
                                end = ring_end(ring, true);
                                ck_assert_ptr_nonnull(end);
                                ck_assert_int_eq(end->result, 0);
                                ck_assert(!seen[end - op]);
                                seen[end - op] = true;
                                n_ended++;
                        }
                        if (kind == RING_READ)
                                break;
                }
                ck_assert_bytes_eq(data, again, N * 8 * PAGE);
                ck_assert_uint_eq(ring_n_stale(ring), faults.n_lies);
                n_lies += faults.n_lies;
                close(fd);
        }
        ck_assert_uint_gt(n_lies, 1000);
}
