/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in: the key that machines share, and the token of those who come over TCP. Neither is ever printed;
 * tokens of users are, which are derived from it. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemons/ctl/ctl.h"
#include "io/token.h"

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
        const char *path = argument ?: KEY_PATH;
        int r            = key_make(path, err);

        if (r < 0)
                return r;
        if (ctl->json)
                return put_path(out, path, err);
        fprintf(out,
                "%s: a new key, mode 0640; let the group mars read it: chgrp mars %s\n"
                "Daemons use it when they start again. Another machine joins by\n"
                "        scp -p %s NODE:" KEY_PATH "\n"
                "        ssh NODE mars-worker -a ADDRESS-OF-NODE -s ADDRESS-OF-SCHEDULER:7103\n",
                path, path, path);
        return 0;
}

/* The token itself: its user is to have it. */
static int put_users(const Ctl *ctl, const char *ours, const char *user, FILE *out, Error *err) {
        char token[TOKEN_MAX];
        int r = token_of_user(token, ours, user, err);

        if (r < 0)
                return r;
        if (ctl->json)
                fprintf(out, "{\"user\": \"%s\", \"token\": \"%s\"}\n", user, token);
        else
                fprintf(out, "%s\n", token);
        explicit_bzero(token, sizeof(token));
        return 0;
}

int ctl_token(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        _cleanup_(freep) char *token = NULL, *where = NULL;
        int r = token_find_or_make(&token, NULL, err);

        if (r == 0)
                r = token_where(&where, err);
        if (r < 0)
                return r;
        if (r > 0) /* it was taken away in between */
                return error_set(err, -ENOENT, "there is no token");
        if (argument)
                return put_users(ctl, token, argument, out, err);
        if (ctl->json)
                return put_path(out, where, err);
        fprintf(out,
                "%s\nWho connects over TCP shows this token. Others who may come in need a copy that nobody else "
                "can read, at\n~/.config/mars/token, or its text in MARS_TOKEN; a unix socket asks for none.\n",
                where);
        return 0;
}
