/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever touches a page first decides where it is, and a cache whose pages one thread claims would be all on that
 * thread's node. So pages are interleaved over the nodes on which the session's threads may run: chunks are used by
 * any of them, all controllers work, and no node is full while another is empty. A session that is confined to one
 * node has its memory there, as long as there is some.
 *
 * hwloc needs tens of milliseconds to look at a machine; whether it has more than one node is a line in /sys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/numa.h"

struct Numa {
        hwloc_topology_t topology;
        hwloc_nodeset_t nodes;
};

static bool has_one_node(const char *root) {
        char path[512], line[256] = "0";
        FILE *file;

        snprintf(path, sizeof(path), "%s/sys/devices/system/node/online", root);
        file = fopen(path, "re");
        if (file) {
                if (!fgets(line, sizeof(line), file))
                        strcpy(line, "0");
                fclose(file);
        }
        return !strpbrk(line, ",-"); /* a list like 0-1,4 */
}

hwloc_nodeset_t numa_nodes(hwloc_topology_t topology, hwloc_const_cpuset_t cpus) {
        hwloc_nodeset_t local, all;
        hwloc_obj_t node = NULL;

        if (hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE) < 2)
                return NULL;
        local = hwloc_bitmap_alloc();
        all   = hwloc_bitmap_alloc();
        while (local && all && (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node))) {
                if (node->attr->numanode.local_memory == 0 || hwloc_bitmap_iszero(node->cpuset))
                        continue; /* memory without cpus is not the machine's ordinary one */
                hwloc_bitmap_set(all, node->os_index);
                if (hwloc_bitmap_intersects(node->cpuset, cpus))
                        hwloc_bitmap_set(local, node->os_index);
        }
        if (local && all) {
                if (hwloc_bitmap_iszero(local))
                        hwloc_bitmap_copy(local, all);
                if (!hwloc_bitmap_iszero(local)) {
                        hwloc_bitmap_free(all);
                        return local;
                }
        }
        hwloc_bitmap_free(local);
        hwloc_bitmap_free(all);
        return NULL;
}

int numa_new(Numa **ret, const char *root) {
        hwloc_cpuset_t cpus;
        Numa *numa;

        *ret = NULL;
        if (has_one_node(root))
                return 0;
        numa = calloc(1, sizeof(*numa));
        cpus = hwloc_bitmap_alloc();
        if (numa && cpus && hwloc_topology_init(&numa->topology) == 0 && hwloc_topology_load(numa->topology) == 0) {
                if (hwloc_get_cpubind(numa->topology, cpus, HWLOC_CPUBIND_THREAD) < 0)
                        hwloc_bitmap_copy(cpus, hwloc_topology_get_allowed_cpuset(numa->topology));
                numa->nodes = numa_nodes(numa->topology, cpus);
        }
        hwloc_bitmap_free(cpus);
        if (!numa)
                return -ENOMEM;
        if (numa->nodes)
                *ret = numa;
        else
                numa_free(numa);
        return 0;
}

Numa *numa_free(Numa *numa) {
        if (!numa)
                return NULL;
        hwloc_bitmap_free(numa->nodes);
        if (numa->topology)
                hwloc_topology_destroy(numa->topology);
        free(numa);
        return NULL;
}

void numa_place(const Numa *numa, void *data, size_t size_bytes) {
        if (numa)
                (void) hwloc_set_area_membind(numa->topology, data, size_bytes, numa->nodes,
                                              hwloc_bitmap_weight(numa->nodes) > 1 ? HWLOC_MEMBIND_INTERLEAVE
                                                                                   : HWLOC_MEMBIND_BIND,
                                              HWLOC_MEMBIND_BYNODESET);
}
