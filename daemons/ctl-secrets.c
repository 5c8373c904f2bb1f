/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in: the key that machines share, and the token of those who come over TCP. Neither is ever printed. */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/conf.h"
#include "daemons/ctl.h"
#include "io/token.h"

enum { KEY_BYTES = 32, KEY_MODE = 0640 };

/* All of it reaches the disk, or there is no file. */
static int key_write(int fd, const char *text, size_t n) {
        if (fchmod(fd, KEY_MODE) < 0) /* whatever the umask is */
                return -errno;
        for (size_t at = 0; at < n;) {
                const ssize_t w = write(fd, text + at, n - at);

                if (w < 0 && errno != EINTR)
                        return -errno;
                at += (size_t) MAX(w, 0);
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static int put_path(FILE *out, const char *path, Error *err) {
        struct json_object *all  = json_object_new_object();
        struct json_object *text = json_object_new_string(path);
        int r                    = all && text ? json_object_object_add(all, "path", text) : -1;

        if (r == 0)
                fprintf(out, "%s\n", json_object_to_json_string(all));
        else
                json_object_put(text);
        json_object_put(all);
        return r < 0 ? error_oom(err, strlen(path)) : 0;
}

int ctl_keygen(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        const char *path = argument ?: CONF_DIR "/cluster.key";
        unsigned char key[KEY_BYTES];
        char text[2 * KEY_BYTES + 2];
        int fd, r;

        if (getrandom(key, sizeof(key), 0) != sizeof(key))
                return error_prefix(err, -EIO, "random numbers");
        for (size_t k = 0; k < sizeof(key); k++)
                snprintf(text + 2 * k, 3, "%02x", key[k]);
        text[2 * sizeof(key)]     = '\n';
        text[2 * sizeof(key) + 1] = '\0';
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, KEY_MODE & ~S_IRGRP);
        if (fd < 0 && errno == EEXIST)
                return error_set(err, -EEXIST,
                                 "%s is there already: a cluster that uses it would be locked out by a new "
                                 "one; move it away first",
                                 path);
        if (fd < 0)
                return error_prefix(err, -errno, "%s", path);
        r = key_write(fd, text, strlen(text));
        close(fd);
        explicit_bzero(key, sizeof(key));
        explicit_bzero(text, sizeof(text));
        if (r < 0) {
                unlink(path);
                return error_prefix(err, r, "%s", path);
        }
        if (ctl->json)
                return put_path(out, path, err);
        fprintf(out,
                "%s: a new key, mode 0640; let the group mars read it: chgrp mars %s\n"
                "Version " MARS_BUILD
                " does not use keys yet: its daemons serve this machine alone. With a version that\n"
                "does, another node joins by\n"
                "        scp -p %s NODE:" CONF_DIR "/cluster.key\n"
                "        ssh NODE systemctl enable --now mars-worker\n",
                path, path, path);
        return 0;
}

int ctl_token(Ctl *ctl, _unused_ const char *argument, FILE *out, Error *err) {
        _cleanup_(freep) char *token = NULL, *where = NULL;
        int r = token_find_or_make(&token, NULL, err);

        if (r == 0)
                r = token_where(&where, err);
        if (r < 0)
                return r;
        if (r > 0) /* it was taken away in between */
                return error_set(err, -ENOENT, "there is no token");
        if (ctl->json)
                return put_path(out, where, err);
        fprintf(out,
                "%s\nWho connects over TCP shows this token. Others who may come in need a copy that nobody else "
                "can read, at\n~/.config/mars/token, or its text in MARS_TOKEN; a unix socket asks for none.\n",
                where);
        return 0;
}
