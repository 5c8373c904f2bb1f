/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Disks of a test's own, mounted where nobody else sees them: its process gets a mount namespace, and if it is not
 * root's, a user namespace in which it is. What the machine does not allow is said, and the test has then nothing to
 * look at: a tmpfs needs one of both namespaces, a file system in a file needs root, a loop device and mkfs.ext4. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "harness.h"

static inline void mounts_write(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        close(fd);
}

/* Before the process has a second thread. */
static inline bool mounts_own(bool root) {
        const unsigned uid = geteuid(), gid = getegid();
        char text[64];

        if (root && uid != 0) {
                printf("# skipped: only root may mount a file\n");
                return false;
        }
        if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0) {
                printf("# skipped: no namespace for mounts can be had: %s\n", strerror(errno));
                return false;
        }
        if (uid != 0) {
                mounts_write("/proc/self/setgroups", "deny");
                snprintf(text, sizeof(text), "0 %u 1", uid);
                mounts_write("/proc/self/uid_map", text);
                snprintf(text, sizeof(text), "0 %u 1", gid);
                mounts_write("/proc/self/gid_map", text);
        }
        ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        return true;
}

static inline bool mounts_tmpfs(const char *dir, const char *options) {
        if (!mounts_own(false))
                return false;
        if (mount("none", dir, "tmpfs", 0, options) < 0) {
                printf("# skipped: cannot mount a tmpfs: %s\n", strerror(errno));
                return false;
        }
        return true;
}

/* An ext4 of so many MiB in the file `image`, which the test may then cut. */
static inline bool mounts_image(const char *dir, const char *image, int n_mib) {
        char command[512];

        if (!mounts_own(true))
                return false;
        snprintf(command, sizeof(command), "truncate -s %dM %s && mkfs.ext4 -q %s && mount -o loop %s %s", n_mib, image,
                 image, image, dir);
        if (system(command) != 0) {
                printf("# skipped: a file cannot be mounted without a loop device and mkfs.ext4\n");
                unlink(image);
                return false;
        }
        return true;
}

/* The mount goes, as soon as nobody has a file there. */
static inline void mounts_end(const char *dir) {
        while (umount(dir) < 0) {
                ck_assert_int_eq(errno, EBUSY);
                sched_yield();
        }
}
