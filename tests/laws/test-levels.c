/* SPDX-License-Identifier: Apache-2.0 */
/* Every CPU level of this machine gives the same bits, of every operator and dtype. A process has one level, so each
 * level answers all questions in a process of its own; what comes back is a hash of each answer. Products and
 * factorizations are BLAS's and LAPACK's, which have kernels for each CPU (docs/OPERATORS.md): exempt. Fourier
 * transforms, blocks too, are our own, and are not. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "laws/cases.h"

static const char *const exempt[] = { "contract", "block" };

typedef struct Answers {
        mars_session *session;
        FILE *to;       /* of the child: hashes, one after the other; NULL: texts are counted and compared */
        FILE *from[8];
        const char *level[8];
        unsigned n_levels, n;
} Answers;

static bool is_exempt(const Question *q) {
        for (size_t k = 0; k < ELEMENTSOF(exempt); k++)
                if (strcmp(q->info->family, exempt[k]) == 0 && !strstr(q->info->name, "fft"))
                        return true;
        return false;
}

static void answer_hash(const Question *q, void *userdata) {
        const Answers *a = userdata;

        for (size_t c = 0; c < N_CUTS && !is_exempt(q); c += N_CUTS - 1) { /* whole data; whole and lazy: fused */
                uint64_t hash = 0;
                Bits bits;

                if (compute(a->session, q, cuts[c], &bits)) {
                        hash = hash_bytes(&bits.code, sizeof(bits.code), 1);
                        for (unsigned i = 0; i < bits.n; i++)
                                hash = hash_bytes(bits.data[i], bits.size[i], hash);
                        bits_clear(&bits);
                }
                ck_assert_uint_eq(fwrite(&hash, sizeof(hash), 1, a->to), 1);
        }
}

static void compare(const Question *q, void *userdata) {
        Answers *a = userdata;

        for (size_t c = 0; c < N_CUTS && !is_exempt(q); c += N_CUTS - 1) {
                uint64_t hash[8] = {};

                for (unsigned k = 0; k < a->n_levels; k++) {
                        ck_assert_uint_eq(fread(&hash[k], sizeof(hash[k]), 1, a->from[k]), 1);
                        ck_assert_msg(hash[k] == hash[0], "%s differs between %s and %s", q->text, a->level[0],
                                      a->level[k]);
                }
                a->n += hash[0] != 0;
        }
}

static bool level_here(const char *level) {
        pid_t pid = fork();
        int status = 0;

        if (pid == 0)
                _exit(op_level_set(level, NULL) < 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Starts the child and leaves its answers in a file. */
static FILE *answers_of(const char *level) {
        FILE *file = tmpfile();
        int status = 0;
        pid_t pid;

        ck_assert_ptr_nonnull(file);
        pid = fork();
        if (pid == 0) {
                Answers a = { .to = file };

                ck_assert_int_eq(op_level_set(level, NULL), 0);
                a.session = session(2);
                each_question(answer_hash, &a);
                mars_session_unref(a.session);
                _exit(fclose(file) != 0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "level %s: %d", level, status);
        rewind(file);
        return file;
}

TEST(all_cpu_levels_give_the_same_bits) {
        static const char *const levels[] = { "v1", "v3", "v4" };
        Answers a                         = {};

        for (size_t k = 0; k < ELEMENTSOF(levels); k++)
                if (level_here(levels[k])) {
                        a.level[a.n_levels]  = levels[k];
                        a.from[a.n_levels++] = answers_of(levels[k]);
                }
        ck_assert_uint_gt(a.n_levels, 0);
        each_question(compare, &a);
        ck_assert_uint_gt(a.n, 1000);
        for (unsigned k = 0; k < a.n_levels; k++)
                fclose(a.from[k]);
}
