/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* TLS 1.3 over a stream socket between two who have the cluster's key (io/key.h), and nobody else: the key is
 * an external pre-shared key (RFC 8446, 2.2) with an ephemeral exchange, so that what was recorded stays secret
 * when the key is lost. No certificates, no tickets, no early data. The exception is a web server
 * (tls_new_certified()), which has what web servers have.
 *
 * Who connects says with an identity which key he means, and as what he comes; the key that the identity is good for is
 * derived from the cluster's with the identity itself. So what he is is proved, not said:
 *
 *         mars1:<id of the key>:<cipher>:<client or worker>
 *
 * Nothing here blocks. What is sent is encrypted at once into a bounded buffer, so that the caller's memory is not
 * needed any more when tls_send() has taken it. */
#include <sys/types.h>
#include <sys/uio.h>

#include "io/key.h"

typedef struct Tls Tls;         /* the keys, for all connections of a loop */
typedef struct TlsConn TlsConn; /* a connection */

typedef enum TlsRole { TLS_CLIENT, TLS_WORKER, _TLS_ROLE_MAX } TlsRole; /* as what somebody connects */

enum {
        TLS_ABSENT = KEYS_ABSENT,
        TLS_WANTS_INPUT = 1, /* of tls_shake() */
        TLS_WANTS_OUTPUT,
};

/* The keys are found as keys_find() says; TLS_ABSENT: there is none. */
int tls_new(Tls **ret, const char *path, TlsRole role, Error *err);
/* For connecting to a server that shows a certificate for the name (or number) `host`, of an authority in the PEM file
 * `ca_file`; NULL: of those that this machine believes. TLS 1.2 will do there: it is somebody else's server. */
int tls_new_certified(Tls **ret, const char *host, const char *ca_file, Error *err);
/* For who connects to us and knows no key: we show the certificate (PEM, with those that it was issued by), of which we
 * have the key. TLS 1.2 will do there, too. */
int tls_new_server(Tls **ret, const char *certificate, const char *key, Error *err);
/* The first of the keys is for connecting. */
int tls_new_keys(Tls **ret, const Keys *keys, TlsRole role, Error *err);
Tls *tls_ref(Tls *tls);
Tls *tls_unref(Tls *tls);
DEFINE_CLEANUP(Tls *, tls_unref)
/* Reads the file again. Connections stay as they are; new ones use what it says now. After a failure all is as it
 * was. */
int tls_reload(Tls *tls, Error *err);
const char *tls_path(const Tls *tls); /* where the keys stand, for people */
/* For tests and measurements: the cipher ("aes256gcm", "chacha20") that is offered, else the one that this processor
 * is good at; and after how many bytes the keys of a connection change, else when the cipher wants it. */
void tls_set(Tls *tls, const char *cipher, uint64_t rekey_bytes);

/* The socket stays the caller's. */
int tls_open(TlsConn **ret, Tls *tls, int fd, bool connects, Error *err);
TlsConn *tls_close(TlsConn *conn); /* says goodbye, if the socket takes it */
DEFINE_CLEANUP(TlsConn *, tls_close)
/* The handshake, or a step of it: 0, it is done; TLS_WANTS_…; negative, with words. */
int tls_shake(TlsConn *conn, Error *err);
bool tls_met_plain(const TlsConn *conn); /* why it has failed: the other side does not encrypt */
TlsRole tls_peer_role(const TlsConn *conn); /* as what he came who connected to us */

/* How many bytes were taken. Some may wait in the buffer until tls_flush(): 0, -EAGAIN, another errno. */
ssize_t tls_send(TlsConn *conn, const struct iovec *iov, unsigned n_iov);
int tls_flush(TlsConn *conn);
size_t tls_unsent(const TlsConn *conn); /* bytes that wait so */
/* For who sends for us what tls_send() has encrypted: how much there is, and where; it stays there until tls_sent()
 * says how much of it has gone, or an errno. Nothing else of the above is called in between. */
size_t tls_out(TlsConn *conn, void **ret);
void tls_sent(TlsConn *conn, ssize_t n);
/* How many bytes came; 0: the other side has said goodbye; -EAGAIN; negative, with words: also when the connection ends
 * without a goodbye, which anybody on the way can make it do. */
ssize_t tls_receive(TlsConn *conn, void *to, size_t size_bytes, Error *err);
/* For who receives for us, when `left` bytes of text at least are still to come: so many bytes come from the socket for
 * them, and where they go; tls_came() says how many have, or an errno. 0: tls_receive() first, which gives what is here
 * and does not ask the socket this once; or there is no memory. */
size_t tls_in(TlsConn *conn, uint64_t left, void **ret);
void tls_came(TlsConn *conn, ssize_t n);
bool tls_more(const TlsConn *conn); /* what comes next may be here already, and the socket says nothing of it */
