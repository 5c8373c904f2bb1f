/* SPDX-License-Identifier: Apache-2.0 */
/* main() of a fuzz target without a fuzzer: runs every file of the directories (or the files) that are its arguments.
 * Each input lies in a block of exactly its size, so that AddressSanitizer sees the first byte read beyond it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
        FILE *f = fopen(path, "rb");
        uint8_t *data = NULL;
        size_t size = 0, n;
        char block[65536];

        if (!f)
                return -1;
        while ((n = fread(block, 1, sizeof(block), f)) > 0) {
                uint8_t *more = realloc(data, size + n);

                if (!more)
                        abort();
                data = more;
                memcpy(data + size, block, n);
                size += n;
        }
        if (ferror(f)) { /* a directory opens, but does not read */
                fclose(f);
                free(data);
                return -1;
        }
        fclose(f);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
        return 0;
}

static int replay_directory(const char *path) {
        DIR *d = opendir(path);
        int n_files = 0;

        if (!d)
                return -1;
        for (struct dirent *e; (e = readdir(d));) {
                char *name = NULL;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&name, "%s/%s", path, e->d_name) < 0 || replay_file(name) < 0) {
                        fprintf(stderr, "%s/%s: cannot be read\n", path, e->d_name);
                        free(name);
                        closedir(d);
                        return -1;
                }
                free(name);
                n_files++;
        }
        closedir(d);
        return n_files;
}

int main(int argc, char **argv) {
        int n_files = 0;

        for (int i = 1; i < argc; i++) {
                int n = replay_directory(argv[i]);

                if (n < 0 && replay_file(argv[i]) == 0)
                        n = 1;
                if (n < 0) {
                        perror(argv[i]);
                        return EXIT_FAILURE;
                }
                n_files += n;
        }
        printf("%d inputs replayed\n", n_files);
        return n_files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
