/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <sysexits.h>

#include "folder.h"

static void expect_words(const char *words, const char *name) {
        size_t n = strlen(words);

        ck_assert_msg(n > 10 && isupper(words[0]) && words[n - 1] == '.', "%s: '%s' is no sentence", name, words);
}

static bool is_name(const char *text) {
        return text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

TEST(every_table_is_well_formed) {
        for (uint32_t t = 0; conf_tables[t]; t++) {
                const ConfTable *table = conf_tables[t];

                expect_words(table->summary, table->program);
                ck_assert_str_eq(table->program + strlen("mars-"), table->section);
                ck_assert_ptr_nonnull(table->key[0].group);
                for (uint32_t k = 0; k < table->n_keys; k++) {
                        const ConfKey *key = &table->key[k];

                        ck_assert(is_name(key->name));
                        expect_words(key->doc, key->name);
                        expect_words(key->reason, key->name);
                        ck_assert_msg(strstr(key->doc, "  ") == NULL && strlen(key->reason) < 200, "%s", key->name);
                        ck_assert_uint_lt(key->offset, table->size_bytes);
                        ck_assert_int_eq(key->kind == CONF_CHOICE, key->choices != NULL);
                        ck_assert(key->kind != CONF_SECONDS || (key->least > 0 && key->most > key->least));
                        ck_assert(!key->share || key->kind == CONF_SIZE);
                        for (uint32_t other = 0; other < k; other++) {
                                ck_assert_str_ne(key->name, table->key[other].name);
                                ck_assert_uint_ne(key->offset, table->key[other].offset);
                        }
                }
        }
}

/* All spellings of a program, with what has them: a key, a common option, or nothing any more. */
TEST(no_spelling_means_two_things) {
        for (uint32_t t = 0; conf_tables[t]; t++) {
                const ConfTable *table = conf_tables[t];
                Vec(char *) spellings  = {};
                const char *word;
                size_t n;

                for (uint32_t k = 0; k < table->n_keys; k++) {
                        const ConfKey *key = &table->key[k];
                        char *own, *list;

                        ck_assert_int_ge(asprintf(&own, "--%s -%c %s %s", key->name, key->letter ?: '-', key->old ?: "",
                                                  key->env ?: ""),
                                         0);
                        list = own;
                        while (conf_next_word((const char **) &list, &word, &n))
                                if (strncmp(word, "-- ", 3) != 0)
                                        ck_assert_int_eq(vec_push(&spellings, strndup(word, n)), 0);
                        free(own);
                }
                for (const ConfGone *g = conf_gone; g->old; g++)
                        for (const char *list = g->old; conf_next_word(&list, &word, &n);)
                                ck_assert_int_eq(vec_push(&spellings, strndup(word, n)), 0);
                for (const ConfOption *o = conf_options; o->name; o++) {
                        char *text;

                        ck_assert_int_ge(asprintf(&text, "--%s", o->name), 0);
                        ck_assert_int_eq(vec_push(&spellings, text), 0);
                        if (o->letter) {
                                ck_assert_int_ge(asprintf(&text, "-%c", o->letter), 0);
                                ck_assert_int_eq(vec_push(&spellings, text), 0);
                        }
                }
                for (uint32_t a = 0; a < spellings.n; a++)
                        for (uint32_t b = 0; b < a; b++)
                                ck_assert_msg(!conf_same_name(spellings.data[a], spellings.data[b]), "%s: %s twice",
                                              table->program, spellings.data[a]);
                for (uint32_t k = 0; k < spellings.n; k++)
                        free(spellings.data[k]);
                vec_free(&spellings);
        }
}

TEST(the_last_source_that_has_a_value_counts_and_is_remembered) {
        static const char *const sources[]   = { "mars.conf",   "mars.conf.d/10.conf",   "mars.conf.d/20.conf",
                                                 "worker.conf", "worker.conf.d/10.conf", "worker.conf.d/20.conf" };
        _cleanup_(folder_done) Folder folder = folder_new();
        _cleanup_(arena_freep) Arena *arena  = arena_new();

        for (unsigned n = 0; n <= ELEMENTSOF(sources) + 2; n++) {
                const bool environment = n == ELEMENTSOF(sources) + 1, option = n == ELEMENTSOF(sources) + 2;
                const char *value = arena_printf(arena, "%u%%", n);

                if (n > 0 && n <= ELEMENTSOF(sources))
                        put_file(&folder, sources[n - 1], arena_printf(arena, "# %u\ncache_mem = %s\n", n, value));
                if (environment)
                        setenv("MARS_CACHE_MEM_SIZE", value, true);
                _cleanup_(run_done) Run made =
                        run_words(&conf_worker, &folder, option * 2, (const char *[]) { "--cache-mem", value });
                ck_assert_str_eq(made.bad, "");
                ck_assert_str_eq(text_of(made.conf, "cache_mem"), n == 0 ? "50%" : value);
                ck_assert_pstr_eq(conf_origin(made.conf, "cache_mem"),
                                  n == 0        ? NULL
                                  : option      ? "--cache-mem"
                                  : environment ? "$MARS_CACHE_MEM_SIZE"
                                                : arena_printf(arena, "%s/%s:2", folder.path, sources[n - 1]));
        }
}

/* Every key with a value that is not its default, where those that must go together do. */
static const char *const unusual[][64] = {
        { "--host=::1", "--advertise=a.example", "--endpoint=[::1]:1", "--port=0", "--socket=none",
          "--key-file=/k # \"x\"", "--token-file=/t\\", "--metrics=[::1]:9", "--plain-http", "--state-dir=/s ",
          "--heartbeat=0.25", "--suspect=500ms", "--dead=1min", "--lease=1.000001", "--max-sessions=1",
          "--max-requests=2", "--withdrawn-users=alice, bob", "--strict-verify", "--log-level=fatal" },
        { "--host=h",
          "--advertise=a",
          "--endpoint=e:1",
          "--port=none",
          "--socket=/s",
          "--schedulers=unix:/a b,[::1]:5",
          "--name=\"quoted\" # \\",
          "--key-file=/k",
          "--token-file=/t",
          "--metrics=h:9",
          "--plain-http",
          "--threads=3",
          "--cache-mem=12.5 %",
          "--share-memory=no",
          "--phy-mem=1 TiB",
          "--hugepages=on",
          "--hugepage-size=1048576k",
          "--spill-dirs=/a#b:/c d",
          "--disk=0",
          "--keep-for=2min",
          "--drain=none",
          "--careful-for=2min",
          "--log-level=err" },
        { "--host=h", "--advertise=a", "--endpoint=e:1", "--port=1", "--ui-port=2", "--schedulers=a:1,b:2",
          "--key-file=/k", "--certificate=/c", "--certificate-key=/d", "--public-url=https://a/b", "--plain-http",
          "--log-level=debug" },
};

TEST(printed_configuration_reads_back_to_the_same) {
        for (uint32_t t = 0; conf_tables[t]; t++) {
                const ConfTable *table               = conf_tables[t];
                _cleanup_(folder_done) Folder folder = folder_new();
                char file[32];
                const char *words[65] = { "--print-config" };

                for (uint32_t k = 0; k < table->n_keys; k++)
                        words[1 + k] = unusual[t][k];
                snprintf(file, sizeof(file), "%s.conf", table->section);
                _cleanup_(run_done) Run printed = run_words(table, NULL, 1 + (int) table->n_keys, words);
                _cleanup_(run_done) Run told    = run_words(table, NULL, (int) table->n_keys, words + 1);
                ck_assert_int_eq(printed.r, CONF_DONE);
                ck_assert_str_eq(printed.bad, "");
                put_file(&folder, file, printed.out);
                _cleanup_(run_done) Run read = run(table, &folder);
                ck_assert_str_eq(read.bad, "");
                for (uint32_t k = 0; k < table->n_keys; k++) {
                        const char *name = table->key[k].name;

                        ck_assert_msg(conf_origin(told.conf, name), "%s was not told", name);
                        ck_assert_str_ne(text_of(told.conf, name), table->key[k].value);
                        ck_assert_str_eq(text_of(read.conf, name), text_of(told.conf, name));
                        ck_assert_ptr_nonnull(strstr(conf_origin(read.conf, name), file));
                }
        }
}

TEST(printed_defaults_are_comments_of_which_each_is_the_default) {
        for (uint32_t t = 0; conf_tables[t]; t++) {
                const ConfTable *table               = conf_tables[t];
                _cleanup_(folder_done) Folder folder = folder_new();
                _cleanup_(run_done) Run printed      = run(table, NULL, "--print-config");
                char file[32];

                snprintf(file, sizeof(file), "%s.conf", table->section);
                put_file(&folder, file, printed.out);
                _cleanup_(run_done) Run untouched = run(table, &folder);
                for (char *at = printed.out; (at = strstr(at, "\n#"));
                     at++) /* "#key = value": blanks follow the others */
                        if (at[2] != ' ')
                                at[1] = ' ';
                put_file(&folder, file, printed.out);
                _cleanup_(run_done) Run used = run(table, &folder);
                ck_assert_str_eq(used.bad, "");
                for (uint32_t k = 0; k < table->n_keys; k++) {
                        ck_assert_ptr_null(conf_origin(untouched.conf, table->key[k].name));
                        ck_assert_ptr_nonnull(conf_origin(used.conf, table->key[k].name));
                        ck_assert_str_eq(text_of(used.conf, table->key[k].name), table->key[k].value);
                }
        }
}

TEST(help_names_every_option_within_a_hundred_columns) {
        for (uint32_t t = 0; conf_tables[t]; t++) {
                const ConfTable *table       = conf_tables[t];
                _cleanup_(run_done) Run made = run(table, NULL, "--nonsense", "-h");
                size_t columns               = 0;

                ck_assert_int_eq(made.r, CONF_DONE);
                ck_assert_str_eq(made.bad, "");
                for (uint32_t k = 0; k < table->n_keys; k++) {
                        char option[64] = "--";

                        for (const char *at = table->key[k].name; *at; at++)
                                option[strlen(option)] = *at == '_' ? '-' : *at;
                        ck_assert_msg(strstr(made.out, option), "%s", option);
                }
                for (const char *at = made.out; *at; at++) {
                        columns = *at == '\n' ? 0 : columns + ((*at & 0xc0) != 0x80);
                        ck_assert_uint_le(columns, CONF_COLUMNS);
                        ck_assert_msg(*at != '\n' || at[-1] != ' ', "blanks before '%.20s'", at + 1);
                }
        }
}

TEST(version_and_check_say_so_and_exit_as_they_should) {
        _cleanup_(folder_done) _unused_ Folder folder = folder_new();
        _cleanup_(run_done) Run version      = run(&conf_worker, NULL, "--version");
        _cleanup_(run_done) Run good         = run(&conf_worker, NULL, "--check-config", "-k", "etcd://x");
        _cleanup_(run_done) Run bad          = run(&conf_worker, NULL, "--check-config", "--port=x");

        ck_assert_str_eq(version.out, "mars-worker 0.1.0\n");
        ck_assert_str_eq(good.out,
                         "mars-worker: note: -k has no effect: there is no key-value store: workers are told of "
                         "schedulers by --schedulers\nmars-worker: configuration is good\n");
        ck_assert_int_eq(conf_exit_status(good.r), EX_OK);
        ck_assert_str_eq(bad.out, "");
        ck_assert_str_eq(bad.bad,
                         "mars-worker: --port: 'x' is not a port: give a number from 1 to 65535, 0 for any that is "
                         "free, or none\n");
        ck_assert_int_eq(conf_exit_status(bad.r), EX_CONFIG);
        ck_assert_int_eq(conf_exit_status(ERROR_MEMORY), EX_OSERR);
}

TEST(a_reload_changes_live_keys_and_names_the_others) {
        _cleanup_(folder_done) Folder folder = folder_new();
        _cleanup_(conf_freep) Conf *later    = NULL;
        _cleanup_(arena_freep) Arena *arena  = arena_new();

        put_file(&folder, "scheduler.conf", "log_level = info\nport = 1\ndead = 20\n");
        Run made = run(&conf_scheduler, &folder);
        put_file(&folder, "scheduler.conf", "log_level = debug\n\nport = 2\ndead = 30\nsocket = /s\n");
        ck_assert_int_eq(conf_reload(&later, made.conf, stderr), 0);
        run_done(&made); /* the new one needs nothing of it */
        const ConfScheduler *s = conf_values(later);
        ck_assert_str_eq(text_of(later, "log_level"), "debug");
        ck_assert_uint_eq(s->dead_usec, 30000000);
        ck_assert_str_eq(s->listen, "127.0.0.1:1");
        ck_assert_str_eq(s->socket, "/run/mars/scheduler.sock");
        ck_assert_ptr_null(conf_origin(later, "socket"));
        ck_assert_str_eq(conf_origin(later, "port"), arena_printf(arena, "%s/scheduler.conf:2", folder.path));
        ck_assert_uint_eq(conf_notes(later).n, 2);
        ck_assert_str_eq(conf_notes(later).item[0],
                         arena_printf(arena,
                                      "%s/scheduler.conf:3: port is 2 from the next start on: until then it stays 1",
                                      folder.path));
}

TEST(a_reload_of_mistakes_tells_them_and_leaves_what_runs) {
        _cleanup_(folder_done) Folder folder = folder_new();
        Conf *later                          = NULL;
        char *words                          = NULL;
        size_t n;
        FILE *bad = open_memstream(&words, &n);

        put_file(&folder, "scheduler.conf", "log_level = debug\n");
        _cleanup_(run_done) Run made = run(&conf_scheduler, &folder);
        put_file(&folder, "scheduler.conf", "log_level = loud\n");
        ck_assert_int_eq(conf_reload(&later, made.conf, bad), ERROR_VALUE);
        fclose(bad);
        ck_assert_ptr_null(later);
        ck_assert_ptr_nonnull(
                strstr(words, "scheduler.conf:1: log_level: 'loud' is none of the words: give debug, info, notice, "
                              "warning, error or critical"));
        ck_assert_str_eq(text_of(made.conf, "log_level"), "debug");
        free(words);
}

TEST(manual_pages_have_every_key) {
        char *files = NULL;
        size_t n;
        FILE *out = open_memstream(&files, &n);

        conf_manual_of_files(out);
        fclose(out);
        for (uint32_t t = 0; conf_tables[t]; t++) {
                const ConfTable *table = conf_tables[t];
                char *page             = NULL;

                out = open_memstream(&page, &n);
                conf_manual(table, out);
                fclose(out);
                for (uint32_t k = 0; k < table->n_keys; k++) {
                        char option[128] = "\\fB\\-\\-", key[64];

                        for (const char *at = table->key[k].name; *at; at++)
                                strcat(option, *at == '_' ? "\\-" : (char[]) { *at, '\0' });
                        snprintf(key, sizeof(key), "\\fB%s\\fR\n", table->key[k].name);
                        ck_assert_msg(strstr(page, option), "%s", option);
                        ck_assert_msg(strstr(files, key), "%s", key);
                }
                free(page);
        }
        free(files);
}
