/* SPDX-License-Identifier: Apache-2.0 */
/* A link that signs a browser in, once. It is asked of mars-web itself, with the token: no scheduler is in between. */
#include <json-c/json.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "daemons/ctl/ctl.h"
#include "io/address.h"
#include "io/resolve.h"
#include "io/stream.h"
#include "io/token.h"

enum { ANSWER_MSEC = 10 * 1000 }; /* for each step; one that is not stuck takes some milliseconds */

#define LINK_PATH "/api/v1/link"
#define HERE "http://127.0.0.1:7104" /* where the packages put it */

/* Until the socket is ready for what TLS_WANTS_… says. */
static int await(int fd, int wants, Error *err) {
        struct pollfd on = { .fd = fd, .events = wants == TLS_WANTS_OUTPUT ? POLLOUT : POLLIN };
        int r;

        do
                r = poll(&on, 1, ANSWER_MSEC);
        while (r < 0 && errno == EINTR);
        return r > 0 ? 0 : r == 0 ? error_set(err, -ETIMEDOUT, "it does not answer") : error_set(err, -errno, "poll");
}

static int connect_to(const Http *http, Stream *ret, Error *err) {
        int code = 0, r;
        Address address;
        socklen_t n = sizeof(code);

        r = resolve_wait(http_address(http), &address, err);
        if (r < 0)
                return r;
        *ret = (Stream) { .fd     = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                          .family = address.any.sa_family };
        if (ret->fd < 0 || (connect(ret->fd, &address.any, address.size_bytes) < 0 && errno != EINPROGRESS))
                return error_set(err, -errno, "%s", strerrordesc_np(errno));
        r = await(ret->fd, TLS_WANTS_OUTPUT, err);
        if (r == 0 && getsockopt(ret->fd, SOL_SOCKET, SO_ERROR, &code, &n) == 0 && code != 0)
                r = error_set(err, -code, "%s", strerrordesc_np(code));
        return r == 0 && http_tls(http) ? tls_open(&ret->tls, http_tls(http), ret->fd, true, err) : r;
}

/* Both are the caller's, also when it fails. */
static int ask_for_link(const Http *http, Stream *stream, HttpOpening **opening, Error *err) {
        int r = connect_to(http, stream, err);

        while (r == 0 && (r = stream_open(stream, err)) > 0)
                r = await(stream->fd, r, err);
        if (r == 0)
                r = http_open_post(opening, http, LINK_PATH, err);
        while (r == 0 && (r = http_step(*opening, stream, err)) > 0)
                r = await(stream->fd, r, err);
        return r;
}

static int put_link(const Ctl *ctl, const char *answer, FILE *out, Error *err) {
        struct json_object *all = json_tokener_parse(answer), *link = NULL;
        const bool is_link      = json_object_object_get_ex(all, "link", &link);

        if (is_link && ctl->json)
                fprintf(out, "%s\n", json_object_to_json_string(all));
        else if (is_link)
                fprintf(out, "%s\n", json_object_get_string(link));
        json_object_put(all);
        return is_link ? 0 : error_set(err, ERROR_CORRUPT, "what answers is no mars-web");
}

int ctl_web(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        const char *url      = argument ? argument : ctl->place ? ctl->place : HERE;
        Stream stream        = { .fd = -1 };
        HttpOpening *opening = NULL;
        int r;

        if (!http_is_url(url)) {
                error_set(err, ERROR_VALUE, "'%s': give http://HOST:PORT or https://HOST:PORT of mars-web", url);
                return CTL_USAGE;
        }
        r = token_find(&ctl->token, NULL, err);
        if (r >= 0)
                r = http_new(&ctl->http, url, ctl->token, err);
        if (r == 0)
                r = ask_for_link(ctl->http, &stream, &opening, err);
        if (r == 0)
                r = put_link(ctl, http_text(opening), out, err);
        stream_close(&stream);
        http_close(opening);
        return r < 0 ? error_prefix(err, r, "mars-web at %s", url) : 0;
}
