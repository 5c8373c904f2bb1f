/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ladder.h"

#include <string.h>

#include "harness.h"

static const HugePages machine = {
        .n_sizes    = 2,
        .pool       = { { 2 * MiB, 100, 60 }, { 1 * GiB, 4, 4 } },
        .thp        = THP_ASKED,
        .thp_shared = THP_NEVER,
};

static Ladder ladder_of(const HugePages *pages, StoreConfig config) {
        Ladder ladder;

        ck_assert_int_eq(ladder_make(&ladder, pages, &config, NULL), 0);
        return ladder;
}

static const char *text_of(const HugePages *pages, StoreConfig config, StoreRung rung, size_t hugetlb_bytes,
                           char text[static STORE_TEXT_MAX]) {
        ladder_print(pages, &config, rung, (const size_t[3]) { [STORE_HUGETLB] = hugetlb_bytes }, text);
        return text;
}

TEST(reserved_pages_come_first_then_transparent_ones_then_small_ones) {
        HugePages pages = machine;
        Ladder l        = ladder_of(&pages, (StoreConfig) { .cache_bytes = GiB });

        ck_assert_uint_eq(l.n, 2);
        ck_assert_int_eq(l.rung[0].rung, STORE_HUGETLB);
        ck_assert_uint_eq(l.rung[0].page_bytes, 2 * MiB);
        ck_assert(!l.rung[0].file);
        ck_assert_int_eq(l.rung[1].rung, STORE_THP);
        ck_assert_uint_eq(l.rung[1].page_bytes, 2 * MiB);

        pages.pool[0].n_free = 0;
        l                    = ladder_of(&pages, (StoreConfig) { .cache_bytes = GiB });
        ck_assert_uint_eq(l.n, 1); /* a page of 1 GiB would be all of it */
        ck_assert_int_eq(l.rung[0].rung, STORE_THP);

        pages.thp = THP_NEVER;
        l         = ladder_of(&pages, (StoreConfig) { .cache_bytes = GiB });
        ck_assert_uint_eq(l.n, 1);
        ck_assert_int_eq(l.rung[0].rung, STORE_PLAIN);
        ck_assert_uint_eq(l.rung[0].page_bytes, STORE_PAGE);
}

TEST(memory_files_have_transparent_pages_where_the_kernel_gives_them) {
        HugePages pages = machine;
        Ladder l        = ladder_of(&pages, (StoreConfig) { .cache_bytes = GiB, .shared = true });

        ck_assert_uint_eq(l.n, 2);
        ck_assert(l.rung[0].file && l.rung[1].file);
        ck_assert_int_eq(l.rung[1].rung, STORE_PLAIN);
        pages.thp_shared = THP_ASKED;
        l                = ladder_of(&pages, (StoreConfig) { .cache_bytes = GiB, .shared = true });
        ck_assert_int_eq(l.rung[1].rung, STORE_THP);
        pages.thp_shared = THP_ALWAYS; /* unasked, so a small cache has them, too, and must count them */
        l = ladder_of(&pages, (StoreConfig) { .cache_bytes = MiB, .shared = true, .pages = STORE_PAGES_OFF });
        ck_assert_uint_eq(l.n, 1);
        ck_assert_int_eq(l.rung[0].rung, STORE_THP);
}

TEST(small_cache_has_small_pages) {
        Ladder l = ladder_of(&machine, (StoreConfig) { .cache_bytes = 127 * MiB });

        ck_assert_uint_eq(l.n, 1);
        ck_assert_int_eq(l.rung[0].rung, STORE_PLAIN);
        l = ladder_of(&machine, (StoreConfig) { .cache_bytes = 128 * MiB });
        ck_assert_uint_eq(l.n, 2);
}

TEST(size_of_pages_can_be_chosen_if_it_exists) {
        Ladder l = ladder_of(&machine, (StoreConfig) { .cache_bytes = 2 * GiB, .page_bytes = GiB });
        Error err = {};

        ck_assert_uint_eq(l.rung[0].page_bytes, GiB);
        ck_assert_int_eq(ladder_make(&l, &machine, &(StoreConfig) { .cache_bytes = GiB, .page_bytes = 16 * MiB }, &err),
                         ERROR_VALUE);
        ck_assert_str_eq(err.text, "this system has no huge pages of 16.0 MiB");
}

TEST(nothing_but_reserved_pages_is_a_promise_or_a_refusal_with_both_numbers) {
        Ladder l = ladder_of(&machine, (StoreConfig) { .cache_bytes = 120 * MiB, .pages = STORE_PAGES_ON });
        Error err = {};

        ck_assert_uint_eq(l.n, 1);
        ck_assert_int_eq(l.rung[0].rung, STORE_HUGETLB);
        ck_assert_int_eq(
                ladder_make(&l, &machine, &(StoreConfig) { .cache_bytes = 200 * MiB, .pages = STORE_PAGES_ON }, &err),
                ERROR_MEMORY);
        ck_assert_str_eq(err.text, "200 MiB of reserved huge pages are needed and 120 MiB are free: "
                                   "sysctl vm.nr_hugepages=140"); /* 40 are somebody else's */
}

TEST(text_says_what_is_in_use_and_what_to_set_for_better) {
        HugePages pages = machine;
        char text[STORE_TEXT_MAX];

        ck_assert_str_eq(text_of(&pages, (StoreConfig) { .cache_bytes = GiB }, STORE_HUGETLB, MiB, text),
                         "reserved huge pages (anonymous)");
        ck_assert_str_eq(text_of(&pages, (StoreConfig) { .cache_bytes = GiB }, STORE_THP, 120 * MiB, text),
                         "120 MiB of reserved huge pages, and no more of them; transparent huge pages (anonymous); "
                         "for reserved ones: sysctl vm.nr_hugepages=552");
        ck_assert_str_eq(text_of(&pages, (StoreConfig) { .cache_bytes = GiB, .shared = true }, STORE_PLAIN, 0, text),
                         "small pages (memory file); for transparent ones: echo advise > "
                         "/sys/kernel/mm/transparent_hugepage/shmem_enabled; for reserved ones: "
                         "sysctl vm.nr_hugepages=552");
        ck_assert_str_eq(text_of(&pages, (StoreConfig) { .cache_bytes = MiB }, STORE_PLAIN, 0, text),
                         "small pages (anonymous); the cache of 1.00 MiB is too small for huge ones");
        ck_assert_str_eq(text_of(&pages, (StoreConfig) { .cache_bytes = GiB, .pages = STORE_PAGES_OFF }, STORE_PLAIN, 0,
                                 text),
                         "small pages (anonymous), as configured");
        ck_assert_str_eq(text_of(&pages, (StoreConfig) { .cache_bytes = 8 * GiB, .page_bytes = GiB }, STORE_THP, 0,
                                 text),
                         "transparent huge pages (anonymous); for reserved ones: "
                         "echo 8 > /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
        pages.no_library = true;
        text_of(&pages, (StoreConfig) { .cache_bytes = GiB }, STORE_THP, 0, text);
        ck_assert_ptr_nonnull(strstr(text, "libhugetlbfs is not installed"));
}
