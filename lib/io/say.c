/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the same digests with the vectors that the processor has */
#endif

#include "io/say.h"
#include "io/token.h"

int link_say(Link *link, const WireMessage *message) {
        return link_say_fd(link, message, -1);
}

int link_say_fd(Link *link, const WireMessage *message, int fd) {
        Writer w = {};
        int r;

        wire_encode(message, &w);
        r = w.r;
        if (r == 0 && w.bytes.n > MAX_BODY_BYTES)
                r = ERROR_VALUE;
        if (r == 0)
                r = fd < 0 ? link_send(link, (uint16_t) message->kind, w.bytes.data, w.bytes.n)
                           : link_send_fd(link, (uint16_t) message->kind, w.bytes.data, w.bytes.n, fd);
        vec_free(&w.bytes);
        return r;
}

int link_hear(const Frame *frame, const uint8_t *body, int fd, Arena **ret_arena, WireMessage *ret, Error *err) {
        if (fd >= 0)
                close(fd);
        *ret_arena = arena_new();
        return *ret_arena ? wire_decode(frame->kind, body, frame->body_bytes, *ret_arena, ret, err)
                          : error_oom(err, sizeof(*ret));
}

int link_hear_via(Link *link, const Wire_via *via, int fd, Error *err) {
        link_relayed(link, via->peer);
        return fd < 0 ? 0 : link_take_over(link, fd, err);
}

int link_let_in(Link *link, const Wire_hello *hello, const char *token, const char *withdrawn, const char *we,
                char ret_user[static TOKEN_USER_MAX], Error *err) {
        const bool worker = hello->role == WIRE_WORKER;
        LinkPeer peer     = {};
        int r             = link_peer(link, &peer);

        ret_user[0] = 0;
        if (r < 0)
                return error_prefix(err, r, "who it is");
        if (hello->version < (worker ? WIRE_VERSION : WIRE_VERSION_LEAST) || hello->version > WIRE_VERSION)
                return error_set(err, ERROR_SUPPORT,
                                 "it speaks version %u of the protocol, this %s version %d%s: install the same version "
                                 "on both",
                                 hello->version, we, WIRE_VERSION, worker ? "" : ", and with clients the one before");
        if (peer.relayed && worker)
                return error_set(err, -EACCES, "workers are not relayed: let it join the scheduler itself");
        if (peer.keyed && worker && peer.role != TLS_WORKER)
                return error_set(err, -EACCES, "it has come as a client and says that it is a worker");
        if (!peer.keyed && !peer.local && !token_user(ret_user, token, hello->token))
                return error_set(err, -EACCES, "the token is not ours: copy it from the %s's machine, or set "
                                               "MARS_TOKEN", we);
        if (token_withdrawn(withdrawn, ret_user))
                return error_set(err, -EACCES, "the token of %s was taken back: ask the administrator", ret_user);
        if (ret_user[0] && worker)
                return error_set(err, -EACCES, "the token is a user's, and workers show that of the cluster");
        link_admit(link);
        return 0;
}

void say_refused(int fd, const Error *why) {
        const WireMessage message = { WIRE_IS_REFUSED, .refused = { why->code, why->text } };
        uint8_t header[FRAME_BYTES];
        Writer w           = {};
        struct iovec iov[] = { { header, sizeof(header) }, {} };
        struct msghdr msg  = { .msg_iov = iov, .msg_iovlen = ELEMENTSOF(iov) };

        wire_encode(&message, &w);
        if (w.r == 0) {
                frame_encode(&(Frame) { .kind = WIRE_IS_REFUSED, .body_bytes = (uint32_t) w.bytes.n }, header);
                iov[1] = (struct iovec) { w.bytes.data, w.bytes.n };
                (void) sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        vec_free(&w.bytes);
}

uint64_t chunk_digest(const char *data, size_t size_bytes) {
        return XXH3_64bits(data, size_bytes);
}

/* A digest is made of the whole chunk, which is read for it: when all that stands before the chunk is with the kernel,
 * and whoever waits for it still has to get that. */
typedef struct Said {
        uint64_t chunk;
        const char *data;
        size_t size_bytes;
        uint64_t *ret_digest; /* or NULL */
        Writer body; /* with room for it */
        void (*done)(void *userdata);
        void *userdata;
} Said;

static size_t said_body(void *userdata, uint8_t *body) {
        Said *said                = userdata;
        const uint64_t digest     = chunk_digest(said->data, said->size_bytes);
        const WireMessage message = { WIRE_IS_CHUNK, .chunk = { .chunk = said->chunk, .digest = digest } };

        if (said->ret_digest)
                *said->ret_digest = digest;
        wire_encode(&message, &said->body);
        assert(said->body.r == 0 && said->body.bytes.n <= LINK_BODY_BYTES);
        memcpy(body, said->body.bytes.data, said->body.bytes.n);
        return said->body.bytes.n;
}

static void said_done(void *userdata) {
        Said *said = userdata;

        said->done(said->userdata);
        vec_free(&said->body.bytes);
        free(said);
}

int link_say_chunk(Link *link, uint64_t chunk, const char *data, size_t size_bytes, uint64_t *ret_digest,
                   void (*done)(void *userdata), void *userdata) {
        Said *said = malloc(sizeof(*said));

        if (said)
                *said = (Said) { chunk, data, size_bytes, ret_digest, .done = done, .userdata = userdata };
        if (!said || vec_reserve(&said->body.bytes, LINK_BODY_BYTES) < 0) {
                free(said);
                done(userdata);
                return -ENOMEM;
        }
        return link_send_payload_later(link, WIRE_IS_CHUNK, said_body, data, size_bytes, said_done, said);
}

static int check(const Wire_chunk *chunk, uint64_t digest, Error *err) {
        if (digest != chunk->digest)
                return error_set(err, ERROR_CORRUPT, "chunk %llu arrived changed", (unsigned long long) chunk->chunk);
        return 0;
}

int chunk_check(const Wire_chunk *chunk, const char *data, size_t size_bytes, Error *err) {
        return check(chunk, chunk_digest(data, size_bytes), err);
}

ChunkDigest *chunk_digest_new(void) {
        return XXH3_createState(); /* which knows how it has to be aligned */
}

ChunkDigest *chunk_digest_free(ChunkDigest *digest) {
        XXH3_freeState(digest);
        return NULL;
}

void chunk_digest_begin(ChunkDigest *digest) {
        XXH3_64bits_reset(digest);
}

void chunk_digest_add(ChunkDigest *digest, const char *data, size_t size_bytes) {
        XXH3_64bits_update(digest, data, size_bytes);
}

int chunk_check_parts(const Wire_chunk *chunk, const ChunkDigest *digest, Error *err) {
        return check(chunk, XXH3_64bits_digest(digest), err);
}
