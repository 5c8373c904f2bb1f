/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "io/secret.h"
#include "io/token.h"

enum { TOKEN_MIN = 16 };

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
        _cleanup_(secret_freep) char *text = NULL;
        int r = secret_read(&text, path, TOKEN_MAX, err);

        if (r == SECRET_ABSENT)
                return TOKEN_ABSENT;
        if (r == 0)
                r = token_check(text, path, err);
        if (r == 0)
                *ret = TAKE_PTR(text);
        return r;
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
        secret_own_path("token", ret_where);
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

int token_find_or_make(char **ret, const char *path, Error *err) {
        char own[PATH_MAX];
        int r = token_find(ret, path, err);

        if (r != TOKEN_ABSENT)
                return r;
        secret_own_path("token", own);
        if (!own[0])
                return error_set(err, ERROR_VALUE, "there is no token, and no home to make one in: set MARS_TOKEN");
        r = secret_make(own, 0600, true, err);
        return r < 0 && r != -EEXIST ? r : token_find(ret, path, err); /* somebody was faster */
}

int token_prove(char ret[static TOKEN_PROOF_MAX], const char *token, const char *text, Error *err) {
        uint8_t proof[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (!HMAC(EVP_sha256(), token, (int) strlen(token), (const uint8_t *) text, strlen(text), proof, &n))
                return error_set(err, -ENOSYS, "OpenSSL has no HMAC-SHA256");
        for (unsigned k = 0; k < n; k++)
                snprintf(ret + 2 * k, 3, "%02x", proof[k]);
        return 0;
}

/* ---- Users ------------------------------------------------------------------------------------------------------- */

/* The name before the colon, or 0. */
static size_t name_length(const char *text) {
        const size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

        return n < TOKEN_USER_MAX ? n : 0;
}

static bool is_of_user(const char *token) {
        const size_t n = name_length(token);

        return n > 0 && token[n] == ':' && strlen(token + n + 1) == TOKEN_PROOF_MAX - 1;
}

int token_of_user(char ret[static TOKEN_MAX], const char *ours, const char *user, Error *err) {
        char text[sizeof("user ") + TOKEN_USER_MAX], proof[TOKEN_PROOF_MAX];
        int r;

        if (is_of_user(ours))
                return error_set(err, ERROR_VALUE, "this token is a user's: others are made with that of the cluster");
        if (!user[0] || user[name_length(user)])
                return error_set(err, ERROR_VALUE, "a user's name has 1 to %d of a-z, 0-9, '_' and '-'",
                                 TOKEN_USER_MAX - 1);
        snprintf(text, sizeof(text), "user %s", user);
        r = token_prove(proof, ours, text, err);
        if (r == 0)
                snprintf(ret, TOKEN_MAX, "%s:%s", user, proof);
        return r;
}

bool token_user(char ret_user[static TOKEN_USER_MAX], const char *ours, const char *said) {
        char users[TOKEN_MAX];
        const size_t n = name_length(said);
        Error err      = {};

        ret_user[0] = 0;
        if (token_same(ours, said))
                return true;
        if (!ours || !ours[0] || !is_of_user(said))
                return false;
        memcpy(ret_user, said, n);
        ret_user[n] = 0;
        if (token_of_user(users, ours, ret_user, &err) == 0 && token_same(users, said))
                return true;
        ret_user[0] = 0;
        return false;
}

static const char between[] = ", \t";

bool token_withdrawn(const char *users, const char *user) {
        const size_t n = strlen(user);

        for (const char *at = users ?: ""; n > 0 && *at;) {
                const size_t n_name = strcspn(at, between);

                if (n_name == n && memcmp(at, user, n) == 0)
                        return true;
                at += n_name;
                at += strspn(at, between);
        }
        return false;
}

int token_withdrawn_check(const char *users, Error *err) {
        if (strlen(users ?: "") >= TOKEN_WITHDRAWN_MAX)
                return error_set(err, ERROR_VALUE, "a list of users is shorter than %d bytes", TOKEN_WITHDRAWN_MAX);
        for (const char *at = (users ?: "") + strspn(users ?: "", between); *at;) {
                const size_t n = strcspn(at, between);

                if (n != name_length(at))
                        return error_set(err, ERROR_VALUE, "'%.*s' is no user's name: 1 to %d of a-z, 0-9, '_' and '-'",
                                         (int) MIN(n, (size_t) 100), at, TOKEN_USER_MAX - 1);
                at += n;
                at += strspn(at, between);
        }
        return 0;
}

int token_grant(char ret[static TOKEN_PROOF_MAX], const char *ours, const char *user, uint64_t first, uint32_t n,
                Error *err) {
        char text[TOKEN_USER_MAX + 64];

        if (!ours || !ours[0])
                return error_set(err, -EACCES, "there is no token");
        snprintf(text, sizeof(text), "%u chunks from %" PRIu64 " of %s", n, first, user);
        return token_prove(ret, ours, text, err);
}
