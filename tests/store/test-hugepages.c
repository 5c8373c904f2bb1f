/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hugepages.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"

static const char *root_new(char root[static 64]) {
        strcpy(root, "/tmp/test-hugepages-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(root));
        return root;
}

static void root_free(const char *root) {
        char command[128];

        snprintf(command, sizeof(command), "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
}

static void put(const char *root, const char *name, const char *text) {
        char path[256];
        FILE *file;

        snprintf(path, sizeof(path), "%s/sys/kernel/mm/%s", root, name);
        for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                mkdir(path, 0700);
                *slash = '/';
        }
        file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fputs(text, file);
        fclose(file);
}

TEST(pools_are_ordered_and_what_is_promised_cannot_be_had) {
        char root[64];
        HugePages pages;

        root_new(root);
        put(root, "hugepages/hugepages-1048576kB/nr_hugepages", "4\n");
        put(root, "hugepages/hugepages-1048576kB/free_hugepages", "1\n");
        put(root, "hugepages/hugepages-2048kB/nr_hugepages", "100\n");
        put(root, "hugepages/hugepages-2048kB/free_hugepages", "40\n");
        put(root, "hugepages/hugepages-2048kB/resv_hugepages", "10\n");
        put(root, "hugepages/hugepages-2048kB/nr_overcommit_hugepages", "7\n");
        put(root, "hugepages/hugepages-2048kB/surplus_hugepages", "2\n");
        put(root, "hugepages/hugepages-3kB/free_hugepages", "9\n"); /* no size of pages */
        put(root, "hugepages/README", "9\n");
        hugepages_read(&pages, root);
        ck_assert_uint_eq(pages.n_sizes, 2);
        ck_assert_uint_eq(pages.pool[0].page_bytes, 2 * MiB);
        ck_assert_uint_eq(pages.pool[0].n_free, 40 - 10 + 7 - 2);
        ck_assert_uint_eq(pages.pool[0].n_total, 100);
        ck_assert_uint_eq(pages.pool[1].page_bytes, 1 * GiB);
        ck_assert_uint_eq(pages.pool[1].n_free, 1);
        root_free(root);
}

TEST(first_pool_that_can_give_a_page_is_taken_or_the_one_that_was_asked_for) {
        HugePages pages = {
                .n_sizes = 3,
                .pool    = { { 64 * KiB, 8, 0 }, { 2 * MiB, 8, 3 }, { 1 * GiB, 1, 1 } },
        };

        ck_assert_ptr_eq(hugepages_pool(&pages, 0, 4 * MiB), &pages.pool[1]);
        ck_assert_ptr_eq(hugepages_pool(&pages, 64 * KiB, 0), &pages.pool[0]);
        ck_assert_ptr_null(hugepages_pool(&pages, 16 * MiB, GiB));
        pages.pool[1].n_free = 0;
        ck_assert_ptr_null(hugepages_pool(&pages, 0, 4 * MiB)); /* a page of 1 GiB does not fit into 4 MiB */
        ck_assert_ptr_eq(hugepages_pool(&pages, 0, 4 * GiB), &pages.pool[2]);
}

TEST(kernel_says_for_whom_it_makes_transparent_pages) {
        static const struct {
                const char *enabled, *shared;
                ThpMode thp, thp_shared;
        } cases[] = {
                { "always [madvise] never\n", "always within_size advise [never] deny force\n", THP_ASKED, THP_NEVER },
                { "[always] madvise never\n", "always within_size [advise] never deny force\n", THP_ALWAYS, THP_ASKED },
                { "always madvise [never]\n", "always [within_size] advise never\n", THP_NEVER, THP_ALWAYS },
                { "", "[\n", THP_NEVER, THP_NEVER },
                { "[]\n", "[deny]\n", THP_NEVER, THP_NEVER },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                char root[64];
                HugePages pages;

                root_new(root);
                put(root, "transparent_hugepage/enabled", cases[k].enabled);
                put(root, "transparent_hugepage/shmem_enabled", cases[k].shared);
                hugepages_read(&pages, root);
                ck_assert_int_eq(pages.thp, cases[k].thp);
                ck_assert_int_eq(pages.thp_shared, cases[k].thp_shared);
                root_free(root);
        }
}

TEST(kernel_without_huge_pages_has_none) {
        char root[64];
        HugePages pages;

        root_new(root);
        hugepages_read(&pages, root);
        ck_assert_uint_eq(pages.n_sizes, 0);
        ck_assert_int_eq(pages.thp, THP_NEVER);
        ck_assert_ptr_null(hugepages_pool(&pages, 0, SIZE_MAX));
        root_free(root);
}

TEST(library_and_system_name_the_same_sizes_and_nothing_stays_loaded) {
        HugePages library, system;

        hugepages_read(&system, "");
        if (!hugepages_ask_library(&library))
                printf("# libhugetlbfs is not installed: the sizes are those of /sys\n");
        else {
                ck_assert_uint_eq(library.n_sizes, system.n_sizes);
                for (uint32_t k = 0; k < library.n_sizes; k++)
                        ck_assert_uint_eq(library.pool[k].page_bytes, system.pool[k].page_bytes);
        }
        ck_assert_ptr_null(dlopen("libhugetlbfs.so.0", RTLD_NOW | RTLD_NOLOAD));
        ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "gethugepagesizes"));
}
