/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

struct Draft {
        int fd;
        bool published;
        char *path;     /* the name that it will have */
        char *tmp_path; /* beside it, so that the rename stays in one file system */
};

static int fail(Error *err, int errno_, const char *what, const char *path) {
        return error_prefix(err, -errno_, "%s '%s'", what, path);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

int file_open(File *ret, const char *path, Error *err) {
        struct stat st;
        int fd, r;

        if (err)
                err->code = 0;
        do
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would wait for ever */
        while (fd < 0 && errno == EINTR);
        if (fd < 0)
                return fail(err, errno, "cannot open", path);
        r = fstat(fd, &st) < 0 ? errno : 0;
        if (r == 0 && !S_ISREG(st.st_mode)) {
                close(fd);
                return error_set(err, ERROR_VALUE, "'%s' is not a regular file", path);
        }
        if (r > 0) {
                close(fd);
                return fail(err, r, "cannot open", path);
        }
        *ret = (File) {
                .fd           = fd,
                .size_bytes   = st.st_size,
                .device       = st.st_dev,
                .inode        = st.st_ino,
                .changed_nsec = (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
        };
        return 0;
}

void file_close(File *file) {
        if (file->fd >= 0)
                close(file->fd);
        file->fd = -1;
}

bool file_same(const File *a, const File *b) {
        return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
               a->changed_nsec == b->changed_nsec;
}

int file_read(const File *file, const char *path, void *data, size_t size_bytes, int64_t offset, Error *err) {
        char *at = data;

        while (size_bytes > 0) {
                ssize_t n = pread(file->fd, at, MIN(size_bytes, (size_t) 1 << 30), offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        int code = errno;

                        if (err)
                                err->code = 0;
                        return fail(err, code, "cannot read", path);
                }
                if (n == 0)
                        return error_set(err, ERROR_VALUE, "'%s' ends at byte %lld, %zu bytes early", path,
                                         (long long) offset, size_bytes);
                at += n;
                offset += n;
                size_bytes -= (size_t) n;
        }
        return 0;
}

int file_read_all(const char *path, size_t most_bytes, char **ret, size_t *ret_bytes, Error *err) {
        _cleanup_(file_close) File file = FILE_NONE;
        _cleanup_(freep) char *data     = NULL;
        int r                           = file_open(&file, path, err);

        if (r < 0)
                return r;
        if ((uint64_t) file.size_bytes > most_bytes)
                return error_set(err, ERROR_VALUE, "'%s' has %lld bytes (at most %zu)", path,
                                 (long long) file.size_bytes, most_bytes);
        data = malloc((size_t) file.size_bytes + 1);
        if (!data)
                return error_oom(err, (size_t) file.size_bytes);
        r = file_read(&file, path, data, (size_t) file.size_bytes, 0, err);
        if (r < 0)
                return r;
        *ret       = TAKE_PTR(data);
        *ret_bytes = (size_t) file.size_bytes;
        return 0;
}

int file_map(const File *file, const char *path, int64_t offset, size_t size_bytes, FileMap *ret, Error *err) {
        const int64_t page = sysconf(_SC_PAGESIZE), start = offset / page * page;
        const size_t bytes = size_bytes + (size_t) (offset - start);
        void *at;

        *ret = (FileMap) {};
        if (size_bytes == 0)
                return 0;
        at = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file->fd, start);
        if (at == MAP_FAILED) {
                int code = errno;

                if (err)
                        err->code = 0;
                return fail(err, code, "cannot map", path);
        }
        (void) madvise(at, bytes, MADV_WILLNEED); /* a wish */
        *ret = (FileMap) { .mapping = at, .mapping_bytes = bytes, .data = (char *) at + (offset - start) };
        return 0;
}

void file_unmap(FileMap *map) {
        if (map->mapping)
                munmap(map->mapping, map->mapping_bytes);
        *map = (FileMap) {};
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static int draft_fail(const Draft *draft, Error *err, int code) {
        if (err)
                err->code = 0;
        return fail(err, code, "cannot write", draft->path);
}

/* A name of our own beside the one that the file will have. */
static int draft_create(Draft *draft) {
        static _Atomic unsigned n_drafts;

        for (;;) {
                struct stat st;

                if (asprintf(&draft->tmp_path, "%s.%ld-%u.tmp", draft->path, (long) getpid(), n_drafts++) < 0) {
                        draft->tmp_path = NULL;
                        return -ENOMEM;
                }
                draft->fd = open(draft->tmp_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
                if (draft->fd >= 0) {
                        /* A file that is replaced keeps its permissions. */
                        if (stat(draft->path, &st) == 0 && fchmod(draft->fd, st.st_mode & 0777) < 0)
                                return -errno;
                        return 0;
                }
                if (errno != EEXIST && errno != EINTR)
                        return -errno;
                free(TAKE_PTR(draft->tmp_path));
        }
}

int draft_new(Draft **ret, const char *path, int64_t size_bytes, Error *err) {
        _cleanup_(draft_freep) Draft *draft = calloc(1, sizeof(*draft));
        int r;

        if (!draft)
                return error_oom(err, sizeof(*draft));
        draft->fd   = -1;
        draft->path = strdup(path);
        if (!draft->path)
                return error_oom(err, strlen(path));
        r = draft_create(draft);
        if (r < 0)
                return draft_fail(draft, err, -r);
        if (size_bytes > 0 && fallocate(draft->fd, 0, 0, size_bytes) < 0) {
                /* A file system that cannot take space ahead says later when it is full. */
                if ((errno != EOPNOTSUPP && errno != ENOSYS) || ftruncate(draft->fd, size_bytes) < 0)
                        return draft_fail(draft, err, errno);
        }
        *ret = TAKE_PTR(draft);
        return 0;
}

int draft_write(Draft *draft, const void *data, size_t size_bytes, int64_t offset, Error *err) {
        const char *at = data;

        while (size_bytes > 0) {
                ssize_t n = pwrite(draft->fd, at, MIN(size_bytes, (size_t) 1 << 30), offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return draft_fail(draft, err, errno);
                at += n;
                offset += n;
                size_bytes -= (size_t) n;
        }
        return 0;
}

int draft_publish(Draft *draft, Error *err) {
        if (rename(draft->tmp_path, draft->path) < 0)
                return draft_fail(draft, err, errno);
        draft->published = true;
        return 0;
}

Draft *draft_free(Draft *draft) {
        if (!draft)
                return NULL;
        if (draft->fd >= 0) {
                if (!draft->published)
                        unlink(draft->tmp_path);
                close(draft->fd);
        }
        free(draft->tmp_path);
        free(draft->path);
        free(draft);
        return NULL;
}

/* ---- Directories ------------------------------------------------------------------------------------------------ */

static int directory_fail(Error *err, int code, const char *path) {
        if (err)
                err->code = 0;
        return fail(err, code, "cannot make the directory", path);
}

int directory_make(const char *path, Error *err) {
        struct dirent *entry;
        bool empty = true;
        DIR *dir;

        if (mkdir(path, 0777) == 0)
                return 0;
        if (errno != EEXIST)
                return directory_fail(err, errno, path);
        dir = opendir(path);
        if (!dir)
                return directory_fail(err, errno, path);
        while (empty && (entry = readdir(dir)))
                empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        closedir(dir);
        return empty ? 0 : error_set(err, -EEXIST, "'%s' is there already, and not empty", path);
}

int directory_make_for(const char *path, size_t base_bytes, Error *err) {
        _cleanup_(freep) char *at = strdup(path);

        if (!at)
                return error_oom(err, strlen(path));
        for (char *slash = strchr(at + base_bytes + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(at, 0777) < 0 && errno != EEXIST)
                        return directory_fail(err, errno, at);
                *slash = '/';
        }
        return 0;
}

int directory_sync(const char *path, Error *err) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r  = fd < 0 || syncfs(fd) < 0 ? errno : 0;

        if (fd >= 0)
                close(fd);
        if (r > 0 && err)
                err->code = 0;
        return r > 0 ? fail(err, r, "cannot write", path) : 0;
}
