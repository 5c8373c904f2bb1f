/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Archives whose members are stored as they are, so that where each one lies is known before any of it is written:
 * their bytes may then come in any order, from any thread. */
#include "base/error.h"

enum { ZIP_ALIGN = 64 }; /* where content begins: as elements of .npy do */

/* What all fragments of a member say of its CRC-32, in any order; each byte is in one of them. */
typedef struct ZipSum {
        uint64_t size_bytes;
        uint32_t sum;
} ZipSum;

void zip_sum_init(ZipSum *sum, uint64_t size_bytes);
void zip_sum_add(ZipSum *sum, const void *data, size_t n_bytes, uint64_t offset); /* any thread */

typedef struct ZipMember {
        const char *name; /* UTF-8 */
        uint64_t size_bytes;
        uint64_t header, content; /* offsets in the file: zip_place() */
        uint32_t sum;             /* CRC-32 of the content */
} ZipMember;

/* Places the members one behind the other; the size is that of the whole file. ERROR_VALUE: names that are equal, or
 * too long. */
int zip_place(ZipMember *member, size_t n, uint64_t *ret_size_bytes, Error *err);
/* What lies in front of a member's content: content - header bytes. */
void zip_print_header(const ZipMember *member, char *ret);
/* What lies behind the last member, up to the end of the file. */
void zip_print_directory(const ZipMember *member, size_t n, char *ret);
/* Its bytes. */
size_t zip_directory_bytes(const ZipMember *member, size_t n);
