/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the configuration: whatever the bytes are, they are refused with words, or what is printed of them reads
 * back to the same. The first byte says whose file it is. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemons/conf/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_TABLES = 3 };

static char folder[] = "/tmp/mars-fuzz-XXXXXX";
static int folder_fd = -1;

static void write_file(const char *name, const void *data, size_t size) {
        int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert(fd >= 0 && write(fd, data, size) == (ssize_t) size);
        close(fd);
}

static Conf *load(const ConfTable *table, FILE *bad) {
        char *argv[] = { (char *) table->program, (char *) "--config-dir", folder };
        Conf *conf   = NULL;
        int r        = conf_load(&conf, table, (int) ELEMENTSOF(argv), argv, bad, bad);

        assert(r == (conf ? 0 : ERROR_VALUE));
        return conf;
}

static void same_again(const ConfTable *table, const char *file, const Conf *conf) {
        char *printed = NULL, *words = NULL;
        size_t n_printed, n_words;
        FILE *out = open_memstream(&printed, &n_printed), *bad = open_memstream(&words, &n_words);
        Conf *again;
        int r = conf_print(conf, out);

        assert(r == 0 && fclose(out) == 0);
        write_file(file, printed, n_printed);
        again = load(table, bad);
        assert(again && fclose(bad) == 0 && n_words == 0);
        for (uint32_t k = 0; k < table->n_keys; k++)
                assert(strcmp(conf_text(again->arena, &table->key[k], conf->values),
                              conf_text(again->arena, &table->key[k], again->values)) == 0);
        unlinkat(folder_fd, file, 0);
        conf_free(again);
        free(printed);
        free(words);
}

static void remove_folder(void) {
        close(folder_fd);
        rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const ConfTable *table;
        char own[32], *words = NULL;
        const char *file;
        size_t n_words;
        Conf *conf;
        FILE *bad;

        if (folder_fd < 0) {
                folder_fd = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
                assert(folder_fd >= 0 && atexit(remove_folder) == 0);
        }
        if (size == 0 || memchr(data, '*', size) || memchr(data, '?', size)) /* not all directories of this machine */
                return 0;
        table = conf_tables[data[0] % N_TABLES];
        snprintf(own, sizeof(own), "%s.conf", table->section);
        file = data[0] / N_TABLES % 2 ? "mars.conf" : own;
        bad  = open_memstream(&words, &n_words);
        write_file(file, data + 1, size - 1);
        conf = load(table, bad);
        assert(bad && fclose(bad) == 0 && (n_words > 0) == !conf);
        unlinkat(folder_fd, file, 0);
        if (conf)
                same_again(table, own, conf);
        conf_free(conf);
        free(words);
        return 0;
}
