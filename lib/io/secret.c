/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/secret.h"

enum { RANDOM_BYTES = 32 };

/* The whole file, or its first `most` bytes. */
static ssize_t read_all(int fd, char *to, size_t most) {
        size_t n = 0;

        while (n < most) {
                const ssize_t now = read(fd, to + n, most - n);

                if (now == 0)
                        break;
                if (now < 0 && errno != EINTR)
                        return -errno;
                n += (size_t) MAX(now, 0);
        }
        return (ssize_t) n;
}

int secret_read(char **ret, const char *path, size_t most, Error *err) {
        _cleanup_(secret_freep) char *text = calloc(most + 1, 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        ssize_t n;

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? SECRET_ABSENT
                                                                              : error_prefix(err, -errno, "%s", path);
        n = !text ? -ENOMEM : fstat(fd, &st) < 0 ? -errno : read_all(fd, text, most);
        close(fd);
        if (n < 0)
                return error_prefix(err, (int) n, "%s", path);
        if (st.st_mode & S_IRWXO)
                return error_set(err, ERROR_VALUE, "%s: everybody may read it: chmod o= %s", path, path);
        *ret = TAKE_PTR(text);
        return 0;
}

char *secret_free(char *text) {
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
        return NULL;
}

void secret_own_path(const char *name, char ret[static PATH_MAX]) {
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        const struct passwd *user = home ? NULL : getpwuid(getuid());

        ret[0] = 0;
        if (config && config[0] == '/')
                snprintf(ret, PATH_MAX, "%s/mars/%s", config, name);
        else if (home || user)
                snprintf(ret, PATH_MAX, "%s/.config/mars/%s", home ?: user->pw_dir, name);
}

static int make_folders(const char *path, Error *err) {
        char folder[PATH_MAX];

        snprintf(folder, sizeof(folder), "%s", path);
        for (char *at = strchr(folder + 1, '/'); at; at = strchr(at + 1, '/')) {
                *at = 0;
                if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                        return error_prefix(err, -errno, "%s", folder);
                *at = '/';
        }
        return 0;
}

/* All of it reaches the disk, or there is no file. */
static int write_all(int fd, mode_t mode, const char *text, size_t n) {
        if (fchmod(fd, mode) < 0)
                return -errno;
        for (size_t at = 0; at < n;) {
                const ssize_t w = write(fd, text + at, n - at);

                if (w < 0 && errno != EINTR)
                        return -errno;
                at += (size_t) MAX(w, 0);
        }
        return fsync(fd) < 0 ? -errno : 0;
}

int secret_make(const char *path, mode_t mode, bool folders, Error *err) {
        unsigned char bytes[RANDOM_BYTES];
        char text[2 * RANDOM_BYTES + 2];
        int fd, r;

        r = folders ? make_folders(path, err) : 0;
        if (r < 0)
                return r;
        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return error_prefix(err, -EIO, "random numbers");
        for (size_t k = 0; k < sizeof(bytes); k++)
                snprintf(text + 2 * k, 3, "%02x", bytes[k]);
        text[sizeof(text) - 2] = '\n';
        text[sizeof(text) - 1] = 0;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                r = errno == EEXIST ? -EEXIST : error_prefix(err, -errno, "%s", path);
        else {
                r = write_all(fd, mode, text, strlen(text));
                close(fd);
                if (r < 0) {
                        unlink(path);
                        error_prefix(err, r, "%s", path);
                }
        }
        explicit_bzero(bytes, sizeof(bytes));
        explicit_bzero(text, sizeof(text));
        return r;
}
