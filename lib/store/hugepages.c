/* SPDX-License-Identifier: Apache-2.0 */
/* libhugetlbfs knows which sizes a kernel has, on every architecture. It also takes the place of shmget() in programs
 * that are linked to it and prints to stderr, so it is opened when it is asked and closed again, with its names kept
 * to itself, and only if there is a pool with pages: that takes half a millisecond. Where it is not installed the same
 * sizes are those of /sys, which also says how many pages can be had. */
#include <dirent.h>
#include <dlfcn.h>
#include <hugetlbfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "store/hugepages.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define LIBRARY "libhugetlbfs.so.0"

static uint64_t read_number(const char *root, size_t page_bytes, const char *name) {
        unsigned long long value = 0;
        char path[512];
        FILE *file;

        snprintf(path, sizeof(path), "%s/sys/kernel/mm/hugepages/hugepages-%zukB/%s", root, page_bytes / KiB, name);
        file = fopen(path, "re");
        if (file) {
                if (fscanf(file, "%llu", &value) != 1)
                        value = 0;
                fclose(file);
        }
        return value;
}

/* The word in brackets: "always [madvise] never". */
static bool read_word(const char *root, const char *name, char ret[static 32]) {
        char path[512], words[256] = "";
        FILE *file;

        snprintf(path, sizeof(path), "%s/sys/kernel/mm/transparent_hugepage/%s", root, name);
        file = fopen(path, "re");
        if (file) {
                if (!fgets(words, sizeof(words), file))
                        words[0] = '\0';
                fclose(file);
        }
        return sscanf(strchr(words, '[') ?: "", "[%31[a-z_]", ret) == 1;
}

static ThpMode read_mode(const char *root, const char *name) {
        char word[32];

        if (!read_word(root, name, word))
                return THP_NEVER;
        if (strcmp(word, "madvise") == 0 || strcmp(word, "advise") == 0)
                return THP_ASKED;
        /* within_size: what lies within the file's length, and ours is made long at once. */
        if (strcmp(word, "always") == 0 || strcmp(word, "force") == 0 || strcmp(word, "within_size") == 0)
                return THP_ALWAYS;
        return THP_NEVER;
}

static bool is_denied(const char *root) {
        char word[32] = "";

        return read_word(root, "shmem_enabled", word) && strcmp(word, "deny") == 0;
}

/* By default memory files get small pages, but the kernel makes huge ones of those that are there already, where a
 * process asks for it by MADV_COLLAPSE (Linux 6.1): that is what "never" leaves, and "deny" does not. */
static bool can_collapse(void) {
        return madvise(NULL, 0, MADV_COLLAPSE) == 0;
}

static void add_size(HugePages *pages, size_t page_bytes) {
        uint32_t at = pages->n_sizes;

        if (page_bytes < KiB || (page_bytes & (page_bytes - 1)) != 0 || at == MAX_HUGE_SIZES)
                return;
        for (; at > 0 && pages->pool[at - 1].page_bytes > page_bytes; at--)
                pages->pool[at] = pages->pool[at - 1];
        pages->pool[at] = (struct HugePool) { .page_bytes = page_bytes };
        pages->n_sizes++;
}

bool hugepages_ask_library(HugePages *pages) {
        void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
        __typeof__(gethugepagesizes) *sizes;
        long bytes[MAX_HUGE_SIZES];
        int n = -1;

        *pages = (HugePages) {};
        if (!library)
                return false;
        sizes = (__typeof__(sizes)) dlsym(library, "gethugepagesizes");
        if (sizes)
                n = sizes(bytes, MAX_HUGE_SIZES);
        for (int k = 0; k < n; k++)
                add_size(pages, (size_t) bytes[k]);
        dlclose(library);
        return n >= 0;
}

static void sizes_of_system(HugePages *pages, const char *root) {
        char path[512];
        DIR *directory;

        snprintf(path, sizeof(path), "%s/sys/kernel/mm/hugepages", root);
        directory = opendir(path);
        for (struct dirent *e; directory && (e = readdir(directory));) {
                unsigned long long kib;

                if (sscanf(e->d_name, "hugepages-%llukB", &kib) == 1 && kib <= SIZE_MAX / KiB)
                        add_size(pages, (size_t) kib * KiB);
        }
        if (directory)
                closedir(directory);
}

/* Whether any pool has pages or may grow. */
static bool read_pools(HugePages *pages, const char *root) {
        bool any = false;

        for (uint32_t k = 0; k < pages->n_sizes; k++) {
                struct HugePool *pool = &pages->pool[k];
                uint64_t free         = read_number(root, pool->page_bytes, "free_hugepages");
                uint64_t promised     = read_number(root, pool->page_bytes, "resv_hugepages");
                uint64_t more         = read_number(root, pool->page_bytes, "nr_overcommit_hugepages");
                uint64_t surplus      = read_number(root, pool->page_bytes, "surplus_hugepages");

                pool->n_total = read_number(root, pool->page_bytes, "nr_hugepages");
                pool->n_free  = free - MIN(free, promised) + more - MIN(more, surplus);
                any |= pool->n_free > 0;
        }
        return any;
}

void hugepages_read(HugePages *ret, const char *root) {
        HugePages library;

        *ret = (HugePages) {};
        sizes_of_system(ret, root);
        if (read_pools(ret, root) && root[0] == '\0') {
                if (hugepages_ask_library(&library)) {
                        read_pools(&library, root);
                        *ret = library;
                } else
                        ret->no_library = true;
        }
        ret->thp        = read_mode(root, "enabled");
        ret->thp_shared = read_mode(root, "shmem_enabled");
        if (ret->thp_shared == THP_NEVER && root[0] == '\0' && !is_denied(root) && can_collapse())
                ret->thp_shared = THP_ASKED;
}

const struct HugePool *hugepages_pool(const HugePages *pages, size_t page_bytes, size_t at_most) {
        for (uint32_t k = 0; k < pages->n_sizes; k++) {
                const struct HugePool *pool = &pages->pool[k];

                if (page_bytes ? pool->page_bytes == page_bytes : pool->n_free > 0 && pool->page_bytes <= at_most)
                        return pool;
        }
        return NULL;
}
