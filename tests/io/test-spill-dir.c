/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/statvfs.h>

#include "io/spill-dir.h"

#include "disks.h"

static void path_in(const SpillTest *t, const char *name, char path[300]) {
        snprintf(path, 300, "%s/%s", t->dir, name);
}

TEST(lists_of_directories_are_taken_apart_and_the_default_is_a_disk) {
        char *names, many[400] = "";
        uint32_t n;
        Error err;

        ck_assert_int_eq(spill_dirs_parse(":/a::/b/c:", &names, &n, &err), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_str_eq(names, "/a");
        ck_assert_str_eq(names + 3, "/b/c");
        free(names);
        ck_assert_int_eq(spill_dirs_parse("::", &names, &n, &err), ERROR_VALUE);
        for (int k = 0; k <= MAX_SPILL_DIRS; k++)
                strcat(many, "/x:");
        ck_assert_int_eq(spill_dirs_parse(many, &names, &n, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "more than 64"));

        unsetenv("MARS_SPILL_DIR");
        setenv("TMPDIR", "/dev/shm", 1); /* memory is no disk */
        ck_assert_int_eq(spill_dirs_parse(NULL, &names, &n, &err), 0);
        ck_assert_str_eq(names, "/var/tmp");
        free(names);
        setenv("MARS_SPILL_DIR", "/one:/two", 1);
        ck_assert_int_eq(spill_dirs_parse(NULL, &names, &n, &err), 0);
        ck_assert_uint_eq(n, 2);
        free(names);
}

TEST(a_directory_that_cannot_be_used_is_named_at_once) {
        SpillConfig config;
        Spill *s = NULL;
        SpillTest t;
        Error err;

        test_dir(&t);
        config = test_config(&t, (SpillConfig) { .dirs = "/no/such/place" });
        ck_assert_int_eq(spill_new(&s, &config, &err), -ENOENT);
        ck_assert_ptr_nonnull(strstr(err.text, "cannot spill to '/no/such/place': No such file or directory"));
        config.dirs = "/etc/passwd";
        ck_assert_int_eq(spill_new(&s, &config, &err), -ENOTDIR);
        ck_assert_ptr_null(s);
        test_remove(&t);
}

TEST(disks_say_how_much_they_have_at_most) {
        struct statvfs fs;

        ck_assert_int_eq(statvfs("/var/tmp", &fs), 0);
        ck_assert_uint_eq(spill_most_bytes("/var/tmp"), (uint64_t) fs.f_blocks * fs.f_frsize);
        ck_assert_uint_eq(spill_most_bytes("/var/tmp:/var/tmp"), 2 * (uint64_t) fs.f_blocks * fs.f_frsize);
        ck_assert_uint_eq(spill_most_bytes("/no/such/place"), UINT64_MAX);
        ck_assert_uint_eq(spill_most_bytes(":"), UINT64_MAX);
}

TEST(what_is_made_is_private_and_what_dead_owners_left_goes) {
        SpillDir a, b, found;
        char path[300];
        struct stat st;
        SpillTest t;

        test_dir(&t);
        ck_assert_int_eq(spill_dir_make(&a, t.dir, 1, false, NULL), 0);
        ck_assert_int_eq(spill_dir_make(&b, t.dir, 1, true, NULL), 0);
        path_in(&t, a.name, path);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0700);
        ck_assert_int_eq(fstat(a.extents_fd, &st), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0600);
        ck_assert_int_eq(a.table_fd, -1);

        /* The living are left alone. */
        ck_assert_uint_eq(spill_dir_sweep(t.dir, false), 0);
        ck_assert_uint_eq(spill_dir_sweep(t.dir, true), 0);
        ck_assert_int_eq(spill_dir_reopen(&found, t.dir, 1, NULL), -EBUSY);
        ck_assert_int_eq(spill_dir_make(&found, t.dir, 1, true, NULL), -EBUSY);
        spill_dir_close(&a, false);
        spill_dir_close(&b, false);
        ck_assert_uint_eq(test_entries(t.dir), 2);
        ck_assert_uint_eq(spill_dir_sweep(t.dir, false), 1);
        ck_assert_int_eq(spill_dir_reopen(&found, t.dir, 2, NULL), SPILL_DIR_ABSENT);
        ck_assert_int_eq(spill_dir_reopen(&found, t.dir, 1, NULL), 0);
        spill_dir_close(&found, false);
        ck_assert_uint_eq(spill_dir_sweep(t.dir, true), 1);
        ck_assert_uint_eq(test_entries(t.dir), 0);
        test_remove(&t);
}

TEST(nothing_is_opened_or_removed_through_what_others_planted) {
        char path[300], victim[300], inside[300];
        SpillDir dir;
        SpillTest t;
        Error err;

        test_dir(&t);
        path_in(&t, "victim", victim);
        ck_assert_int_eq(mkdir(victim, 0700), 0);
        path_in(&t, "victim/extents", inside);
        ck_assert_int_eq(close(open(inside, O_CREAT | O_WRONLY, 0600)), 0);
        path_in(&t, "mars-kept-0000000000000001", path);
        ck_assert_int_eq(symlink(victim, path), 0);
        ck_assert_int_lt(spill_dir_make(&dir, t.dir, 1, true, &err), 0);
        ck_assert_int_lt(spill_dir_reopen(&dir, t.dir, 1, &err), 0);
        ck_assert_uint_eq(spill_dir_sweep(t.dir, true), 0);
        ck_assert_int_eq(access(inside, F_OK), 0);
        ck_assert_int_eq(unlink(path), 0);

        /* A directory that others may enter is not taken for ours. */
        ck_assert_int_eq(mkdir(path, 0700), 0);
        ck_assert_int_eq(chmod(path, 0770), 0);
        ck_assert_int_eq(spill_dir_make(&dir, t.dir, 1, true, &err), -EPERM);
        ck_assert_uint_eq(spill_dir_sweep(t.dir, true), 0);
        ck_assert_int_eq(chmod(path, 0700), 0);
        if (geteuid() == 0) {
                ck_assert_int_eq(chown(path, 65534, 65534), 0);
                ck_assert_int_eq(spill_dir_make(&dir, t.dir, 1, true, &err), -EPERM);
                ck_assert_uint_eq(spill_dir_sweep(t.dir, true), 0);
                ck_assert_int_eq(chown(path, 0, 0), 0);
        }

        /* Files that are links, or have two names, are not what we made. */
        path_in(&t, "mars-kept-0000000000000001/extents", path);
        ck_assert_int_eq(symlink(inside, path), 0);
        ck_assert_int_lt(spill_dir_reopen(&dir, t.dir, 1, &err), 0);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(link(inside, path), 0);
        ck_assert_int_eq(spill_dir_reopen(&dir, t.dir, 1, &err), -EPERM);
        ck_assert_uint_eq(spill_dir_sweep(t.dir, true), 1);
        ck_assert_int_eq(access(inside, F_OK), 0);
        test_remove(&t);
}
