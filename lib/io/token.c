/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/token.h"

enum { RANDOM_BYTES = 32, TOKEN_MIN = 16 };

bool token_same(const char *ours, const char *said) {
        const size_t n  = ours ? strlen(ours) : 0, n_said = strlen(said);
        unsigned differ = n == 0 || n != n_said;

        for (size_t k = 0; k < n_said && n > 0; k++)
                differ |= (unsigned char) ours[k % n] ^ (unsigned char) said[k];
        return !differ;
}

static int token_check(char *text, const char *where, Error *err) {
        size_t n = strlen(text);

        while (n > 0 && isspace((unsigned char) text[n - 1]))
                text[--n] = 0;
        if (n < TOKEN_MIN || n >= TOKEN_MAX)
                return error_set(err, ERROR_VALUE, "%s: a token has %d to %d characters", where, TOKEN_MIN,
                                 TOKEN_MAX - 1);
        for (size_t k = 0; k < n; k++)
                if (!isgraph((unsigned char) text[k]))
                        return error_set(err, ERROR_VALUE, "%s: a token has letters, digits and signs only", where);
        return 0;
}

static int token_read(char **ret, const char *path, Error *err) {
        _cleanup_(freep) char *text = calloc(TOKEN_MAX + 1, 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;
        ssize_t n;
        int r;

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? TOKEN_ABSENT
                                                                              : error_prefix(err, -errno, "%s", path);
        n = text && fstat(fd, &st) == 0 ? read(fd, text, TOKEN_MAX) : -1;
        close(fd);
        if (n < 0)
                return error_prefix(err, -errno, "%s", path);
        if (st.st_mode & S_IRWXO)
                return error_set(err, ERROR_VALUE, "%s: everybody may read it: chmod o= %s", path, path);
        r = token_check(text, path, err);
        if (r == 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* Where the user's own is; "" where there is no home. */
static void own_path(char ret[static PATH_MAX]) {
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        const struct passwd *user = home ? NULL : getpwuid(getuid());

        ret[0] = 0;
        if (config && config[0] == '/')
                snprintf(ret, PATH_MAX, "%s/mars/token", config);
        else if (home || user)
                snprintf(ret, PATH_MAX, "%s/.config/mars/token", home ?: user->pw_dir);
}

static int find_unnamed(char **ret, char ret_where[static PATH_MAX], Error *err) {
        const char *text = getenv("MARS_TOKEN");
        int r;

        if (text && text[0]) {
                snprintf(ret_where, PATH_MAX, "$MARS_TOKEN");
                *ret = strdup(text);
                r    = *ret ? token_check(*ret, "MARS_TOKEN", err) : error_oom(err, strlen(text));
                if (r < 0) {
                        free(*ret);
                        *ret = NULL;
                }
                return r;
        }
        own_path(ret_where);
        r = ret_where[0] ? token_read(ret, ret_where, err) : TOKEN_ABSENT;
        if (r != TOKEN_ABSENT)
                return r;
        snprintf(ret_where, PATH_MAX, "/etc/mars/token");
        return token_read(ret, ret_where, err);
}

int token_find(char **ret, const char *path, Error *err) {
        char where[PATH_MAX];
        int r;

        if (!path)
                return find_unnamed(ret, where, err);
        r = token_read(ret, path, err);
        return r == TOKEN_ABSENT ? error_set(err, ERROR_VALUE, "%s: there is no token, or it cannot be read", path) : r;
}

int token_where(char **ret, Error *err) {
        _cleanup_(freep) char *token = NULL;
        char where[PATH_MAX];
        int r = find_unnamed(&token, where, err);

        if (r != 0)
                return r;
        *ret = strdup(where);
        return *ret ? 0 : error_oom(err, strlen(where));
}

static int make_folders(char *path, Error *err) {
        for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
                int r;

                *at = 0;
                r   = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
                if (r < 0)
                        error_prefix(err, r, "%s", path);
                *at = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

static int token_make(const char *path, Error *err) {
        unsigned char bytes[RANDOM_BYTES];
        char text[2 * RANDOM_BYTES + 2];
        int fd, r = 0;

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return error_prefix(err, -EIO, "random numbers");
        for (size_t k = 0; k < sizeof(bytes); k++)
                snprintf(text + 2 * k, 3, "%02x", bytes[k]);
        text[sizeof(text) - 2] = '\n';
        text[sizeof(text) - 1] = 0;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EEXIST)
                return 0; /* somebody was faster */
        if (fd < 0)
                return error_prefix(err, -errno, "%s", path);
        if (write(fd, text, strlen(text)) != (ssize_t) strlen(text) || fsync(fd) < 0)
                r = error_prefix(err, -EIO, "%s", path);
        close(fd);
        if (r < 0)
                unlink(path);
        return r;
}

int token_find_or_make(char **ret, const char *path, Error *err) {
        char own[PATH_MAX];
        int r = token_find(ret, path, err);

        if (r != TOKEN_ABSENT)
                return r;
        own_path(own);
        if (!own[0])
                return error_set(err, ERROR_VALUE, "there is no token, and no home to make one in: set MARS_TOKEN");
        r = make_folders(own, err);
        if (r == 0)
                r = token_make(own, err);
        return r < 0 ? r : token_find(ret, path, err);
}
