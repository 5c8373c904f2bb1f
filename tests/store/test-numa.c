/* SPDX-License-Identifier: Apache-2.0 */
/* The decision over machines that hwloc makes up; what follows from it needs a machine that has nodes. */
#include "store/numa.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"

/* The nodes for a process that may run on the cpus from `first` to `last`, as hwloc writes sets: "0-1". */
static void ck_assert_nodes(const char *machine, unsigned first, int last, const char *wanted) {
        hwloc_topology_t topology;
        hwloc_cpuset_t cpus = hwloc_bitmap_alloc();
        hwloc_nodeset_t nodes;
        char text[64];

        ck_assert_int_eq(hwloc_topology_init(&topology), 0);
        ck_assert_int_eq(hwloc_topology_set_synthetic(topology, machine), 0);
        ck_assert_int_eq(hwloc_topology_load(topology), 0);
        hwloc_bitmap_set_range(cpus, first, last);
        nodes = numa_nodes(topology, cpus);
        if (!wanted)
                ck_assert_ptr_null(nodes);
        else {
                ck_assert_ptr_nonnull(nodes);
                hwloc_bitmap_list_snprintf(text, sizeof(text), nodes);
                ck_assert_str_eq(text, wanted);
        }
        hwloc_bitmap_free(nodes);
        hwloc_bitmap_free(cpus);
        hwloc_topology_destroy(topology);
}

TEST(nodes_are_those_of_the_cpus_that_may_be_used) {
        ck_assert_nodes("pack:2 [numa(memory=1GB)] core:4 pu:1", 0, 7, "0-1");
        ck_assert_nodes("pack:2 [numa(memory=1GB)] core:4 pu:1", 0, 3, "0");
        ck_assert_nodes("pack:2 [numa(memory=1GB)] core:4 pu:1", 4, 7, "1");
        ck_assert_nodes("pack:2 [numa(memory=1GB)] core:4 pu:1", 3, 4, "0-1");
        ck_assert_nodes("pack:4 [numa(memory=1GB)] core:2 pu:2", 4, 11, "1-2");
        ck_assert_nodes("pack:4 [numa(memory=1GB)] core:2 pu:2", 0, -1, "0-3");
}

TEST(machine_of_one_node_needs_no_decision) {
        ck_assert_nodes("pack:1 [numa(memory=1GB)] core:8 pu:2", 0, 15, NULL);
        ck_assert_nodes("core:2 pu:1", 0, 1, NULL);
}

TEST(cpus_that_no_node_knows_are_no_reason_for_no_memory) {
        ck_assert_nodes("pack:2 [numa(memory=1GB)] core:4 pu:1", 100, 200, "0-1");
}

TEST(nodes_without_memory_get_none) {
        ck_assert_nodes("pack:2 [numa(memory=0)] core:4 pu:1", 0, 3, NULL);
}

TEST(hwloc_is_not_asked_on_a_machine_of_one_node) {
        char root[] = "/tmp/test-numa-XXXXXX", path[256], command[128];
        static const char *const one[] = { "0\n", "3\n", "", "rubbish" };
        Numa *numa = (Numa *) root;
        FILE *file;

        ck_assert_ptr_nonnull(mkdtemp(root));
        ck_assert_int_eq(numa_new(&numa, root), 0); /* no such file */
        ck_assert_ptr_null(numa);
        snprintf(command, sizeof(command), "mkdir -p %s/sys/devices/system/node", root);
        ck_assert_int_eq(system(command), 0);
        snprintf(path, sizeof(path), "%s/sys/devices/system/node/online", root);
        for (size_t k = 0; k < ELEMENTSOF(one); k++) {
                file = fopen(path, "w");
                fputs(one[k], file);
                fclose(file);
                ck_assert_int_eq(numa_new(&numa, root), 0);
                ck_assert_ptr_null(numa);
        }
        file = fopen(path, "w");
        fputs("0-1\n", file);
        fclose(file);
        ck_assert_int_eq(numa_new(&numa, root), 0); /* hwloc sees this machine, whatever the file says */
        numa_place(numa, path, sizeof(path));
        numa_free(numa);
        snprintf(command, sizeof(command), "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
}
