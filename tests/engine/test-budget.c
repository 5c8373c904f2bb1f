/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/budget.h"

#include "harness.h"

static const SystemMemory machine = { .total_bytes = 16 * GiB, .available_bytes = 10 * GiB, .limit_bytes = UINT64_MAX };

static Budget budget(BudgetOptions options) {
        Error err = {};
        Budget b;

        ck_assert_msg(budget_make(&b, &options, &machine, 100 * MiB, &err) == 0, "%s", err.text);
        return b;
}

static void refused(BudgetOptions options, const char *words) {
        Error err = {};
        Budget b;

        ck_assert_int_eq(budget_make(&b, &options, &machine, 100 * MiB, &err), ERROR_VALUE);
        ck_assert_msg(strstr(err.text, words), "%s", err.text);
}

TEST(default_cache_is_half_of_free_memory_and_limits_are_shares_of_all) {
        Budget b = budget((BudgetOptions) {});

        ck_assert_uint_eq(b.cache_bytes, 5 * GiB);
        ck_assert(b.hard_bytes / MiB == 16 * 1024 * 9 / 10 && b.soft_bytes / MiB == 16 * 1024 * 3 / 4);
        ck_assert_uint_eq(b.arena_bytes, b.hard_bytes - b.overhead_bytes);
        ck_assert(b.overhead_bytes > 100 * MiB && b.spill && b.disk_bytes == 0);
}

TEST(sizes_are_what_people_write) {
        Budget b = budget((BudgetOptions) { .cache_mem = "256m", .phy_mem = "1g", .disk = "1.5GiB" });

        ck_assert_uint_eq(b.cache_bytes, 256 * MiB);
        ck_assert_uint_eq(b.hard_bytes, GiB / 10 * 9 + GiB % 10 * 9 / 10);
        ck_assert_uint_eq(b.disk_bytes, 3 * GiB / 2);
        ck_assert_uint_eq(budget((BudgetOptions) { .cache_mem = "25%" }).cache_bytes, 10 * GiB / 4);
        ck_assert_uint_eq(budget((BudgetOptions) { .phy_mem = "50%" }).hard_bytes / MiB, 8 * 1024 * 9 / 10);
        ck_assert(!budget((BudgetOptions) { .disk = "0" }).spill);
}

TEST(memory_in_bytes_is_of_chunks_and_scratch_together) {
        Budget b = budget((BudgetOptions) { .memory_bytes = 64 * MiB });

        ck_assert(b.arena_bytes == 64 * MiB && b.cache_bytes == 64 * MiB && b.hard_bytes == 64 * MiB);
        ck_assert(b.soft_bytes < 64 * MiB && b.overhead_bytes == 0);
        refused((BudgetOptions) { .memory_bytes = GiB, .cache_mem = "1g" }, "memory_bytes is the whole budget");
}

TEST(memory_that_no_task_could_work_in_is_refused_with_the_least_that_works) {
        refused((BudgetOptions) { .memory_bytes = 1000 },
                "memory_bytes 1000 bytes is too little: 48.0 KiB is the least");
        refused((BudgetOptions) { .cache_mem = "47k" }, "cache_mem 47.0 KiB is too little: 48.0 KiB is the least");
        ck_assert_uint_eq(budget((BudgetOptions) { .memory_bytes = 48 * KiB }).cache_bytes, 48 * KiB);
        ck_assert_uint_eq(budget((BudgetOptions) { .cache_mem = "48k" }).cache_bytes, 48 * KiB);
}

TEST(cache_shrinks_to_what_the_hard_limit_leaves_unless_it_was_asked_for) {
        Budget b = budget((BudgetOptions) { .phy_mem = "1g" });

        ck_assert_uint_eq(b.cache_bytes, b.arena_bytes);
        refused((BudgetOptions) { .cache_mem = "1g", .phy_mem = "1g" }, "cache_mem 1.00 GiB is more than the ");
        refused((BudgetOptions) { .phy_mem = "128m" }, "phy_mem 128 MiB is too little");
        refused((BudgetOptions) { .cache_mem = "much" }, "cache_mem: ");
        refused((BudgetOptions) { .disk = "50%" }, "disk: ");
}

TEST(process_that_is_large_already_gets_half_of_what_is_free) {
        SystemMemory full = { .total_bytes = 16 * GiB, .available_bytes = 2 * GiB, .limit_bytes = UINT64_MAX };
        Budget b;

        ck_assert_int_eq(budget_make(&b, &(BudgetOptions) {}, &full, 14 * GiB, NULL), 0);
        ck_assert_uint_eq(b.cache_bytes, GiB);
        ck_assert(b.soft_bytes - b.overhead_bytes >= b.cache_bytes && b.arena_bytes >= b.cache_bytes);
}

TEST(process_knows_what_it_takes) {
        uint64_t before     = budget_process_bytes();
        volatile char *more = malloc(8 * MiB);

        ck_assert(more != NULL);
        for (size_t k = 0; k < 8 * MiB; k += KiB)
                more[k] = 1;
        ck_assert_uint_gt(before, 0);
        ck_assert_uint_ge(budget_process_bytes(), before + 7 * MiB);
        free((void *) (uintptr_t) more);
}
