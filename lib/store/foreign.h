/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The memory file of another process's store, mapped to read chunks in it (store_file() is its other side). What the
 * file says of itself is checked before anything of it is touched: its size is sealed, so no page of the mapping can
 * go away under a reader, and nothing is read outside of it. What lies in it is the other process's to promise: a chunk
 * stays as it is while that process holds it for us. */
#include "base/error.h"

typedef struct Foreign Foreign;

/* Maps the whole file, for reading; the descriptor stays the caller's. 0; ERROR_VALUE: it is no memory file of sealed
 * size; or an errno: it cannot be mapped here. */
int foreign_open(Foreign **ret, int fd, Error *err);
Foreign *foreign_ref(Foreign *file);
Foreign *foreign_unref(Foreign *file); /* unmaps with the last reference; NULL is fine */
DEFINE_CLEANUP(Foreign *, foreign_unref)

/* Where the bytes are; NULL: not within the file. */
const char *foreign_at(const Foreign *file, uint64_t offset, uint64_t size_bytes);
/* From now on the bytes are memory of our own, at the same address, with what is in them now: the other process will
 * not hold them for us any more. Others may read them meanwhile. 0 or -ENOMEM: nothing has changed. */
int foreign_keep(Foreign *file, const char *data, size_t size_bytes);
