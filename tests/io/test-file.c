/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

#include "harness.h"

static char folder[64];

static const char *in_folder(const char *name) {
        static char path[128];

        if (!folder[0]) {
                strcpy(folder, "/tmp/mars-test-file-XXXXXX");
                ck_assert_ptr_nonnull(mkdtemp(folder));
        }
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

static void put(const char *path, const char *text) {
        FILE *f = fopen(path, "wb");

        ck_assert_ptr_nonnull(f);
        fputs(text, f);
        fclose(f);
}

static int count_files(void) {
        DIR *d = opendir(folder);
        int n  = 0;

        for (struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.';
        closedir(d);
        return n;
}

static void clean(void) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", folder);
        ck_assert_int_eq(system(command), 0);
}

TEST(file_reads_what_is_there_and_says_what_is_not) {
        const char *path = in_folder("a");
        char data[16]    = "";
        File file;
        Error err;

        put(path, "hello world");
        ck_assert_int_eq(file_open(&file, path, &err), 0);
        ck_assert_int_eq(file.size_bytes, 11);
        ck_assert_int_eq(file_read(&file, path, data, 5, 6, &err), 0);
        ck_assert_str_eq(data, "world");
        ck_assert_int_eq(file_read(&file, path, data, 10, 6, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "ends at byte 11, 5 bytes early"));
        file_close(&file);
        file_close(&file);
        clean();
}

TEST(what_cannot_be_opened_is_named) {
        File file;
        Error err = { .code = ERROR_TYPE, .text = "from an earlier call" };

        ck_assert_int_eq(file_open(&file, in_folder("nothing"), &err), -ENOENT);
        ck_assert_ptr_nonnull(strstr(err.text, "cannot open '"));
        ck_assert_ptr_nonnull(strstr(err.text, "No such file or directory"));
        ck_assert_ptr_null(strstr(err.text, "earlier"));
        ck_assert_int_eq(file_open(&file, folder, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "not a regular file"));
        ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
        ck_assert_int_eq(file_open(&file, in_folder("pipe"), NULL), ERROR_VALUE);
        clean();
}

TEST(map_begins_at_any_byte) {
        const char *path = in_folder("a");
        FileMap map;
        File file;

        put(path, "hello world");
        ck_assert_int_eq(file_open(&file, path, NULL), 0);
        ck_assert_int_eq(file_map(&file, path, 6, 5, &map, NULL), 0);
        file_close(&file);
        ck_assert_bytes_eq(map.data, "world", 5);
        file_unmap(&map);
        file_unmap(&map);
        ck_assert_ptr_null(map.data);
        clean();
}

TEST(a_changed_file_is_another_file) {
        const char *path = in_folder("a");
        File before, after;

        put(path, "one");
        ck_assert_int_eq(file_open(&before, path, NULL), 0);
        ck_assert_int_eq(file_open(&after, path, NULL), 0);
        ck_assert(file_same(&before, &after));
        file_close(&after);
        ck_assert_int_eq(truncate(path, 1), 0);
        ck_assert_int_eq(file_open(&after, path, NULL), 0);
        ck_assert(!file_same(&before, &after));
        file_close(&after);
        file_close(&before);
        clean();
}

TEST(draft_appears_whole_or_not_at_all) {
        const char *path = in_folder("result");
        char text[8]     = "";
        struct stat st;
        Draft *draft;
        File file;

        put(path, "old");
        ck_assert_int_eq(chmod(path, 0640), 0);

        ck_assert_int_eq(draft_new(&draft, path, 6, NULL), 0);
        ck_assert_int_eq(draft_write(draft, "lost", 4, 0, NULL), 0);
        draft_free(draft);
        ck_assert_int_eq(count_files(), 1);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_size, 3);

        ck_assert_int_eq(draft_new(&draft, path, 6, NULL), 0);
        ck_assert_int_eq(draft_write(draft, "new", 3, 3, NULL), 0);
        ck_assert_int_eq(draft_write(draft, "the", 3, 0, NULL), 0);
        ck_assert_int_eq(draft_publish(draft, NULL), 0);
        draft_free(draft);
        ck_assert_int_eq(count_files(), 1);
        ck_assert_int_eq(file_open(&file, path, NULL), 0);
        ck_assert_int_eq(file_read(&file, path, text, 6, 0, NULL), 0);
        ck_assert_str_eq(text, "thenew");
        file_close(&file);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 0777, 0640);
        clean();
}

TEST(draft_that_cannot_be_is_refused_with_words) {
        char path[160];
        Draft *draft;
        Error err;

        in_folder("");
        snprintf(path, sizeof(path), "%s/no/such/folder", folder);
        ck_assert_int_eq(draft_new(&draft, path, 6, &err), -ENOENT);
        ck_assert_ptr_nonnull(strstr(err.text, "cannot write '"));
        ck_assert_int_eq(draft_new(&draft, in_folder("huge"), INT64_MAX / 2, &err) < 0, true);
        ck_assert_int_eq(count_files(), 0);
        clean();
}
