/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are derived by HKDF (RFC 5869) with SHA-256: extracted with a salt that names this use of the file, expanded
 * with the purpose. */
#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/key.h"
#include "io/secret.h"

enum { FILE_BYTES = 16 << 10 }; /* room for all keys and what people remark about them */

int key_derive(const Key *key, const char *purpose, uint8_t ret[static KEY_DERIVED_BYTES]) {
        static char digest[] = "SHA256", salt[] = "mars cluster key 1"; /* OpenSSL takes them as not const */
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof(salt) - 1),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (uint8_t *) key->secret, sizeof(key->secret)),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char *) purpose, strlen(purpose)),
                OSSL_PARAM_construct_end(),
        };
        EVP_KDF *hkdf    = EVP_KDF_fetch(NULL, "HKDF", NULL);
        EVP_KDF_CTX *ctx = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
        const bool done  = ctx && EVP_KDF_derive(ctx, ret, KEY_DERIVED_BYTES, params) == 1;

        EVP_KDF_CTX_free(ctx);
        EVP_KDF_free(hkdf);
        return done ? 0 : -ENOMEM;
}

static int key_name(Key *key) {
        uint8_t bytes[KEY_DERIVED_BYTES];
        int r = key_derive(key, "id", bytes);

        for (size_t k = 0; k < sizeof(key->id) / 2 && r == 0; k++)
                snprintf(key->id + 2 * k, 3, "%02x", bytes[k]);
        return r;
}

static int digit(char c) {
        if (isdigit((unsigned char) c))
                return c - '0';
        return isxdigit((unsigned char) c) ? tolower((unsigned char) c) - 'a' + 10 : -1;
}

/* `n` characters without blanks around. */
static bool parse_key(const char *text, size_t n, Key *ret) {
        if (n != 2 * KEY_BYTES)
                return false;
        for (size_t k = 0; k < n; k += 2) {
                const int high = digit(text[k]), low = digit(text[k + 1]);

                if (high < 0 || low < 0)
                        return false;
                ret->secret[k / 2] = (uint8_t) (high << 4 | low);
        }
        return true;
}

int keys_parse(Keys *ret, const char *text, const char *where, Error *err) {
        unsigned line = 1;

        *ret = (Keys) {};
        snprintf(ret->path, sizeof(ret->path), "%s", where);
        for (const char *at = text, *end; *at; at = *end ? end + 1 : end, line++) {
                size_t n;

                end = strchrnul(at, '\n');
                for (; at < end && isspace((unsigned char) *at);)
                        at++;
                n = (size_t) ((const char *) memchr(at, '#', (size_t) (end - at)) ?: end) - (size_t) at;
                for (; n > 0 && isspace((unsigned char) at[n - 1]);)
                        n--;
                if (n == 0)
                        continue;
                if (ret->n == MAX_KEYS)
                        return error_set(err, ERROR_VALUE, "%s:%u: more than %d keys", where, line, MAX_KEYS);
                if (!parse_key(at, n, &ret->key[ret->n]))
                        return error_set(err, ERROR_VALUE, "%s:%u: a key has %d hexadecimal digits", where, line,
                                         2 * KEY_BYTES);
                if (key_name(&ret->key[ret->n++]) < 0)
                        return error_oom(err, KEY_DERIVED_BYTES);
        }
        return ret->n > 0 ? 0 : error_set(err, ERROR_VALUE, "%s: there is no key in it", where);
}

void keys_forget(Keys *keys) {
        explicit_bzero(keys, sizeof(*keys));
}

static int read_keys(Keys *ret, const char *path, Error *err) {
        _cleanup_(secret_freep) char *text = NULL;
        int r = secret_read(&text, path, FILE_BYTES, err);

        if (r != 0)
                return r == SECRET_ABSENT ? KEYS_ABSENT : r;
        r = keys_parse(ret, text, path, err);
        if (r < 0)
                keys_forget(ret);
        return r;
}

/* What the service manager hands over; where there is none, the unit says "none". */
static int read_credential(Keys *ret, Error *err) {
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        char path[PATH_MAX];
        struct stat st;

        if (!folder || snprintf(path, sizeof(path), "%s/cluster.key", folder) >= (int) sizeof(path) ||
            stat(path, &st) < 0 || st.st_size < 2 * KEY_BYTES)
                return KEYS_ABSENT;
        return read_keys(ret, path, err);
}

int keys_find(Keys *ret, const char *path, Error *err) {
        const char *named = path ?: getenv("MARS_KEY_FILE");
        char own[PATH_MAX];
        int r;

        if (named && strcmp(named, "none") == 0)
                return KEYS_ABSENT;
        if (named && named[0]) {
                r = read_keys(ret, named, err);
                return r == KEYS_ABSENT
                               ? error_set(err, ERROR_VALUE, "%s: there is no key, or it cannot be read", named)
                               : r;
        }
        r = read_credential(ret, err);
        if (r != KEYS_ABSENT)
                return r;
        secret_own_path("cluster.key", own);
        r = own[0] ? read_keys(ret, own, err) : KEYS_ABSENT;
        return r == KEYS_ABSENT ? read_keys(ret, KEY_PATH, err) : r;
}

int key_make(const char *path, Error *err) {
        int r = secret_make(path, 0640, false, err);

        if (r == -EEXIST)
                return error_set(err, r,
                                 "%s is there already: a cluster that uses it would be locked out by a new one; move "
                                 "it away first",
                                 path);
        return r;
}
