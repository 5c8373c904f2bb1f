/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL between a socket and us. It reads and writes through functions of ours: writing a record never waits,
 * because it goes into a buffer that has room for it, so OpenSSL is never in the middle of one; and what a plain peer
 * sends is recognized by its first byte. Buffers are there while something is under way only: an idle connection has
 * none.
 *
 * Encrypted bytes are sent many records at a time, and read many at a time: a system call for each of 16 KiB would cost
 * as much as the cipher. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "io/secret.h"
#include "io/tls.h"

enum {
        RECORD_BYTES  = 16 << 10,  /* of text in a record, at most */
        RECORD_MORE   = 256,       /* what a record adds to its text: header, padding, tag */
        OUT_BYTES     = 256 << 10, /* encrypted and not sent: then no more is taken */
        OUT_FIRST     = 2 << 10,
        IN_BYTES      = 256 << 10, /* read at a time */
        IDENTITY_TEXT = 96,
        KEY_TEXT_MAX  = 32 << 10,  /* of the key of a certificate, in PEM */
        ALERT_REASON  = 1000,      /* OpenSSL's reason for an alert that came is this and the alert's number */
        PLAIN_BYTE    = 'M',       /* of a frame (wire/frame.h): a TLS record begins with 20 to 24 */
        PLAIN_HTTP    = 'H',       /* of an answer */
};

#define REKEY_BYTES ((uint64_t) 64 << 30) /* AES-GCM is good for 2^24.5 records of 16 KiB (RFC 8446, 5.5): 360 GiB */

typedef struct Cipher {
        const char *name, *suite;
        uint8_t number[2];
} Cipher;

static const Cipher ciphers[] = {
        { "aes256gcm", "TLS_AES_256_GCM_SHA384", { 0x13, 0x02 } },
        { "chacha20", "TLS_CHACHA20_POLY1305_SHA256", { 0x13, 0x03 } },
};

static const unsigned char context_name[] = "mars"; /* OpenSSL wants one where peers are verified */
static const char *const roles[_TLS_ROLE_MAX] = { [TLS_CLIENT] = "client", [TLS_WORKER] = "worker" };

/* The keys as of one reading of the file: connections keep it. */
typedef struct Ring {
        unsigned n_ref;
        Keys keys;
        BIO_METHOD *method;
        SSL_CTX *ctx;
        char *host;                 /* whose certificate it must be; NULL: keys are shown, not certificates, */
        bool serves;                /* unless we show one */
} Ring;

struct Tls {
        unsigned n_ref;
        Ring *ring;
        TlsRole role;
        const Cipher *cipher;
        uint64_t rekey_bytes;
        char *named; /* the path that tls_new() was given */
};

struct TlsConn {
        Ring *ring;
        SSL *ssl;
        int fd;
        bool connects, shaken;
        bool met_plain;             /* the other side's first byte is that of a frame, */
        bool met_http;              /* or that of HTTP */
        bool met_any;               /* something has come */
        bool more;
        int code;                   /* of a system call that has failed */
        char identity[IDENTITY_TEXT]; /* ours; or his, if it is one that we know */
        bool refused_identity;      /* he has shown one that we do not know: */
        char refused[IDENTITY_TEXT];
        TlsRole role;               /* of whoever connects */
        const Cipher *cipher;       /* when we connect */
        uint64_t n_written, rekey_bytes;
        uint8_t *out;               /* [out_at, out_n) is not sent */
        size_t out_at, out_n, out_capacity;
        bool out_lent;              /* to who sends it for us: it stays where it is */
        bool cut;                   /* he has not sent all of it: nothing that is sent now would be understood */
        uint8_t *in;                /* [in_at, in_n) came through one who receives for us, IN_BYTES at most */
        size_t in_at, in_n;
        bool leaves_socket;         /* to him, this once */
        Error failure;              /* reading is over */
};

/* ---- Keys ------------------------------------------------------------------------------------------------------- */

static void identity_print(const Key *key, const Cipher *cipher, TlsRole role, char ret[static IDENTITY_TEXT]) {
        snprintf(ret, IDENTITY_TEXT, "mars1:%s:%s:%s", key->id, cipher->name, roles[role]);
}

/* The pre-shared key that belongs to the identity, as OpenSSL wants it. */
static SSL_SESSION *session_make(SSL *ssl, const Key *key, const Cipher *cipher, const char *identity) {
        SSL_SESSION *session = SSL_SESSION_new();
        uint8_t secret[KEY_DERIVED_BYTES];
        bool done;

        done = session && key_derive(key, identity, secret) == 0 &&
               SSL_SESSION_set1_master_key(session, secret, sizeof(secret)) == 1 &&
               SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, cipher->number)) == 1 &&
               SSL_SESSION_set1_id_context(session, context_name, sizeof(context_name)) == 1 &&
               SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1;
        explicit_bzero(secret, sizeof(secret));
        if (done)
                return session;
        SSL_SESSION_free(session);
        return NULL;
}

/* We connect: what we show. A server that asks again wants another hash than our cipher's: we have nothing for it. */
static int on_show(SSL *ssl, const EVP_MD *hash, const unsigned char **ret, size_t *ret_n, SSL_SESSION **ret_session) {
        TlsConn *conn    = SSL_get_app_data(ssl);
        const Key *first = &conn->ring->keys.key[0];

        *ret_session = NULL;
        if (hash && !EVP_MD_is_a(hash, conn->cipher == &ciphers[0] ? "SHA384" : "SHA256"))
                return 1;
        *ret         = (const unsigned char *) conn->identity;
        *ret_n       = strlen(conn->identity);
        *ret_session = session_make(ssl, first, conn->cipher, conn->identity);
        return *ret_session != NULL;
}

/* Somebody connects to us, and shows an identity. Without a session the handshake fails. */
static int on_shown(SSL *ssl, const unsigned char *shown, size_t n, SSL_SESSION **ret_session) {
        TlsConn *conn = SSL_get_app_data(ssl);
        const Ring *ring = conn->ring;

        *ret_session = NULL;
        for (unsigned k = 0; k < ring->keys.n; k++)
                for (size_t c = 0; c < ELEMENTSOF(ciphers); c++)
                        for (TlsRole role = 0; role < _TLS_ROLE_MAX; role++) {
                                identity_print(&ring->keys.key[k], &ciphers[c], role, conn->identity);
                                if (n != strlen(conn->identity) || memcmp(shown, conn->identity, n) != 0)
                                        continue;
                                conn->role   = role;
                                *ret_session = session_make(ssl, &ring->keys.key[k], &ciphers[c], conn->identity);
                                return *ret_session != NULL;
                        }
        conn->refused_identity = true;
        for (size_t k = 0; k < n && k + 1 < sizeof(conn->refused); k++) /* it goes into a log */
                conn->refused[k] = shown[k] > ' ' && shown[k] < 127 ? (char) shown[k] : '?';
        return 1;
}

/* ---- The socket ------------------------------------------------------------------------------------------------- */

static int out_reserve(TlsConn *conn, size_t n) {
        size_t capacity = MAX((size_t) OUT_FIRST, conn->out_capacity);
        uint8_t *out;

        if (conn->out_n + n <= conn->out_capacity)
                return 0;
        if (conn->out_lent)
                return -ENOBUFS;
        if (conn->out_at > 0) {
                memmove(conn->out, conn->out + conn->out_at, conn->out_n - conn->out_at);
                conn->out_n -= conn->out_at;
                conn->out_at = 0;
        }
        while (capacity < conn->out_n + n)
                capacity *= 2;
        if (capacity == conn->out_capacity)
                return 0;
        out = realloc(conn->out, capacity);
        if (!out)
                return -ENOMEM;
        conn->out          = out;
        conn->out_capacity = capacity;
        return 0;
}

static int on_write(BIO *bio, const char *data, size_t n, size_t *ret) {
        TlsConn *conn = BIO_get_data(bio);

        conn->code = out_reserve(conn, n);
        if (conn->code < 0)
                return 0;
        memcpy(conn->out + conn->out_n, data, n);
        conn->out_n += n;
        *ret = n;
        return 1;
}

static int on_read(BIO *bio, char *to, size_t size_bytes, size_t *ret) {
        TlsConn *conn     = BIO_get_data(bio);
        struct iovec iov  = { to, size_bytes };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        BIO_clear_retry_flags(bio);
        if (conn->in_at < conn->in_n) {
                *ret = MIN(size_bytes, conn->in_n - conn->in_at);
                memcpy(to, conn->in + conn->in_at, *ret);
                conn->in_at += *ret;
                return 1;
        }
        if (conn->leaves_socket) {
                BIO_set_retry_read(bio);
                *ret = 0;
                return 0;
        }
        do
                n = recvmsg(conn->fd, &msg, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                BIO_set_retry_read(bio);
        else if (n < 0)
                conn->code = -errno;
        if (n > 0 && !conn->met_any) {
                conn->met_plain = to[0] == PLAIN_BYTE;
                conn->met_http  = to[0] == PLAIN_HTTP;
        }
        conn->met_any |= n > 0;
        *ret = (size_t) MAX(n, 0);
        return n > 0;
}

static long on_control(BIO *bio, int what, _unused_ long n, _unused_ void *p) {
        TlsConn *conn = BIO_get_data(bio);

        if (what == BIO_CTRL_EOF)
                return conn->code == 0;
        return what == BIO_CTRL_FLUSH; /* the others are for other kinds */
}

int tls_flush(TlsConn *conn) {
        while (conn->out_at < conn->out_n) {
                struct iovec iov  = { conn->out + conn->out_at, conn->out_n - conn->out_at };
                struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
                const ssize_t n   = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno != EINTR)
                        return -errno;
                conn->out_at += (size_t) MAX(n, (ssize_t) 0);
        }
        free(TAKE_PTR(conn->out));
        conn->out_at = conn->out_n = conn->out_capacity = 0;
        return 0;
}

size_t tls_unsent(const TlsConn *conn) {
        return conn->out_n - conn->out_at;
}

/* What is to be said of keys while it is lent finds room behind it. */
size_t tls_out(TlsConn *conn, void **ret) {
        if (out_reserve(conn, RECORD_MORE) < 0)
                return 0;
        *ret           = conn->out + conn->out_at;
        conn->out_lent = true;
        return conn->out_n - conn->out_at;
}

void tls_sent(TlsConn *conn, ssize_t n) {
        conn->out_lent = false;
        conn->cut      = n < 0;
        conn->out_at   = n < 0 ? conn->out_n : conn->out_at + (size_t) n;
}

size_t tls_in(TlsConn *conn, uint64_t left, void **ret) {
        /* Of the record that is here in part, which is text that is left. */
        enum { HERE = RECORD_BYTES + RECORD_MORE };

        if (left <= 2 * HERE || (!conn->in && !(conn->in = malloc(IN_BYTES))))
                return 0;
        conn->leaves_socket = conn->more;
        if (conn->more)
                return 0;
        assert(conn->in_at == conn->in_n);
        *ret = conn->in;
        return (size_t) MIN(left - HERE, (uint64_t) IN_BYTES);
}

/* What has ended or failed says so once more when it is asked. */
void tls_came(TlsConn *conn, ssize_t n) {
        conn->in_at = 0;
        conn->in_n  = (size_t) MAX(n, (ssize_t) 0);
        conn->more  = true;
}

/* ---- Rings ------------------------------------------------------------------------------------------------------ */

static Ring *ring_unref(Ring *ring) {
        if (!ring || --ring->n_ref > 0)
                return NULL;
        SSL_CTX_free(ring->ctx);
        BIO_meth_free(ring->method);
        keys_forget(&ring->keys);
        free(ring->host);
        free(ring);
        return NULL;
}

DEFINE_CLEANUP(Ring *, ring_unref)

static bool method_init(BIO_METHOD *method) {
        return method && BIO_meth_set_write_ex(method, on_write) == 1 && BIO_meth_set_read_ex(method, on_read) == 1 &&
               BIO_meth_set_ctrl(method, on_control) == 1;
}

static void ctx_init_always(SSL_CTX *ctx) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

static bool ctx_init(SSL_CTX *ctx) {
        if (!ctx || SSL_CTX_set_session_id_context(ctx, context_name, sizeof(context_name)) != 1 ||
            SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set1_groups_list(ctx, "X25519") != 1 ||
            SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_max_early_data(ctx, 0) != 1)
                return false;
        SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
        /* A server that shows a certificate instead of the key is not ours, and there is no authority to believe. */
        ctx_init_always(ctx);
        SSL_CTX_set_psk_use_session_callback(ctx, on_show);
        SSL_CTX_set_psk_find_session_callback(ctx, on_shown);
        return true;
}

static Ring *ring_make(void) {
        Ring *ring = calloc(1, sizeof(*ring));

        if (!ring)
                return NULL;
        /* Threads of a session may outlive exit(), and what it would free is used by others of the process. */
        (void) OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
        ring->n_ref  = 1;
        ring->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a link");
        ring->ctx    = SSL_CTX_new(TLS_method());
        return ring;
}

static int ring_new(Ring **ret, const Keys *keys, Error *err) {
        _cleanup_(ring_unrefp) Ring *ring = ring_make();

        if (!ring)
                return error_oom(err, sizeof(*ring));
        ring->keys = *keys;
        if (!method_init(ring->method) || !ctx_init(ring->ctx)) {
                ERR_clear_error();
                return error_set(err, -EIO, "TLS 1.3 cannot be had from this OpenSSL");
        }
        *ret = TAKE_PTR(ring);
        return 0;
}

static int ring_new_certified(Ring **ret, const char *host, const char *ca_file, Error *err) {
        _cleanup_(ring_unrefp) Ring *ring = ring_make();
        bool known;

        if (!ring)
                return error_oom(err, sizeof(*ring));
        ring->host = strdup(host);
        if (!ring->host || !method_init(ring->method) || !ring->ctx ||
            SSL_CTX_set_min_proto_version(ring->ctx, TLS1_2_VERSION) != 1) {
                ERR_clear_error();
                return error_set(err, -EIO, "TLS cannot be had from this OpenSSL");
        }
        ctx_init_always(ring->ctx);
        known = ca_file ? SSL_CTX_load_verify_file(ring->ctx, ca_file) == 1
                        : SSL_CTX_set_default_verify_paths(ring->ctx) == 1;
        ERR_clear_error();
        if (!known)
                return error_set(err, ERROR_VALUE, "%s: there are no certificates of authorities (MARS_CA_FILE)",
                                 ca_file ?: "the directory of the system");
        *ret = TAKE_PTR(ring);
        return 0;
}

static bool use_key(SSL_CTX *ctx, const char *text) {
        BIO *bio      = BIO_new_mem_buf(text, -1);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        const bool r  = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

        EVP_PKEY_free(key);
        BIO_free(bio);
        return r;
}

static int ring_new_server(Ring **ret, const char *certificate, const char *key, Error *err) {
        _cleanup_(ring_unrefp) Ring *ring  = ring_make();
        _cleanup_(secret_freep) char *text = NULL;
        int r;

        if (!ring)
                return error_oom(err, sizeof(*ring));
        r = secret_read(&text, key, KEY_TEXT_MAX, err);
        if (r != 0)
                return r < 0 ? r : error_set(err, ERROR_VALUE, "%s: it is not there, or cannot be read", key);
        ring->serves = true;
        if (!method_init(ring->method) || !ring->ctx ||
            SSL_CTX_set_min_proto_version(ring->ctx, TLS1_2_VERSION) != 1) {
                ERR_clear_error();
                return error_set(err, -EIO, "TLS cannot be had from this OpenSSL");
        }
        ctx_init_always(ring->ctx);
        SSL_CTX_set_verify(ring->ctx, SSL_VERIFY_NONE, NULL);
        if (SSL_CTX_use_certificate_chain_file(ring->ctx, certificate) != 1)
                r = error_set(err, ERROR_VALUE, "%s: this is no certificate in PEM, or it cannot be read", certificate);
        else if (!use_key(ring->ctx, text))
                r = error_set(err, ERROR_VALUE, "%s: this is not the key of the certificate, in PEM", key);
        ERR_clear_error();
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ring);
        return 0;
}

/* ---- Tls -------------------------------------------------------------------------------------------------------- */

/* A processor that has no instructions for AES is three times as fast with the other one. */
static const Cipher *best_cipher(void) {
        return __builtin_cpu_supports("aes") ? &ciphers[0] : &ciphers[1];
}

/* Takes the ring, also when it fails. */
static int tls_make(Tls **ret, Ring *ring, TlsRole role, Error *err) {
        Tls *tls = calloc(1, sizeof(*tls));

        if (!tls) {
                ring_unref(ring);
                return error_oom(err, sizeof(*tls));
        }
        *tls = (Tls) { .n_ref = 1, .ring = ring, .role = role, .cipher = best_cipher(), .rekey_bytes = REKEY_BYTES };
        *ret = tls;
        return 0;
}

int tls_new_keys(Tls **ret, const Keys *keys, TlsRole role, Error *err) {
        Ring *ring = NULL;
        int r      = ring_new(&ring, keys, err);

        return r < 0 ? r : tls_make(ret, ring, role, err);
}

int tls_new_certified(Tls **ret, const char *host, const char *ca_file, Error *err) {
        Ring *ring = NULL;
        int r      = ring_new_certified(&ring, host, ca_file, err);

        if (r == 0)
                r = tls_make(ret, ring, TLS_CLIENT, err);
        if (r == 0)
                (*ret)->rekey_bytes = UINT64_MAX; /* the server's TLS may know no other keys than the first */
        return r;
}

int tls_new(Tls **ret, const char *path, TlsRole role, Error *err) {
        Keys keys = {};
        int r     = keys_find(&keys, path, err);

        if (r == 0)
                r = tls_new_keys(ret, &keys, role, err);
        keys_forget(&keys);
        if (r != 0 || !path)
                return r;
        (*ret)->named = strdup(path);
        if ((*ret)->named)
                return 0;
        *ret = tls_unref(*ret);
        return error_oom(err, strlen(path));
}

int tls_reload(Tls *tls, Error *err) {
        Ring *ring = NULL;
        Keys keys  = {};
        int r      = keys_find(&keys, tls->named, err);

        if (r == KEYS_ABSENT)
                r = error_set(err, -ENOENT, "%s: the key is gone", tls_path(tls));
        if (r == 0)
                r = ring_new(&ring, &keys, err);
        keys_forget(&keys);
        if (r < 0)
                return r;
        ring_unref(tls->ring);
        tls->ring = ring;
        return 0;
}

int tls_new_server(Tls **ret, const char *certificate, const char *key, Error *err) {
        Ring *ring = NULL;
        int r      = ring_new_server(&ring, certificate, key, err);

        if (r == 0)
                r = tls_make(ret, ring, TLS_CLIENT, err);
        if (r == 0)
                (*ret)->rekey_bytes = UINT64_MAX;
        return r;
}

Tls *tls_ref(Tls *tls) {
        if (tls)
                tls->n_ref++;
        return tls;
}

Tls *tls_unref(Tls *tls) {
        if (!tls || --tls->n_ref > 0)
                return NULL;
        ring_unref(tls->ring);
        free(tls->named);
        free(tls);
        return NULL;
}

const char *tls_path(const Tls *tls) {
        return tls->ring->keys.path;
}

void tls_set(Tls *tls, const char *cipher, uint64_t rekey_bytes) {
        for (size_t c = 0; c < ELEMENTSOF(ciphers); c++)
                if (cipher && strcmp(cipher, ciphers[c].name) == 0)
                        tls->cipher = &ciphers[c];
        if (rekey_bytes > 0)
                tls->rekey_bytes = rekey_bytes;
}

/* ---- Connections ------------------------------------------------------------------------------------------------ */

/* Whose certificate it must be; a name is also said to the server, which may have several. */
static int name_server(SSL *ssl, const char *host) {
        if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
                return 0;
        ERR_clear_error();
        return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1 ? 0 : -EINVAL;
}

static int conn_begin(TlsConn *conn) {
        BIO *bio = BIO_new(conn->ring->method);

        if (!bio)
                return -ENOMEM;
        BIO_set_data(bio, conn);
        BIO_set_init(bio, 1);
        conn->ssl = SSL_new(conn->ring->ctx);
        if (!conn->ssl) {
                BIO_free(bio);
                return -ENOMEM;
        }
        SSL_set_bio(conn->ssl, bio, bio);
        SSL_set_app_data(conn->ssl, conn);
        if (!conn->connects) {
                SSL_set_accept_state(conn->ssl);
                return 0;
        }
        SSL_set_connect_state(conn->ssl);
        if (conn->ring->host)
                return name_server(conn->ssl, conn->ring->host);
        return SSL_set_ciphersuites(conn->ssl, conn->cipher->suite) == 1 ? 0 : -EIO;
}

int tls_open(TlsConn **ret, Tls *tls, int fd, bool connects, Error *err) {
        _cleanup_(tls_closep) TlsConn *conn = calloc(1, sizeof(*conn));

        if (!conn)
                return error_oom(err, sizeof(*conn));
        conn->ring = tls->ring;
        conn->ring->n_ref++;
        conn->fd          = fd;
        conn->connects    = connects;
        conn->cipher      = tls->cipher;
        conn->role        = tls->role;
        conn->rekey_bytes = tls->rekey_bytes;
        if (connects && !conn->ring->host)
                identity_print(&conn->ring->keys.key[0], conn->cipher, conn->role, conn->identity);
        if (conn_begin(conn) < 0) {
                ERR_clear_error();
                return error_oom(err, RECORD_BYTES);
        }
        *ret = TAKE_PTR(conn);
        return 0;
}

TlsConn *tls_close(TlsConn *conn) {
        if (!conn)
                return NULL;
        ERR_clear_error();
        if (conn->shaken && !conn->cut && conn->failure.code == 0 && SSL_shutdown(conn->ssl) < 0)
                ERR_clear_error();
        (void) tls_flush(conn);
        SSL_free(conn->ssl);
        ring_unref(conn->ring);
        free(conn->out);
        free(conn->in);
        free(conn);
        return NULL;
}

/* ---- The handshake ---------------------------------------------------------------------------------------------- */

/* Of a server that should have a certificate. */
static int certified_words(const TlsConn *conn, Error *err) {
        const long verified  = SSL_get_verify_result(conn->ssl);
        const unsigned long last = ERR_peek_last_error();

        if (conn->met_http)
                return error_set(err, ERROR_VALUE, "it speaks plain HTTP: the address begins with http://");
        if (conn->met_plain)
                return error_set(err, ERROR_VALUE,
                                 "Mars itself is spoken there, not https: the address of a scheduler is "
                                 "given without https://");
        if (conn->code < 0)
                return error_set(err, conn->code, "%s", strerrordesc_np(-conn->code));
        if (verified != X509_V_OK)
                return error_set(err, -EACCES, "its certificate is not believed for %s: %s", conn->ring->host,
                                 X509_verify_cert_error_string(verified));
        if (ERR_GET_REASON(last) == SSL_R_UNEXPECTED_EOF_WHILE_READING || (last == 0 && !conn->met_any))
                return error_set(err, -ECONNRESET,
                                 "it has closed the connection before it was secure: does it speak https?");
        return error_set(err, -EIO, "TLS: %s", ERR_reason_error_string(last) ?: "it is not known why");
}

static int shake_words(TlsConn *conn, Error *err) {
        const unsigned long last = ERR_peek_last_error();
        const int reason         = ERR_GET_REASON(last);
        const char *path         = conn->ring->keys.path;

        if (conn->ring->host || conn->ring->serves)
                return certified_words(conn, err);
        if (conn->met_http)
                return error_set(err, ERROR_CORRUPT, "HTTP is spoken there: the address begins with http://");
        if (conn->met_plain)
                return error_set(err, -EACCES,
                                 conn->connects ? "it speaks without encryption, so it has no key; give it that of %s"
                                                : "it speaks without encryption; here the key of %s is needed",
                                 path);
        if (conn->code < 0)
                return error_set(err, conn->code, "%s", strerrordesc_np(-conn->code));
        if (conn->refused_identity)
                return error_set(err, -EACCES, "it shows a key that is not ours (%s)", conn->refused);
        if (conn->connects && reason > ALERT_REASON && reason < ALERT_REASON + 256)
                return error_set(err, -EACCES,
                                 "it refuses our key, %s (id %s); the same key must be on both machines", path,
                                 conn->ring->keys.key[0].id);
        if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING || (last == 0 && !conn->met_any))
                return error_set(err, -ECONNRESET, "it has closed the connection before it was secure");
        return error_set(err, -EACCES, "no common key: %s", ERR_reason_error_string(last) ?: "it is not known why");
}

int tls_shake(TlsConn *conn, Error *err) {
        int r;

        ERR_clear_error();
        r = SSL_do_handshake(conn->ssl);
        if (r != 1) {
                const int why = SSL_get_error(conn->ssl, r);

                if (why != SSL_ERROR_WANT_READ) {
                        shake_words(conn, err);
                        (void) tls_flush(conn); /* the alert */
                        ERR_clear_error();
                        return err->code;
                }
        } else if (!conn->ring->host && !conn->ring->serves && !SSL_session_reused(conn->ssl))
                /* verify would have failed already */
                return error_set(err, -EACCES, "it has not shown the key");
        r = tls_flush(conn);
        if (r == -EAGAIN)
                return TLS_WANTS_OUTPUT;
        if (r < 0)
                return error_set(err, r, "%s", strerrordesc_np(-r));
        if (!SSL_is_init_finished(conn->ssl))
                return TLS_WANTS_INPUT;
        conn->shaken = conn->more = true;
        SSL_set_default_read_buffer_len(conn->ssl, IN_BYTES);
        return 0;
}

bool tls_met_plain(const TlsConn *conn) {
        return conn->met_plain;
}

TlsRole tls_peer_role(const TlsConn *conn) {
        return conn->role;
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------ */

static int fresh_keys(TlsConn *conn) {
        if (conn->n_written < conn->rekey_bytes)
                return 0;
        conn->n_written = 0;
        return SSL_key_update(conn->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 ? 0 : -EIO;
}

ssize_t tls_send(TlsConn *conn, const struct iovec *iov, unsigned n_iov) {
        size_t all = 0, bytes = 0;

        ERR_clear_error();
        for (unsigned k = 0; k < n_iov; k++)
                bytes += iov[k].iov_len + RECORD_MORE;
        if (out_reserve(conn, MIN(bytes, (size_t) OUT_BYTES - (conn->out_n - conn->out_at))) < 0) /* once, for all */
                return -ENOMEM;
        for (unsigned k = 0; k < n_iov; k++)
                for (size_t at = 0, n; at < iov[k].iov_len; at += n) {
                        if (conn->out_n - conn->out_at > OUT_BYTES - RECORD_BYTES - RECORD_MORE)
                                return (ssize_t) all;
                        if (fresh_keys(conn) < 0 ||
                            SSL_write_ex(conn->ssl, (const uint8_t *) iov[k].iov_base + at,
                                         MIN(iov[k].iov_len - at, (size_t) RECORD_BYTES), &n) != 1) {
                                ERR_clear_error();
                                /* What was read has failed already, and says why when it is asked for. */
                                return conn->failure.code < 0 ? -ECONNRESET : conn->code < 0 ? conn->code : -EIO;
                        }
                        all += n;
                        conn->n_written += n;
                }
        return (ssize_t) all;
}

/* Why OpenSSL gives no more: 0, a goodbye; -EAGAIN; others, with words. */
static int read_words(TlsConn *conn, int r, Error *err) {
        const int why      = SSL_get_error(conn->ssl, r);
        const int reason   = ERR_GET_REASON(ERR_peek_last_error());

        if (why == SSL_ERROR_WANT_READ)
                return -EAGAIN;
        if (why == SSL_ERROR_ZERO_RETURN)
                return 0;
        if (conn->code < 0)
                return error_set(err, conn->code, "receiving: %s", strerrordesc_np(-conn->code));
        if (why == SSL_ERROR_SSL && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING)
                return error_set(err, ERROR_CORRUPT, "what comes was not encrypted by the other side: %s",
                                 ERR_reason_error_string(ERR_peek_last_error()) ?: "it is not known why");
        return error_set(err, -ECONNRESET, "the connection was cut off: the other side has not said goodbye");
}

static ssize_t receive(TlsConn *conn, void *to, size_t size_bytes, Error *err) {
        size_t all = 0, n;
        int r;

        if (conn->failure.code < 0)
                return error_set(err, conn->failure.code, "%s", conn->failure.text);
        ERR_clear_error();
        for (; all < size_bytes; all += n) {
                r = SSL_read_ex(conn->ssl, (uint8_t *) to + all, size_bytes - all, &n);
                if (r != 1) {
                        r = read_words(conn, r, &conn->failure);
                        conn->more = r != -EAGAIN; /* the end comes next time */
                        ERR_clear_error();
                        if (all > 0 || r == 0 || r == -EAGAIN)
                                return all > 0 ? (ssize_t) all : r;
                        return error_set(err, r, "%s", conn->failure.text);
                }
        }
        conn->more = true;
        return (ssize_t) all;
}

ssize_t tls_receive(TlsConn *conn, void *to, size_t size_bytes, Error *err) {
        const ssize_t n = receive(conn, to, size_bytes, err);

        conn->leaves_socket = false;
        return n;
}

bool tls_more(const TlsConn *conn) {
        return conn->more;
}
