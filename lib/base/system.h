/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the system lets this process have. */
#include "base/macro.h"

typedef struct SystemMemory {
        uint64_t total_bytes;     /* of the machine, or what its control groups allow if that is less */
        uint64_t available_bytes; /* of these, what could be used now without swapping */
        uint64_t machine_bytes;
        uint64_t limit_bytes;     /* the least limit of the own control group and of those above it; UINT64_MAX: none */
} SystemMemory;

/* Reads /proc and the control groups (v1, v2 and both at a time) below `root`, which is "" but in tests. What cannot be
 * read limits nothing; of a machine that does not even say how much memory it has, 1 GiB is assumed. */
void system_memory(SystemMemory *ret, const char *root);

/* The file in which the kernel counts the processes that it has killed for want of memory: that of the control group in
 * which `process` is ("self", or a number), or where groups do not say it that of the whole machine. False: there is
 * none. A process that has ended is in no group any more: ask before. */
bool system_killed_file(const char *process, const char *root, char *ret, size_t size) _must_check_;
bool system_killed(const char *path, uint64_t *ret) _must_check_; /* what it says; false: nothing */
