/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A directory of configuration that a test writes, and programs that are started with it. */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/conf/inside.h"
#include "harness.h"

typedef struct Folder {
        char path[64];
} Folder;

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *at _unused_) {
        return remove(path);
}

static inline void folder_done(Folder *folder) {
        ck_assert_int_eq(nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline Folder folder_new(void) {
        Folder folder = { "/tmp/mars-conf-XXXXXX" };

        ck_assert_ptr_nonnull(mkdtemp(folder.path));
        return folder;
}

/* Writes a file of the directory; one in a folder makes the folder. */
static inline void put_bytes_into(const Folder *folder, const char *name, const char *bytes, size_t n) {
        char path[256];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", folder->path, name);
        if (strchr(name, '/')) {
                *strrchr(path, '/') = '\0';
                ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
                snprintf(path, sizeof(path), "%s/%s", folder->path, name);
        }
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
        ck_assert_int_eq(fclose(file), 0);
}

static inline void put_file(const Folder *folder, const char *name, const char *text) {
        put_bytes_into(folder, name, text, strlen(text));
}

enum { MAX_WORDS = 256 };

typedef struct Run { /* what a program did with its words */
        Conf *conf;
        int r;
        char *out, *bad;
        int argc;
        char **argv; /* a reload reads it again */
} Run;

static inline void run_done(Run *run) {
        conf_free(run->conf);
        free(run->out);
        free(run->bad);
        free(run->argv);
}

/* folder NULL: no files. */
static inline Run run_words(const ConfTable *table, const Folder *folder, int n, const char *const *words) {
        const char *first[] = { table->program, "--config-dir", folder ? folder->path : "none" };
        Run run             = { .argv = calloc(MAX_WORDS, sizeof(*run.argv)) };
        size_t n_out, n_bad;
        FILE *out = open_memstream(&run.out, &n_out), *bad = open_memstream(&run.bad, &n_bad);

        ck_assert_ptr_nonnull(run.argv);
        for (size_t k = 0; k < ELEMENTSOF(first); k++)
                run.argv[run.argc++] = (char *) first[k];

        for (int k = 0; k < n; k++) {
                ck_assert_int_lt(run.argc, MAX_WORDS - 1);
                run.argv[run.argc++] = (char *) words[k];
        }
        run.r = conf_load(&run.conf, table, run.argc, run.argv, out, bad);
        fclose(out);
        fclose(bad);
        ck_assert_int_eq(run.r == 0, run.conf != NULL);
        return run;
}

#define run(table, folder, ...)                                                                                        \
        ({                                                                                                             \
                const char *const _words[] = { __VA_ARGS__ __VA_OPT__(, ) NULL };                                      \
                run_words((table), (folder), (int) ELEMENTSOF(_words) - 1, _words);                                    \
        })

/* The printed value of a key. */
static inline const char *text_of(const Conf *conf, const char *name) {
        return conf_text(conf->arena, conf_find_key(conf->table, name), conf->values);
}
