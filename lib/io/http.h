/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Daemons behind a web server (mars-web, and whatever stands before it): "http://host:port", "https://host/prefix". A
 * connection begins as a request to be upgraded, with the token in a header, and is then what a direct one would be:
 * the same frames, over the same socket (docs/PROTOCOL.md). Over https the server shows a certificate for its name, of
 * an authority that this machine believes, or that MARS_CA_FILE has. */
#include "io/tls.h"

typedef struct Http Http;               /* a server, for all connections of a loop */
typedef struct HttpOpening HttpOpening; /* the beginning of one */
struct Stream;

bool http_is_url(const char *text);
/* Asks nobody: whoever connects asks for the address of the name. */
int http_new(Http **ret, const char *url, const char *token, Error *err);
Http *http_ref(Http *http);
Http *http_unref(Http *http);
DEFINE_CLEANUP(Http *, http_unref)
const char *http_url(const Http *http);     /* without a slash at its end */
const char *http_address(const Http *http); /* as io/address.h has it, perhaps of a name */
Tls *http_tls(const Http *http);            /* NULL: in plain */

/* A connection that becomes the one of that path, "/api/v1/wire". */
int http_open(HttpOpening **ret, const Http *http, const char *path, Error *err);
HttpOpening *http_close(HttpOpening *opening);
/* Likewise, of a request that is answered with a text: POST of that path. */
int http_open_post(HttpOpening **ret, const Http *http, const char *path, Error *err);
/* What was answered to it: when http_step() has said 0. */
const char *http_text(const HttpOpening *opening);
/* 0: it is one; TLS_WANTS_…: it goes on when the socket is ready for that; negative, with the server's words. */
int http_step(HttpOpening *opening, struct Stream *stream, Error *err);

/* What a server has answered, as far as it has come. */
typedef struct HttpAnswer {
        unsigned status;
        size_t head_bytes, body_bytes;
} HttpAnswer;
enum { HTTP_MORE = 1 };
/* 0; HTTP_MORE: its head is not whole; ERROR_CORRUPT: it is no answer of HTTP/1.1. */
int http_answer_parse(const char *text, size_t n_bytes, HttpAnswer *ret, Error *err);
/* Whoever takes us for a web server: whether the first bytes of what has come, 8 at least, are a request's; it is
 * answered like one, with words that may be lost, and the connection is over. */
bool http_is_request(const uint8_t *data);
int http_refuse(int fd, Error *err);
