/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files with words: what fails says what was done to which file. Codes are the system's errno. */
#include "base/error.h"

/* A file that is read. What it was when it was opened identifies it later. */
typedef struct File {
        int fd; /* -1: none */
        int64_t size_bytes;
        uint64_t device, inode;
        int64_t changed_nsec; /* time of the last change of content */
} File;

#define FILE_NONE ((File) { .fd = -1 })

int file_open(File *ret, const char *path, Error *err); /* a regular file, else ERROR_VALUE */
void file_close(File *file);
bool file_same(const File *a, const File *b); /* the same content, as far as the system tells */

/* Exactly size_bytes from offset; ERROR_VALUE when the file ends before. Any thread. */
int file_read(const File *file, const char *path, void *data, size_t size_bytes, int64_t offset, Error *err);

/* The whole file, in memory that is the caller's to free(); ERROR_VALUE when it has more than most_bytes. -ENOENT:
 * there is none. */
int file_read_all(const char *path, size_t most_bytes, char **ret, size_t *ret_bytes, Error *err);

/* Read-only memory that is the file's content. Touching it after somebody has shortened the file kills the process:
 * use it for files too large to read. */
typedef struct FileMap {
        void *mapping;
        size_t mapping_bytes;
        const char *data; /* what was asked for */
} FileMap;

int file_map(const File *file, const char *path, int64_t offset, size_t size_bytes, FileMap *ret, Error *err);
void file_unmap(FileMap *map);

/* A file in the making: it gets its name when it is whole, replacing what had the name, or never exists. */
typedef struct Draft Draft;

int draft_new(Draft **ret, const char *path, int64_t size_bytes, Error *err); /* takes the space on the disk now */
int draft_write(Draft *draft, const void *data, size_t size_bytes, int64_t offset, Error *err); /* any thread */
int draft_publish(Draft *draft, Error *err);
Draft *draft_free(Draft *draft); /* removes it unless it was published */
DEFINE_CLEANUP(Draft *, draft_free)

/* An empty directory: a new one, or one that is there and empty already; else -EEXIST or -ENOTDIR. */
int directory_make(const char *path, Error *err);
/* The directories that `path`, a file to be, needs below the first base_bytes of it, which are there. Any thread. */
int directory_make_for(const char *path, size_t base_bytes, Error *err);
/* All that was written in its file system is on the disk. */
int directory_sync(const char *path, Error *err);
