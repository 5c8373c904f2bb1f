/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The private directory of one Spill beneath one of the directories that it may use, and the two files in it. It is
 * 0700, is made by us or not used, and nothing in it is opened through a link. Its owner holds flock() on it while it
 * lives, so who can lock one may remove it. Files are locked too: a write that a killed process left in the kernel ends
 * before the lock goes, hence before the next owner reuses its extent. */
#include "io/spill.h"

typedef struct SpillDir {
        int parent_fd, fd;       /* of the directory that the user named; of ours. -1: none */
        int extents_fd, table_fd; /* table: only when kept */
        char name[64];
} SpillDir;

#define SPILL_DIR_NONE ((SpillDir) { .parent_fd = -1, .fd = -1, .extents_fd = -1, .table_fd = -1 })

/* The directories of a list, or the default: the names with their ends, one after the other, and how many. */
int spill_dirs_parse(const char *dirs, char **ret, uint32_t *ret_n, Error *err);
int spill_dir_check(const char *path, Error *err); /* a directory in which we may make one */
/* Words if the files would be memory (tmpfs), else NULL. */
const char *spill_dir_warning(const char *path);

int spill_dir_make(SpillDir *ret, const char *path, uint64_t owner, bool keep, Error *err);
/* What an owner that kept its files left: 0, or SPILL_DIR_ABSENT. A living owner or foreign files are errors. */
enum { SPILL_DIR_ABSENT = 1 };
int spill_dir_reopen(SpillDir *ret, const char *path, uint64_t owner, Error *err);
void spill_dir_remove(SpillDir *dir); /* the names go, which is quick; the room when the files are closed */
void spill_dir_close(SpillDir *dir, bool remove);

/* What dead owners left beneath `path`: those who kept their files, or those who did not. */
uint32_t spill_dir_sweep(const char *path, bool kept);
bool spill_dir_is_swept(const char *path); /* no name is there that may be of a dead owner who did not keep his files */
