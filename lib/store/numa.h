/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* On which nodes a store's memory lies, on a machine that has more than one. */
#include <hwloc.h>

#include "base/macro.h"

typedef struct Numa Numa;

/* For memory that the calling thread and those it starts will use. *ret is NULL on a machine of one node, and where
 * hwloc cannot tell: then nothing is to be done. `root` is "" but in tests. 0 or -ENOMEM. */
int numa_new(Numa **ret, const char *root);
Numa *numa_free(Numa *numa);
void numa_place(const Numa *numa, void *data, size_t size_bytes); /* before its pages are touched; a wish */

/* The decision: the nodes that have memory and are local to one of the cpus, or all that have memory if none is; NULL
 * if the machine has one node, or none with memory. The caller frees it. */
hwloc_nodeset_t numa_nodes(hwloc_topology_t topology, hwloc_const_cpuset_t cpus);
