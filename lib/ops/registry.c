/* SPDX-License-Identifier: Apache-2.0 */
/* Finding operators. Every CPU level of the build has a table of all operators in the same order, so an operator's id
 * and the hash from names to ids serve all of them; only the level in use changes.
 *
 * Both are set up when the program is loaded, before it can have threads: nothing here waits or locks. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "graph/op.h"
#include "op-levels.h"

typedef struct Level {
        const char *name;
        const Op *const *table;
} Level;

#define DECLARE_LEVEL(level) extern const Op *const op_table_##level[];
#define LEVEL_ENTRY(level) { #level, op_table_##level },
OP_LEVELS(DECLARE_LEVEL)

static const Level levels[] = { OP_LEVELS(LEVEL_ENTRY) };
static const Level *current = levels;

enum {
        N_SLOT = 1024, /* a power of two, several times the number of operators */
        FREE   = UINT16_MAX,
};
static uint16_t slots[N_SLOT];
static uint32_t n_op;

static bool cpu_has(const char *level) {
#ifdef __x86_64__
        if (strcmp(level, "v3") == 0)
                return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
        if (strcmp(level, "v4") == 0)
                return cpu_has("v3") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl");
#endif
        return strcmp(level, "v1") == 0;
}

/* The place of the name, or the free slot where it belongs. */
static uint16_t *slot_of(const char *name) {
        uint64_t at = hash_bytes(name, strlen(name), 0);

        while (slots[at % N_SLOT] != FREE && strcmp(levels->table[slots[at % N_SLOT]]->name, name) != 0)
                at++;
        return &slots[at % N_SLOT];
}

__attribute__((constructor)) static void registry_start(void) {
        const char *wanted = getenv("MARS_CPU_LEVEL");

#ifdef __x86_64__
        __builtin_cpu_init();
#endif
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (cpu_has(levels[i].name))
                        current = &levels[i];
        if (wanted) /* a level that is unknown, or more than the CPU has, changes nothing */
                (void) op_level_set(wanted, NULL);

        memset(slots, 0xff, sizeof(slots));
        for (; levels->table[n_op]; n_op++) {
                assert(n_op < N_SLOT / 2);
                *slot_of(levels->table[n_op]->name) = (uint16_t) n_op;
        }
}

const Op *const *op_table(void) {
        return current->table;
}

uint32_t op_count(void) {
        return n_op;
}

const Op *op_find(const char *name) {
        uint16_t id = *slot_of(name);

        return id == FREE ? NULL : current->table[id];
}

uint32_t op_id(const Op *op) {
        return *slot_of(op->name);
}

const char *op_level(void) {
        return current->name;
}

int op_level_set(const char *level, Error *err) {
        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                if (strcmp(levels[i].name, level) != 0)
                        continue;
                if (!cpu_has(level))
                        return error_set(err, ERROR_VALUE, "this CPU is less than x86-64-%s", level);
                current = &levels[i];
                return 0;
        }
        return error_set(err, ERROR_VALUE, "no operators were built for a CPU level \"%s\"", level);
}
