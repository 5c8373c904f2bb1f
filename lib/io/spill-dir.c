/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/spill-dir.h"

#define TEMPORARY "mars-spill-"
#define KEPT "mars-kept-"

enum { MAX_TRIES = 16 }; /* names that a directory is tried under */

/* Opens what lies directly beneath, never through a link. A descriptor or negative. */
static int open_beneath(int fd, const char *name, int flags, mode_t mode) {
        struct open_how how = {
                .flags   = (uint64_t) (flags | O_CLOEXEC | O_NOFOLLOW),
                .mode    = mode,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };
        long r;

        do
                r = syscall(SYS_openat2, fd, name, &how, sizeof(how));
        while (r < 0 && (errno == EINTR || errno == EAGAIN));
        return r < 0 ? -errno : (int) r;
}

static int lock(int fd, bool wait) {
        int r;

        do
                r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* ---- Which directories ------------------------------------------------------------------------------------------ */

const char *spill_dir_warning(const char *path) {
        struct statfs fs;

        if (statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
                return "is a tmpfs: what is spilled there stays in memory";
        return NULL;
}

/* Temporary files of size go to /var/tmp; $TMPDIR is the user's word for another place, if it is a disk. */
static const char *default_dirs(void) {
        const char *dirs = secure_getenv("MARS_SPILL_DIR");

        if (dirs && dirs[0])
                return dirs;
        dirs = secure_getenv("TMPDIR");
        if (dirs && dirs[0] == '/' && !spill_dir_warning(dirs))
                return dirs;
        return "/var/tmp";
}

int spill_dirs_parse(const char *dirs, char **ret, uint32_t *ret_n, Error *err) {
        char *names, *to;
        uint32_t n = 0;

        if (!dirs)
                dirs = default_dirs();
        names = to = malloc(strlen(dirs) + 1);
        if (!names)
                return error_oom(err, strlen(dirs) + 1);
        for (const char *from = dirs; *from;) {
                size_t length = strcspn(from, ":");

                if (length > 0) {
                        memcpy(to, from, length);
                        to[length] = '\0';
                        to += length + 1;
                        n++;
                }
                from += length + (from[length] == ':');
        }
        if (n == 0 || n > MAX_SPILL_DIRS) {
                free(names);
                return error_set(err, ERROR_VALUE, n == 0 ? "no directory to spill to is named in '%s'"
                                                          : "more than %2$d directories to spill to: '%1$s'",
                                 dirs, (int) MAX_SPILL_DIRS);
        }
        *ret   = names;
        *ret_n = n;
        return 0;
}

int spill_dir_check(const char *path, Error *err) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = errno;

        if (fd < 0)
                return error_set(err, -code, "cannot spill to '%s': %s", path, strerrordesc_np(code));
        code = faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
        close(fd);
        if (code > 0)
                return error_set(err, -code, "cannot spill to '%s': %s", path, strerrordesc_np(code));
        return 0;
}

/* ---- Ours ------------------------------------------------------------------------------------------------------- */

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* Everything in a directory that is ours; it has no directories. */
static void remove_files(int fd) {
        int copy = open_beneath(fd, ".", O_RDONLY | O_DIRECTORY, 0);
        DIR *d   = copy >= 0 ? fdopendir(copy) : NULL;

        if (!d) {
                close_fd(&copy);
                return;
        }
        for (struct dirent *e; (e = readdir(d));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        unlinkat(fd, e->d_name, 0);
        closedir(d);
}

void spill_dir_remove(SpillDir *dir) {
        if (dir->fd < 0)
                return;
        remove_files(dir->fd);
        unlinkat(dir->parent_fd, dir->name, AT_REMOVEDIR);
}

void spill_dir_close(SpillDir *dir, bool remove) {
        if (remove)
                spill_dir_remove(dir);
        close_fd(&dir->extents_fd);
        close_fd(&dir->table_fd);
        close_fd(&dir->fd);
        close_fd(&dir->parent_fd);
}

/* A directory of that name that is ours alone and locked: 0, or -EAGAIN when somebody else has it, or has just
 * removed it. */
static int claim(int parent_fd, const char *name, int *ret_fd) {
        struct stat st, again;
        int fd = open_beneath(parent_fd, name, O_RDONLY | O_DIRECTORY, 0), r;

        if (fd < 0)
                return fd == -ENOENT ? -EAGAIN : fd;
        r = fstat(fd, &st) < 0 ? -errno : 0;
        if (r == 0 && (st.st_uid != geteuid() || (st.st_mode & 077) != 0))
                r = -EPERM;
        if (r == 0) {
                r = lock(fd, false);
                if (r == -EWOULDBLOCK)
                        r = -EAGAIN;
        }
        if (r == 0 && (fstatat(parent_fd, name, &again, AT_SYMLINK_NOFOLLOW) < 0 || again.st_ino != st.st_ino ||
                       again.st_dev != st.st_dev))
                r = -EAGAIN;
        if (r < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

static int make_private(SpillDir *dir, uint64_t owner, bool keep) {
        int r = -EAGAIN;

        for (unsigned k = 0; k < MAX_TRIES && r == -EAGAIN; k++) {
                uint32_t chance;

                if (getrandom(&chance, sizeof(chance), 0) != (ssize_t) sizeof(chance))
                        return -EIO;
                if (keep)
                        snprintf(dir->name, sizeof(dir->name), KEPT "%016llx", (unsigned long long) owner);
                else
                        snprintf(dir->name, sizeof(dir->name), TEMPORARY "%016llx-%08x", (unsigned long long) owner,
                                 chance);
                if (mkdirat(dir->parent_fd, dir->name, 0700) < 0 && (errno != EEXIST || !keep)) {
                        r = errno == EEXIST ? -EAGAIN : -errno;
                        continue;
                }
                r = claim(dir->parent_fd, dir->name, &dir->fd);
        }
        return r;
}

static int dir_fail(SpillDir *dir, const char *path, int r, Error *err) {
        spill_dir_close(dir, false);
        if (r == -EAGAIN)
                return error_set(err, -EBUSY, "cannot spill to '%s': another process has '%s'", path, dir->name);
        return error_set(err, r, "cannot spill to '%s': %s", path, strerrordesc_np(-r));
}

int spill_dir_make(SpillDir *ret, const char *path, uint64_t owner, bool keep, Error *err) {
        SpillDir dir = SPILL_DIR_NONE;
        int r;

        dir.parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir.parent_fd < 0)
                return dir_fail(&dir, path, -errno, err);
        r = make_private(&dir, owner, keep);
        if (r < 0)
                return dir_fail(&dir, path, r, err);
        remove_files(dir.fd); /* of an owner that kept them and is not restored */
        dir.extents_fd = open_beneath(dir.fd, "extents", O_RDWR | O_CREAT | O_EXCL, 0600);
        if (keep)
                dir.table_fd = open_beneath(dir.fd, "table", O_RDWR | O_CREAT | O_EXCL, 0600);
        r = dir.extents_fd < 0 ? dir.extents_fd : keep && dir.table_fd < 0 ? dir.table_fd : lock(dir.extents_fd, true);
        if (r < 0) {
                spill_dir_close(&dir, true);
                return dir_fail(&dir, path, r, err);
        }
        *ret = dir;
        return 0;
}

static int open_regular(int fd, const char *name) {
        int file = open_beneath(fd, name, O_RDWR | O_NONBLOCK, 0), r;
        struct stat st;

        if (file < 0)
                return file;
        r = fstat(file, &st) < 0 ? -errno : 0;
        if (r == 0 && (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1))
                r = -EPERM;
        if (r == 0)
                r = lock(file, true); /* until what the dead owner had on its way has ended */
        if (r < 0) {
                close(file);
                return r;
        }
        return file;
}

int spill_dir_reopen(SpillDir *ret, const char *path, uint64_t owner, Error *err) {
        SpillDir dir = SPILL_DIR_NONE;
        struct stat st;
        int r;

        dir.parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir.parent_fd < 0)
                return dir_fail(&dir, path, -errno, err);
        snprintf(dir.name, sizeof(dir.name), KEPT "%016llx", (unsigned long long) owner);
        if (fstatat(dir.parent_fd, dir.name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
                spill_dir_close(&dir, false);
                return SPILL_DIR_ABSENT;
        }
        r = claim(dir.parent_fd, dir.name, &dir.fd);
        if (r < 0)
                return dir_fail(&dir, path, r, err);
        dir.extents_fd = open_regular(dir.fd, "extents");
        dir.table_fd   = dir.extents_fd < 0 ? dir.extents_fd : open_regular(dir.fd, "table");
        if (dir.table_fd < 0) {
                r = dir.table_fd;
                if (r == -ENOENT) { /* killed before both files were there */
                        spill_dir_close(&dir, true);
                        return SPILL_DIR_ABSENT;
                }
                return dir_fail(&dir, path, r, err);
        }
        *ret = dir;
        return 0;
}

/* ---- Theirs ----------------------------------------------------------------------------------------------------- */

/* The name that claims to be one of ours. */
static bool is_ours(const char *name, bool kept) {
        const char *prefix = kept ? KEPT : TEMPORARY;

        return strncmp(name, prefix, strlen(prefix)) == 0;
}

uint32_t spill_dir_sweep(const char *path, bool kept) {
        int fd        = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d        = fd >= 0 ? fdopendir(fd) : NULL;
        uint32_t swept = 0;

        if (!d) {
                close_fd(&fd);
                return 0;
        }
        for (struct dirent *e; (e = readdir(d));) {
                int left;

                if (!is_ours(e->d_name, kept) || claim(fd, e->d_name, &left) < 0)
                        continue;
                remove_files(left);
                swept += unlinkat(fd, e->d_name, AT_REMOVEDIR) == 0;
                close(left);
        }
        closedir(d);
        return swept;
}

bool spill_dir_is_swept(const char *path) {
        DIR *d     = opendir(path);
        bool swept = true;

        if (!d)
                return true;
        for (struct dirent *e; swept && (e = readdir(d));)
                swept = !is_ours(e->d_name, false);
        closedir(d);
        return swept;
}
