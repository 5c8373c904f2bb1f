/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

static void expect_mistakes(const ConfTable *table, const Folder *folder, const char *fmt) {
        _cleanup_(run_done) Run made        = run(table, folder);
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const char *words                   = "";

        for (const char *at = fmt; *at; at++) /* ~ stands for the directory */
                words = *at == '~' ? arena_printf(arena, "%s%s", words, folder->path)
                                   : arena_printf(arena, "%s%c", words, *at);
        ck_assert_int_eq(made.r, ERROR_VALUE);
        ck_assert_str_eq(made.bad, words);
}

TEST(a_line_is_a_key_and_a_value_with_comments_and_blanks_as_one_likes) {
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "worker.conf",
                 "# a comment\n"
                 "; another\n"
                 "\n"
                 "  cache_mem=1g\r\n"
                 "\tphy_mem \t=  2g   # in words\n"
                 "name = a#b \n"
                 "spill_dirs = /a#b:/c\t#d\n"
                 "[worker] # ourselves\n"
                 "threads = 3"); /* without an end of line */
        _cleanup_(run_done) Run made = run(&conf_worker, &folder);
        ck_assert_str_eq(made.bad, "");
        ck_assert_str_eq(text_of(made.conf, "cache_mem"), "1g");
        ck_assert_str_eq(text_of(made.conf, "phy_mem"), "2g");
        ck_assert_str_eq(text_of(made.conf, "name"), "a#b");
        ck_assert_str_eq(text_of(made.conf, "spill_dirs"), "/a#b:/c");
        ck_assert_str_eq(text_of(made.conf, "threads"), "3");
        ck_assert_ptr_nonnull(strstr(conf_origin(made.conf, "threads"), "/worker.conf:9"));
}

TEST(quotes_keep_what_would_be_a_comment_or_lost) {
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "worker.conf", "name = \" a # \\\"b\\\" \\\\ \\n = \"  # comment\n");
        _cleanup_(run_done) Run made = run(&conf_worker, &folder);
        ck_assert_str_eq(made.bad, "");
        ck_assert_str_eq(text_of(made.conf, "name"), " a # \"b\" \\ \\n = ");
}

TEST(all_mistakes_are_told_at_once_with_file_and_line) {
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "mars.conf",
                 "port = 1\n"
                 "log_levle = debug\n"
                 "[worker]\n"
                 "cache_mem = 500%\n"
                 "cache_mem = 1g\n"
                 "phy_mem\n"
                 "heartbeat = 1\n"
                 "[workers]\n"
                 "[worker\n");
        put_file(&folder, "worker.conf", "spill_dir = /x\nname = \"x\nname = \"x\" y\nzzzzzzzz = 1\n[web]\nport = 3\n");
        expect_mistakes(&conf_worker, &folder,
                        "mars-worker: ~/mars.conf:1: port: is another one in each program: give it under [scheduler], "
                        "[worker] or "
                        "[web]\n"
                        "mars-worker: ~/mars.conf:2: log_levle: no such key: give log_level\n"
                        "mars-worker: ~/mars.conf:4: cache_mem: '500%' is more than all of it: give a size such as "
                        "512m, 1.5g or "
                        "50%\n"
                        "mars-worker: ~/mars.conf:5: cache_mem: is set in line 4 already: give it once\n"
                        "mars-worker: ~/mars.conf:6: 'phy_mem' sets nothing: give key = value\n"
                        "mars-worker: ~/mars.conf:7: heartbeat: is a key of mars-scheduler, not of mars-worker\n"
                        "mars-worker: ~/mars.conf:8: [workers] is no program: give [scheduler], [worker] or [web]\n"
                        "mars-worker: ~/mars.conf:9: a section ends with ]: give [worker]\n"
                        "mars-worker: ~/worker.conf:1: spill_dir: no such key: give spill_dirs\n"
                        "mars-worker: ~/worker.conf:2: name: the quotes do not end with the value: give \"…\", with "
                        "\\\" for a quote "
                        "in it\n"
                        "mars-worker: ~/worker.conf:3: name: the quotes do not end with the value: give \"…\", with "
                        "\\\" for a quote "
                        "in it\n"
                        "mars-worker: ~/worker.conf:4: zzzzzzzz: no such key: mars-worker --help lists them\n"
                        "mars-worker: ~/worker.conf:5: [web] has no place in a file of mars-worker alone: give it in "
                        "mars.conf or "
                        "web.conf\n");
}

TEST(file_of_all_programs_may_have_keys_of_others_and_none_of_nobody) {
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "mars.conf",
                 "log_level = warning\n"
                 "cache_mem = whatever\n" /* the worker says so */
                 "[web]\n"
                 "nonsense\n"
                 "port = 81\n"
                 "[scheduler]\n"
                 "port = 82\n");
        _cleanup_(run_done) Run scheduler = run(&conf_scheduler, &folder), worker = run(&conf_worker, &folder);
        ck_assert_str_eq(scheduler.bad, "");
        ck_assert_str_eq(text_of(scheduler.conf, "port"), "82");
        ck_assert_str_eq(text_of(scheduler.conf, "log_level"), "warning");
        ck_assert_ptr_nonnull(strstr(worker.bad, "mars.conf:2: cache_mem: 'whatever'"));
}

TEST(drop_ins_are_read_in_the_order_of_their_names_and_only_such) {
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "worker.conf.d/20-b.conf", "threads = 20\n");
        put_file(&folder, "worker.conf.d/Z.conf", "name = upper\n");
        put_file(&folder, "worker.conf.d/a.conf", "name = lower\n"); /* after Z: bytes, not a language */
        put_file(&folder, "worker.conf.d/9.conf", "threads = 9\n");
        put_file(&folder, "worker.conf.d/99.conf.bak", "threads = 99\n");
        put_file(&folder, "worker.conf.d/.hidden.conf", "threads = 98\n");
        put_file(&folder, "worker.conf.d/.conf", "threads = 97\n");
        _cleanup_(run_done) Run made = run(&conf_worker, &folder, "--check-config");
        _cleanup_(run_done) Run used = run(&conf_worker, &folder);
        ck_assert_str_eq(text_of(used.conf, "threads"), "9");
        ck_assert_str_eq(text_of(used.conf, "name"), "lower");
        const char *files[] = { "(read: ", "/20-b.conf, ", "/9.conf, ", "/Z.conf, ", "/a.conf)\n" }, *at = made.out;
        for (size_t k = 0; k < ELEMENTSOF(files); k++) {
                at = strstr(at, files[k]);
                ck_assert_msg(at, "%s in %s", files[k], made.out);
                at += strlen(files[k]);
        }
        ck_assert_str_eq(at, "");
}

TEST(file_that_is_none_of_text_is_refused) {
        _cleanup_(folder_done) Folder folder = folder_new();
        char line[CONF_MAX_LINE + 32];

        put_bytes_into(&folder, "worker.conf", "name = a\0b\n", 11);
        expect_mistakes(&conf_worker, &folder,
                        "mars-worker: ~/worker.conf:1: has a NUL byte: the file is none of text\n");
        put_file(&folder, "worker.conf", "name = a\x01z\n");
        expect_mistakes(&conf_worker, &folder, "mars-worker: ~/worker.conf:1: name: has a control character\n");
        memset(line, 'x', sizeof(line));
        put_bytes_into(&folder, "worker.conf", line, sizeof(line));
        expect_mistakes(&conf_worker, &folder, "mars-worker: ~/worker.conf:1: is longer than 4096 bytes\n");
}

TEST(mistakes_beyond_fifty_are_counted) {
        _cleanup_(folder_done) Folder folder = folder_new();
        char lines[8 * 60 + 1]               = "";

        for (int k = 0; k < 60; k++)
                strcat(lines, "nothing\n");
        put_file(&folder, "worker.conf", lines);
        _cleanup_(run_done) Run made = run(&conf_worker, &folder);
        ck_assert_ptr_nonnull(strstr(made.bad, "worker.conf:50: "));
        ck_assert_ptr_null(strstr(made.bad, "worker.conf:51: "));
        ck_assert_ptr_nonnull(strstr(made.bad, "mars-worker: and 10 more\n"));
}

TEST(file_or_directory_that_cannot_be_read_is_a_mistake) {
        _cleanup_(folder_done) Folder folder = folder_new();
        Folder nowhere                       = { "/no/such/directory" };

        put_file(&folder, "worker.conf/x", "");
        expect_mistakes(&conf_worker, &folder, "mars-worker: ~/worker.conf: Is a directory\n");
        put_file(&folder, "mars.conf.d", "");
        expect_mistakes(&conf_worker, &folder,
                        "mars-worker: ~/mars.conf.d: Not a directory\nmars-worker: ~/worker.conf: Is a directory\n");
        expect_mistakes(&conf_worker, &nowhere,
                        "mars-worker: --config-dir: '~' is no directory that can be read: give one, "
                        "or none for no files\n");
}

TEST(one_of_several_has_a_file_of_its_own_after_all_others) {
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "worker.conf", "threads = 3\nport = 7105\n");
        put_file(&folder, "worker.conf.d/10.conf", "threads = 4\n");
        put_file(&folder, "worker@node1.conf", "port = 7205\n[worker]\nname = second\n");
        _cleanup_(run_done) Run made = run(&conf_worker, &folder, "--instance", "node1");
        ck_assert_str_eq(made.bad, "");
        ck_assert_str_eq(text_of(made.conf, "threads"), "4");
        ck_assert_str_eq(text_of(made.conf, "port"), "7205");
        ck_assert_str_eq(text_of(made.conf, "name"), "second");
        _cleanup_(run_done) Run only = run(&conf_worker, &folder);
        ck_assert_str_eq(text_of(only.conf, "port"), "7105");
}

TEST(instance_without_a_file_or_a_name_is_a_mistake) {
        _cleanup_(folder_done) Folder folder = folder_new();

        _cleanup_(run_done) Run absent = run(&conf_worker, &folder, "--instance=node1");
        ck_assert_int_eq(absent.r, ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(absent.bad, "/worker@node1.conf: No such file or directory: what sets it apart"));
        _cleanup_(run_done) Run outside = run(&conf_worker, &folder, "--instance=../node1");
        ck_assert_ptr_nonnull(strstr(outside.bad, "'../node1' is no name: give one without '/'"));
}
