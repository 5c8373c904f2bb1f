/* SPDX-License-Identifier: Apache-2.0 */
/* When there is no memory: the n-th allocation of a load fails, for every n. What was asked for is then refused, and
 * AddressSanitizer finds nothing lost. An arena would hide most allocations in one of its own, so the linker puts the
 * functions below in the place of the arena's (tests/meson.build: --wrap). */
#include <stdarg.h>

#include "folder.h"

static int64_t n_left = INT64_MAX; /* allocations that will succeed before one fails */

static bool may(void) {
        return n_left-- != 0;
}

Arena *__real_arena_new(void);
void *__real_arena_alloc(Arena *arena, size_t size_bytes);
void *__real_arena_copy(Arena *arena, const void *data, size_t size_bytes);
void *__real_calloc(size_t n, size_t size);
int __real_vec_grow(void **data, uint32_t *capacity, uint32_t n_wanted, size_t element_bytes);
Arena *__wrap_arena_new(void);
void *__wrap_arena_alloc(Arena *arena, size_t size_bytes);
void *__wrap_arena_copy(Arena *arena, const void *data, size_t size_bytes);
char *__wrap_arena_printf(Arena *arena, const char *fmt, ...) _printf_(2, 3);
void *__wrap_calloc(size_t n, size_t size);
int __wrap_vec_grow(void **data, uint32_t *capacity, uint32_t n_wanted, size_t element_bytes);

Arena *__wrap_arena_new(void) {
        return may() ? __real_arena_new() : NULL;
}

void *__wrap_arena_alloc(Arena *arena, size_t size_bytes) {
        return may() ? __real_arena_alloc(arena, size_bytes) : NULL;
}

void *__wrap_arena_copy(Arena *arena, const void *data, size_t size_bytes) {
        return may() ? __real_arena_copy(arena, data, size_bytes) : NULL;
}

char *__wrap_arena_printf(Arena *arena, const char *fmt, ...) {
        char *text = NULL, *copy = NULL;
        va_list args;

        if (!may())
                return NULL;
        va_start(args, fmt);
        ck_assert_int_ge(vasprintf(&text, fmt, args), 0);
        va_end(args);
        copy = __real_arena_copy(arena, text, strlen(text) + 1);
        free(text);
        return copy;
}

void *__wrap_calloc(size_t n, size_t size) {
        return may() ? __real_calloc(n, size) : NULL;
}

int __wrap_vec_grow(void **data, uint32_t *capacity, uint32_t n_wanted, size_t element_bytes) {
        return may() ? __real_vec_grow(data, capacity, n_wanted, element_bytes) : ERROR_MEMORY;
}

static FILE *nowhere;

/* One load, and a reload of it. */
static int load(const ConfTable *table, const Folder *folder, const char *option) {
        char *argv[] = { (char *) table->program, (char *) "--config-dir", (char *) folder->path, (char *) option };
        Conf *conf = NULL, *later = NULL;
        int r = conf_load(&conf, table, (int) ELEMENTSOF(argv) - (option == NULL), argv, nowhere, nowhere);

        ck_assert_int_eq(r == 0, conf != NULL);
        if (r == 0)
                r = conf_reload(&later, conf, nowhere);
        conf_free(later);
        conf_free(conf);
        return r;
}

static void fail_each(const ConfTable *table, const Folder *folder, const char *option, int expected) {
        for (int64_t n = 0;; n++) {
                int r;

                n_left = n;
                r      = load(table, folder, option);
                if (n_left >= 0) { /* more than there are */
                        n_left = INT64_MAX;
                        ck_assert_int_eq(r, expected);
                        ck_assert_int_gt(n, 20);
                        return;
                }
                ck_assert_msg(r == ERROR_MEMORY, "%s: allocation %d: %d", option ?: "no option", (int) n, r);
        }
}

TEST(an_allocation_that_fails_is_an_error) {
        _cleanup_(folder_done) Folder folder = folder_new();

        nowhere = fopen("/dev/null", "we");
        ck_assert_ptr_nonnull(nowhere);
        put_file(&folder, "mars.conf", "[worker]\nport = 9\n[web]\nport = 9\n[scheduler]\nhost = 0.0.0.0\n");
        put_file(&folder, "worker.conf", "schedulers = a:1,b:2\nname = \"#\"\nspill_dirs = /tm*:/usr\n");
        put_file(&folder, "worker.conf.d/1.conf", "disk = 1g\n");
        fail_each(&conf_scheduler, &folder, NULL, 0);
        fail_each(&conf_worker, &folder, NULL, 0);
        fail_each(&conf_web, &folder, "-p80", 0);
        fail_each(&conf_worker, &folder, "--name= #", 0);
        fail_each(&conf_worker, &folder, "--key-file=relative", 0);
        fail_each(&conf_worker, &folder, "-Dworker.spill_directory=\"/x\"", 0);
        fail_each(&conf_worker, &folder, "-k", 0);
        fail_each(&conf_worker, &folder, "--help", CONF_DONE);
        fail_each(&conf_worker, &folder, "--print-config", CONF_DONE);
        fail_each(&conf_worker, &folder, "--check-config", CONF_DONE);
        fail_each(&conf_worker, &folder, "--port=x", ERROR_VALUE);
        fail_each(&conf_worker, &folder, "--prot=1", ERROR_VALUE);
        fail_each(&conf_worker, &folder, "--port", ERROR_VALUE);
        fclose(nowhere);
}

TEST(a_reload_that_has_no_memory_for_what_changed_is_an_error) {
        _cleanup_(folder_done) Folder folder = folder_new();
        int r                                = ERROR_MEMORY;

        nowhere = fopen("/dev/null", "we");
        ck_assert_ptr_nonnull(nowhere);
        put_file(&folder, "scheduler.conf", "port = 1\nlog_level = debug\n");
        _cleanup_(run_done) Run made = run(&conf_scheduler, &folder);
        put_file(&folder, "scheduler.conf", "port = 2\nlog_level = info\n");
        for (int64_t n = 0; r == ERROR_MEMORY; n++) {
                Conf *later = NULL;

                n_left = n;
                r      = conf_reload(&later, made.conf, nowhere);
                ck_assert_int_eq(r == 0, later != NULL);
                ck_assert(r == 0 || r == ERROR_MEMORY);
                n_left = INT64_MAX;
                conf_free(later);
        }
        ck_assert_str_eq(text_of(made.conf, "port"), "1");
        fclose(nowhere);
}
