/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <sysexits.h>

#include "daemons/conf/keys.h"
#include "folder.h"

/* Something that the key takes and that is not its default; all keys of a program take theirs at the same time. */
static const char *sample(Arena *arena, const ConfTable *table, const ConfKey *key) {
        const ConfChoice *choice = key->choices;
        uint64_t usec;

        switch (key->kind) {
        case CONF_TEXT:
                return "somebody";
        case CONF_HOST:
                return "192.0.2.7";
        case CONF_ADDRESS:
                return "192.0.2.8:99";
        case CONF_ADDRESSES:
                return "a:1,unix:/x";
        case CONF_PORT:
                return arena_printf(arena, "%d", 4000 + (int) (key - table->key));
        case CONF_COUNT:
                return "7";
        case CONF_SIZE:
                return "3g";
        case CONF_BYTES:
                return "1g";
        case CONF_SECONDS: /* still in order */
                ck_assert_int_eq(conf_parse(&(ConfParse) { arena, false },
                                            &(ConfKey) { .kind = CONF_SECONDS, .least = 1 }, key->value, &usec, NULL),
                                 0);
                return arena_printf(arena, "%g", (double) usec * 2 / 1e6);
        case CONF_FLAG:
                return strcmp(key->value, "yes") == 0 ? "no" : "yes";
        case CONF_CHOICE:
                while (strcmp(choice->word, key->value) == 0)
                        choice++;
                return choice->word;
        case CONF_PATH:
                return "/a b/c";
        case CONF_PATHS:
                return "/x:/y";
        }
        ck_abort_msg("%s has no sample", key->name);
}

/* With what a key must go together. */
static const char *companion(const ConfKey *key) {
        return strcmp(key->name, "certificate") == 0       ? "--certificate-key=/k"
               : strcmp(key->name, "certificate_key") == 0 ? "--certificate=/c"
                                                           : "-V0";
}

static Run run_word(const ConfTable *table, const ConfKey *key, const char *word) {
        const char *other = companion(key);

        return run_words(table, NULL, 1 + (other[1] != 'V'), (const char *[]) { word, other });
}

static const char *option_of(Arena *arena, const ConfKey *key) {
        char *text = arena_printf(arena, "--%s", key->name);

        for (char *at = text; *at; at++)
                *at = *at == '_' ? '-' : *at;
        return text;
}

TEST(every_option_takes_its_own_default) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (uint32_t t = 0; conf_tables[t]; t++)
                for (uint32_t k = 0; k < conf_tables[t]->n_keys; k++) {
                        const ConfKey *key           = &conf_tables[t]->key[k];
                        const char *option           = option_of(arena, key);
                        _cleanup_(run_done) Run made = run(conf_tables[t], NULL, option, key->value);

                        ck_assert_str_eq(made.bad, "");
                        ck_assert_str_eq(text_of(made.conf, key->name), key->value);
                        ck_assert_str_eq(conf_origin(made.conf, key->name), option);
                }
}

TEST(every_spelling_of_a_key_means_it) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        uint32_t n_spellings                = 0;

        for (uint32_t t = 0; conf_tables[t]; t++)
                for (uint32_t k = 0; k < conf_tables[t]->n_keys; k++) {
                        const ConfKey *key = &conf_tables[t]->key[k];
                        const char *value = sample(arena, conf_tables[t], key), *old = key->old, *word;
                        const char *all = arena_printf(arena, "--%s %s%.1s %s", key->name, key->letter ? "-" : "",
                                                       key->letter ? &key->letter : "", old ?: "");
                        size_t n;

                        while (conf_next_word(&all, &word, &n)) {
                                const char *spelling = arena_printf(arena, "%.*s", (int) n, word);
                                bool is_letter       = n == 2;
                                _cleanup_(run_done) Run made =
                                        run_word(conf_tables[t], key,
                                                 arena_printf(arena, "%s%s%s", spelling, is_letter ? "" : "=", value));

                                ck_assert_str_eq(made.bad, "");
                                ck_assert_str_eq(text_of(made.conf, key->name), value);
                                ck_assert_str_eq(conf_origin(made.conf, key->name), spelling);
                                n_spellings++;
                        }
                }
        ck_assert_uint_gt(n_spellings, 60);
}

TEST(every_variable_of_a_key_means_it_and_the_command_line_counts_more) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (uint32_t t = 0; conf_tables[t]; t++)
                for (uint32_t k = 0; k < conf_tables[t]->n_keys; k++) {
                        const ConfKey *key = &conf_tables[t]->key[k];
                        const char *list = key->env, *value = sample(arena, conf_tables[t], key), *word;
                        size_t n;

                        while (list && conf_next_word(&list, &word, &n)) {
                                const char *name = arena_printf(arena, "%.*s", (int) n, word);

                                setenv(name, value, true);
                                _cleanup_(run_done) Run made = run(conf_tables[t], NULL);
                                _cleanup_(run_done) Run more =
                                        run(conf_tables[t], NULL, option_of(arena, key), key->value);
                                unsetenv(name);
                                ck_assert_str_eq(text_of(made.conf, key->name), value);
                                ck_assert_str_eq(conf_origin(made.conf, key->name), arena_printf(arena, "$%s", name));
                                ck_assert_str_eq(text_of(more.conf, key->name), key->value);
                        }
                }
}

TEST(every_spelling_that_means_nothing_any_more_is_noted_by_every_program) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        uint32_t n_spellings                = 0;

        for (const ConfGone *gone = conf_gone; gone->old; gone++) {
                const char *list = gone->old, *word;
                size_t n;

                while (conf_next_word(&list, &word, &n))
                        for (uint32_t t = 0; conf_tables[t]; t++) {
                                const bool variable = word[0] != '-', is_define = strncmp(word, "-D", 2) == 0;
                                const char *spelling =
                                        arena_printf(arena, "%s%.*s", variable ? "$" : "", (int) n, word);
                                const char *argument = is_define ? arena_printf(arena, "%s=7", spelling) : spelling;
                                const bool takes     = !is_define && gone->takes != CONF_NOTHING;

                                if (variable)
                                        setenv(spelling + 1, "1", true);
                                _cleanup_(run_done) Run made = run_words(conf_tables[t], NULL, variable ? 0 : 1 + takes,
                                                                         (const char *[]) { argument, "something" });
                                if (variable)
                                        unsetenv(spelling + 1);
                                ck_assert_str_eq(made.bad, "");
                                ck_assert_uint_eq(conf_notes(made.conf).n, 1);
                                ck_assert_str_eq(conf_notes(made.conf).item[0],
                                                 arena_printf(arena, "%s has no effect: %s", spelling, gone->why));
                                n_spellings++;
                        }
        }
        ck_assert_uint_gt(n_spellings, 300);
}

TEST(commands_of_the_users_document_work) {
        _cleanup_(run_done) Run scheduler = run(&conf_scheduler, NULL, "-a", "192.0.2.1", "-p", "9010");
        _cleanup_(run_done) Run web =
                run(&conf_web, NULL, "-a", "192.0.2.2", "-s", "192.0.2.1:9010", "-p", "9011", "--ui-port", "9080");
        _cleanup_(run_done) Run worker = run(&conf_worker, NULL, "-a", "localhost", "-p", "9012", "-s",
                                             "localhost:9010", "--cache-mem", "512m", "--phy-mem", "90%");
        const ConfScheduler *s         = conf_values(scheduler.conf);
        const ConfWorker *w            = conf_values(worker.conf);
        const ConfWeb *b               = conf_values(web.conf);

        ck_assert_str_eq(s->listen, "192.0.2.1:9010");
        ck_assert_str_eq(s->announce, "192.0.2.1");
        ck_assert_str_eq(b->listen_http, "192.0.2.2:9080");
        ck_assert_str_eq(b->announce, "192.0.2.2");
        ck_assert_str_eq(b->schedulers.item[0], "192.0.2.1:9010");
        ck_assert_str_eq(w->listen, "localhost:9012");
        ck_assert_str_eq(w->announce, "localhost");
        ck_assert_uint_eq(w->schedulers.n, 1);
        ck_assert_str_eq(w->schedulers.item[0], "localhost:9010");
        ck_assert_str_eq(w->cache_mem, "512m");
        ck_assert_str_eq(w->phy_mem, "90%");
}

TEST(values_of_the_original_are_read_as_it_wrote_them) {
        _cleanup_(run_done) Run made = run(&conf_worker, NULL, "-D", "worker.spill_directory=\"/a:/b\"", "--level",
                                           "WARNING", "--load-modules", "a,b", "c", "--profile", "-s", "a:1,b:2",
                                           "--cpu_procs=3", "-Dscheduler.status_timeout=60");

        ck_assert_str_eq(made.bad, "");
        ck_assert_str_eq(text_of(made.conf, "spill_dirs"), "/a:/b");
        ck_assert_str_eq(text_of(made.conf, "log_level"), "warning");
        ck_assert_str_eq(text_of(made.conf, "schedulers"), "a:1,b:2");
        ck_assert_str_eq(text_of(made.conf, "threads"), "3");
        ck_assert_uint_eq(conf_notes(made.conf).n, 3);
        ck_assert_str_eq(conf_notes(made.conf).item[2],
                         "-Dscheduler.status_timeout has no effect: it is for mars-scheduler");
}

TEST(a_later_option_overrides_an_earlier_one_and_a_mistake_in_either_is_told) {
        _cleanup_(run_done) Run made  = run(&conf_worker, NULL, "-p1", "--port", "2", "-p=3");
        _cleanup_(run_done) Run wrong = run(&conf_worker, NULL, "-px", "-p", "3");

        ck_assert_str_eq(text_of(made.conf, "port"), "3");
        ck_assert_str_eq(wrong.bad,
                         "mars-worker: -p: port: 'x' is not a port: give a number from 1 to 65535, 0 for any that is "
                         "free, or none\n");
}

TEST(options_that_mean_nothing_are_refused_with_the_nearest_one) {
        static const struct {
                const char *words[3], *bad;
        } cases[] = {
                { { "--phymem", "3" }, "--phymem: no such option: give --phy-mem" },
                { { "--spil_dir=/x" }, "--spil_dir: no such option: give --spill-dirs" },
                { { "--shcedulers", "a:1" }, "--shcedulers: no such option: give --schedulers" },
                { { "--sched", "a:1" }, "--sched: no such option: give --schedulers" },
                { { "--check" }, "--check: no such option: give --check-config" },
                { { "--quite-something-else" },
                  "--quite-something-else: no such option: mars-worker --help lists them" },
                { { "-x" }, "-x: no such option: mars-worker --help lists them" },
                { { "-Dworker.spil_directory=/x" },
                  "-Dworker.spil_directory: no such option: mars-worker --help lists them" },
                { { "localhost" }, "'localhost' is no option: mars-worker --help lists them" },
                { { "--" }, "--: no such option: mars-worker --help lists them" },
                { { "" }, "'' is no option: mars-worker --help lists them" },
                { { "--heartbeat", "2" }, "--heartbeat: is an option of mars-scheduler, not of mars-worker" },
                { { "--port" },
                  "--port: has no value: give a number from 1 to 65535, 0 for any that is free, or none" },
                { { "--port", "--disk", "1g" },
                  "--port: has no value: give a number from 1 to 65535, 0 for any that is free, or none" },
                { { "-Dworker.disk_limit" },
                  "-Dworker.disk_limit: has no value: give a size such as 512m or 1.5g, or all" },
                { { "--config-dir" }, "--config-dir: has no value: give a directory, or none" },
                { { "--instance" }, "--instance: has no value: give a name" },
                { { "--check-config=yes" }, "--check-config: takes no value" },
                { { "--port=none", "--socket=none" },
                  "port, socket: both are none, so nobody could fetch a chunk: give one" },
                { { "--hugepage-size=3m" }, "hugepage_size: is no power of two: give 2m or 1g, for instance" },
                { { "--hugepage-size=2m", "--hugepages=off" },
                  "hugepage_size, hugepages: a size of pages that are off: give "
                  "hugepage_size = auto, or hugepages = try" },
        };
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                int n = 0;

                while (n < 3 && cases[k].words[n])
                        n++;
                _cleanup_(run_done) Run made = run_words(&conf_worker, NULL, n, cases[k].words);
                ck_assert_int_eq(made.r, ERROR_VALUE);
                ck_assert_str_eq(made.bad, arena_printf(arena, "mars-worker: %s\n", cases[k].bad));
        }
}

TEST(values_that_do_not_go_together_are_refused) {
        _cleanup_(run_done) Run slow  = run(&conf_scheduler, NULL, "--heartbeat=4");
        _cleanup_(run_done) Run mute  = run(&conf_scheduler, NULL, "--port=none", "--socket=none");
        _cleanup_(run_done) Run half  = run(&conf_web, NULL, "--certificate=/c");
        _cleanup_(run_done) Run twice = run(&conf_web, NULL, "--ui-port=80", "--port=80");

        ck_assert_str_eq(slow.bad,
                         "mars-scheduler: heartbeat, suspect, dead: each must be longer than the one before: give 1, 3 "
                         "and 10, for instance\n");
        ck_assert_str_eq(mute.bad, "mars-scheduler: port, socket: both are none, so nobody could connect: give one\n");
        ck_assert_str_eq(half.bad,
                         "mars-web: certificate, certificate_key: one is of no use without the other: give both or "
                         "none\n");
        ck_assert_str_eq(twice.bad, "mars-web: port, ui_port: both are 80: give two, or one of them\n");
}

TEST(a_daemon_listens_and_is_found_where_it_was_told) {
        static const struct {
                const char *words[4], *listen, *announce;
        } cases[] = {
                { {}, "127.0.0.1:7105", "127.0.0.1" },
                { { "-a", "192.0.2.7" }, "192.0.2.7:7105", "192.0.2.7" },
                { { "-a", "192.0.2.7", "-H", "10.0.0.1" }, "10.0.0.1:7105", "192.0.2.7" },
                { { "-H", "::1", "-p", "0" }, "[::1]:0", "::1" },
                { { "-e", "[2001:db8::1]:99", "-p", "1" }, "[2001:db8::1]:99", "2001:db8::1" },
                { { "-e", "10.0.0.1:99", "-a", "node7" }, "10.0.0.1:99", "node7" },
                { { "-p", "none" }, NULL, NULL },
        };
        char name[256];

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                int n = 0;

                while (n < 4 && cases[k].words[n])
                        n++;
                _cleanup_(run_done) Run made = run_words(&conf_worker, NULL, n, cases[k].words);
                const ConfWorker *w          = conf_values(made.conf);
                ck_assert_pstr_eq(w->listen, cases[k].listen);
                ck_assert_pstr_eq(w->announce, cases[k].announce);
        }
        ck_assert_int_eq(gethostname(name, sizeof(name)), 0);
        _cleanup_(run_done) Run made = run(&conf_scheduler, NULL, "-H", "0.0.0.0");
        ck_assert_str_eq(((const ConfScheduler *) conf_values(made.conf))->announce, name);
}

TEST(port_of_the_web_daemon_is_that_of_pages_unless_those_have_their_own) {
        static const struct {
                const char *words[2], *http;
        } cases[] = {
                { {}, "127.0.0.1:7104" },
                { { "-p80" }, "127.0.0.1:80" },
                { { "--ui-port=80" }, "127.0.0.1:80" },
                { { "-p81", "--ui-port=80" }, "127.0.0.1:80" },
                { { "-w80" }, "127.0.0.1:80" },
                { { "-e127.0.0.2:80" }, "127.0.0.2:80" },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                _cleanup_(run_done) Run made =
                        run_words(&conf_web, NULL, !!cases[k].words[0] + !!cases[k].words[1], cases[k].words);
                const ConfWeb *web = conf_values(made.conf);

                ck_assert_str_eq(web->listen_http, cases[k].http);
        }
}

TEST(programs_without_options_are_those_of_one_machine) {
        _cleanup_(run_done) Run scheduler = run(&conf_scheduler, NULL), worker = run(&conf_worker, NULL);
        const ConfScheduler *s              = conf_values(scheduler.conf);
        const ConfWorker *w                 = conf_values(worker.conf);
        _cleanup_(arena_freep) Arena *arena = arena_new();

        ck_assert_str_eq(s->listen, "127.0.0.1:7103");
        ck_assert_str_eq(w->schedulers.item[0], arena_printf(arena, "unix:%s", s->socket));
        ck_assert_uint_eq(s->heartbeat_usec, 1000000);
        ck_assert_uint_eq(s->suspect_usec, 3000000);
        ck_assert_uint_eq(s->dead_usec, 10000000);
        ck_assert_uint_eq(w->threads, 0);
        ck_assert_ptr_null(w->disk);
        ck_assert_uint_eq(conf_notes(worker.conf).n, 0);
}
