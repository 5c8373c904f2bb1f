/* SPDX-License-Identifier: Apache-2.0 */
#include "base/system.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

/* A root directory with /proc and control groups of our own. */
typedef struct Tree {
        char root[64];
} Tree;

static void tree_init(Tree *tree) {
        strcpy(tree->root, "/tmp/test-system-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(tree->root));
}

static void tree_done(Tree *tree) {
        char command[128];

        snprintf(command, sizeof(command), "rm -r %s", tree->root);
        ck_assert_int_eq(system(command), 0);
}

static void put(const Tree *tree, const char *path, const char *text) {
        char at[512];
        FILE *file;

        snprintf(at, sizeof(at), "%s%s", tree->root, path);
        for (char *slash = at + strlen(tree->root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                mkdir(at, 0700);
                *slash = '/';
        }
        file = fopen(at, "w");
        ck_assert_ptr_nonnull(file);
        fputs(text, file);
        fclose(file);
}

static SystemMemory memory_of(const Tree *tree) {
        SystemMemory memory;

        system_memory(&memory, tree->root);
        return memory;
}

static const char meminfo[] = "MemTotal:        8388608 kB\nMemFree:          100 kB\nMemAvailable:    4194304 kB\n";

static const char mounts_v2[] = "23 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                "41 31 0:38 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

static const char mounts_v1[] = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
                                "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
                                "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(machine_without_groups_has_what_meminfo_says) {
        Tree tree;
        SystemMemory memory;

        tree_init(&tree);
        put(&tree, "/proc/meminfo", meminfo);
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.total_bytes, 8 * GiB);
        ck_assert_uint_eq(memory.machine_bytes, 8 * GiB);
        ck_assert_uint_eq(memory.available_bytes, 4 * GiB);
        ck_assert_uint_eq(memory.limit_bytes, UINT64_MAX);
        tree_done(&tree);
}

TEST(least_limit_of_v2_from_the_own_group_up_is_found) {
        Tree tree;
        SystemMemory memory;

        tree_init(&tree);
        put(&tree, "/proc/meminfo", meminfo);
        put(&tree, "/proc/self/mountinfo", mounts_v2);
        put(&tree, "/proc/self/cgroup", "0::/system.slice/mars.service\n");
        put(&tree, "/sys/fs/cgroup/system.slice/mars.service/memory.max", "max\n");
        put(&tree, "/sys/fs/cgroup/system.slice/mars.service/memory.current", "1048576\n");
        put(&tree, "/sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
        put(&tree, "/sys/fs/cgroup/system.slice/memory.current", "1610612736\n");
        put(&tree, "/sys/fs/cgroup/system.slice/memory.stat", "anon 1\ninactive_file 536870912\nactive_file 7\n");
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.limit_bytes, 2 * GiB);
        ck_assert_uint_eq(memory.total_bytes, 2 * GiB);
        ck_assert_uint_eq(memory.machine_bytes, 8 * GiB);
        ck_assert_uint_eq(memory.available_bytes, 1 * GiB); /* the cache of inactive files is there for the taking */

        put(&tree, "/sys/fs/cgroup/system.slice/mars.service/memory.high", "1073741824\n");
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.limit_bytes, 1 * GiB);
        ck_assert_uint_eq(memory.available_bytes, 1 * GiB - 1 * MiB);
        tree_done(&tree);
}

TEST(limit_of_v1_is_found_beside_a_v2_hierarchy_without_controllers) {
        Tree tree;
        SystemMemory memory;

        tree_init(&tree);
        put(&tree, "/proc/meminfo", meminfo);
        put(&tree, "/proc/self/mountinfo", mounts_v1);
        put(&tree, "/proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/batch/job 7\n0::/\n");
        put(&tree, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        put(&tree, "/sys/fs/cgroup/memory/batch/job 7/memory.limit_in_bytes", "3221225472\n");
        put(&tree, "/sys/fs/cgroup/memory/batch/job 7/memory.usage_in_bytes", "1073741824\n");
        put(&tree, "/sys/fs/cgroup/memory/batch/job 7/memory.stat",
            "inactive_file 1\ntotal_inactive_file 4096\nhierarchical_memory_limit 9223372036854771712\n");
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.limit_bytes, 3 * GiB);
        ck_assert_uint_eq(memory.available_bytes, 2 * GiB + 4096);

        put(&tree, "/sys/fs/cgroup/memory/batch/job 7/memory.stat", "hierarchical_memory_limit 2147483648\n");
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.limit_bytes, 2 * GiB); /* of a group above that we do not see */
        tree_done(&tree);
}

TEST(group_of_a_container_is_looked_for_below_its_mount) {
        static const char mounts[] =
                "35 31 0:32 /docker/4f2a /sys/fs/cgroup/me\\040m rw - cgroup cgroup rw,memory\n";
        Tree tree;

        tree_init(&tree);
        put(&tree, "/proc/meminfo", meminfo);
        put(&tree, "/proc/self/mountinfo", mounts);
        put(&tree, "/proc/self/cgroup", "4:memory:/docker/4f2a/sub\n");
        put(&tree, "/sys/fs/cgroup/me m/memory.limit_in_bytes", "2147483648\n");
        put(&tree, "/sys/fs/cgroup/me m/sub/memory.limit_in_bytes", "1073741824\n");
        ck_assert_uint_eq(memory_of(&tree).limit_bytes, 1 * GiB);

        /* The group is none of those below the mount: what the mount shows applies to whoever sees it. */
        put(&tree, "/proc/self/cgroup", "4:memory:/docker/4f2abc/sub\n");
        ck_assert_uint_eq(memory_of(&tree).limit_bytes, 2 * GiB);
        put(&tree, "/proc/self/cgroup", "4:memory:/../other\n");
        ck_assert_uint_eq(memory_of(&tree).limit_bytes, 2 * GiB);
        tree_done(&tree);
}

TEST(nonsense_limits_nothing) {
        Tree tree;
        SystemMemory memory;

        tree_init(&tree);
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.total_bytes, 1 * GiB);
        ck_assert_uint_eq(memory.available_bytes, 1 * GiB);
        put(&tree, "/proc/meminfo", "MemTotal: lots\n");
        put(&tree, "/proc/self/mountinfo", "a b - \n - cgroup2\n1 - cgroup2 x y\n1 2 3 - cgroup2 x rw\n\n - \n");
        put(&tree, "/proc/self/cgroup", "::\n0\n0:\n0:/\n\n0::/x\n");
        put(&tree, "/sys/fs/cgroup/memory.max", "1");
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.total_bytes, 1 * GiB);
        ck_assert_uint_eq(memory.limit_bytes, UINT64_MAX);

        put(&tree, "/proc/meminfo", meminfo);
        put(&tree, "/proc/self/mountinfo", mounts_v2);
        put(&tree, "/sys/fs/cgroup/x/memory.max", "-\n");
        put(&tree, "/sys/fs/cgroup/x/memory.current", "99999999999999999999999\n");
        memory = memory_of(&tree);
        ck_assert_uint_eq(memory.limit_bytes, 1); /* the root's of this tree */
        ck_assert_uint_eq(memory.available_bytes, 1);
        tree_done(&tree);
}

/* What is counted of the process with the number 7. */
static uint64_t killed(const Tree *tree) {
        char path[8192];
        uint64_t n = 0;

        ck_assert(system_killed_file("7", tree->root, path, sizeof(path)));
        ck_assert(system_killed(path, &n));
        return n;
}

TEST(whom_the_kernel_killed_is_counted_in_the_group_of_the_process_or_of_the_machine) {
        char path[8192];
        uint64_t n;
        Tree tree;

        tree_init(&tree);
        ck_assert(!system_killed_file("7", tree.root, path, sizeof(path)));
        ck_assert(!system_killed("/nowhere", &n));
        put(&tree, "/proc/vmstat", "oom_kill_x 5\noom_kill 9\n");
        ck_assert_uint_eq(killed(&tree), 9);
        put(&tree, "/proc/self/mountinfo", mounts_v2);
        put(&tree, "/proc/7/cgroup", "0::/system.slice/mars.service\n");
        ck_assert_uint_eq(killed(&tree), 9); /* it has no controller of memory */
        put(&tree, "/sys/fs/cgroup/system.slice/mars.service/memory.events", "low 1\noom 4\noom_kill 3\n");
        ck_assert_uint_eq(killed(&tree), 3);

        put(&tree, "/proc/self/mountinfo", mounts_v1);
        put(&tree, "/proc/7/cgroup", "4:memory:/job 7\n0::/\n");
        put(&tree, "/sys/fs/cgroup/memory/job 7/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        ck_assert_uint_eq(killed(&tree), 2);
        ck_assert(!system_killed_file("7", tree.root, path, 16)); /* no room for the path */
        tree_done(&tree);
}

TEST(this_machine_has_some_memory) {
        SystemMemory memory;

        system_memory(&memory, "");
        ck_assert_uint_ge(memory.total_bytes, 64 * MiB);
        ck_assert_uint_le(memory.available_bytes, memory.machine_bytes);
        ck_assert_uint_le(memory.total_bytes, memory.machine_bytes);
}
