/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Messages over links. */
#include "io/link.h"
#include "io/token.h"
#include "wire/wire.h"

/* 0 or -ENOMEM; ERROR_VALUE if the message is larger than a body may be. */
int link_say(Link *link, const WireMessage *message) _must_check_;
/* With a descriptor, which is duplicated; -1: without. Also ERROR_SUPPORT, and what link_send_fd() says. */
int link_say_fd(Link *link, const WireMessage *message, int fd) _must_check_;
/* A CHUNK; done() as with link_send_payload(). *ret_digest (or NULL), of what is sent, is set before done(), unless it
 * is not sent. */
int link_say_chunk(Link *link, uint64_t chunk, const char *data, size_t size_bytes, uint64_t *ret_digest,
                   void (*done)(void *userdata), void *userdata) _must_check_;
/* The message that a frame is, with its lists in an arena that is made for it (also when it fails: the caller's). A
 * descriptor that came with it is closed; -1: none came, or the caller keeps it. */
int link_hear(const Frame *frame, const uint8_t *body, int fd, Arena **ret_arena, WireMessage *ret, Error *err);
/* The address in HELLO of whoever is called by nobody: a web server that is spoken to by mistake takes it for the end
 * of a request, and answers, so that nobody waits for what will not come. */
#define SAY_NO_ADDRESS " / HTTP/1.1\r\n\r\n"
/* Whoever has come to us says VIA: he speaks for somebody else. With a descriptor (else -1), which
 * is duplicated, he hands that one's connection over, and is out of it. */
int link_hear_via(Link *link, const Wire_via *via, int fd, Error *err);
/* Whoever has come to us says HELLO: whether he may come in, and then he is admitted (io/link.h). Over a unix socket
 * everybody may who could open it; over TLS he has the key, and is what he came as; else, and whoever speaks through
 * somebody else (VIA), he must know the token. What he speaks must be ours, of a client also the version before.
 * withdrawn: users who may not come in any more (token_withdrawn()). `we`: for words, "scheduler". ret_user: the user
 * whose token it was, who may what is his alone; "": he may all. */
int link_let_in(Link *link, const Wire_hello *hello, const char *token, const char *withdrawn, const char *we,
                char ret_user[static TOKEN_USER_MAX], Error *err);
/* REFUSED, past any link and in plain: for those who could not even come in. It may be lost. */
void say_refused(int fd, const Error *why);
uint64_t chunk_digest(const char *data, size_t size_bytes); /* XXH3: for accidents, not against liars */
/* The same of what comes in parts. */
typedef struct XXH3_state_s ChunkDigest;
ChunkDigest *chunk_digest_new(void); /* NULL: no memory */
ChunkDigest *chunk_digest_free(ChunkDigest *digest);
void chunk_digest_begin(ChunkDigest *digest);
void chunk_digest_add(ChunkDigest *digest, const char *data, size_t size_bytes);
/* 0, or ERROR_CORRUPT: what came is not what was sent. */
int chunk_check_parts(const Wire_chunk *chunk, const ChunkDigest *digest, Error *err);
int chunk_check(const Wire_chunk *chunk, const char *data, size_t size_bytes, Error *err);
