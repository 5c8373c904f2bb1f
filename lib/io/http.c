/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/uio.h>

#include "io/address.h"
#include "io/http.h"
#include "io/secret.h"
#include "io/stream.h"
#include "io/token.h"

enum {
        HOST_MAX     = 256,
        PREFIX_MAX   = 256,
        REQUEST_MAX  = 1024 + HOST_MAX + PREFIX_MAX + TOKEN_MAX,
        HEAD_BYTES   = 8 << 10, /* of an answer: more is none */
        ANSWER_BYTES = 12 << 10, /* with the words of its body */
        SWITCHING    = 101,
        OK           = 200,
        UNAUTHORIZED = 401,
        FORBIDDEN    = 403,
        TOO_MANY     = 429,      /* he who asks is to wait */
        CODE_VALUE   = 400,      /* and above: it is the request; */
        CODE_LATER   = 500,      /* and above: it is the server, perhaps not for long */
};

struct Http {
        unsigned n_ref;
        Tls *tls;
        char *token;
        char url[sizeof("https://") + HOST_MAX + PREFIX_MAX];
        char host[HOST_MAX];     /* as it was written, with the port if that was */
        char prefix[PREFIX_MAX];
        char address[HOST_MAX + 16]; /* likewise, or as io/address.h prints it; always with a port */
};

struct HttpOpening {
        unsigned wanted;                /* the status of what is hoped for */
        char request[REQUEST_MAX];
        size_t sent, n_request;
        char answer[ANSWER_BYTES + 1];  /* with an end, when it is whole */
        size_t n_answer, head_bytes;
};

/* ---- URLs -------------------------------------------------------------------------------------------------------- */

static const struct {
        const char *text, *port;
} schemes[] = { { "http://", "80" }, { "https://", "443" } };

static size_t scheme_of(const char *text) {
        size_t k = 0;

        while (k < ELEMENTSOF(schemes) && strncasecmp(text, schemes[k].text, strlen(schemes[k].text)) != 0)
                k++;
        return k;
}

bool http_is_url(const char *text) {
        return scheme_of(text) < ELEMENTSOF(schemes);
}

typedef struct Parts {
        char name[HOST_MAX], port[8];
} Parts;

/* "name", "name:port", "[2001:db8::1]:port". */
static int parse_host(const char *host, const char *port, Parts *ret, Error *err) {
        const bool bracket = host[0] == '[';
        const char *end    = bracket ? strchr(host, ']') : strchrnul(host, ':');
        const char *rest   = end ? end + bracket : NULL;
        const size_t n     = end ? (size_t) (end - host) - bracket : 0;

        if (n == 0 || n >= sizeof(ret->name) || (*rest && *rest != ':'))
                return error_set(err, ERROR_VALUE, "'%s' is no host: http://name:port", host);
        memcpy(ret->name, host + bracket, n);
        ret->name[n] = 0;
        if (*rest == ':')
                port = rest + 1;
        if (strlen(port) == 0 || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) ||
            strtoul(port, NULL, 10) > UINT16_MAX)
                return error_set(err, ERROR_VALUE, "'%s' is no port: http://name:port", port);
        memcpy(ret->port, port, strlen(port) + 1);
        return 0;
}

/* Of a name the address is asked for by each connection, in its time. */
static int take_address(const Parts *parts, Http *http, Error *err) {
        Address address;
        int r = 0;

        snprintf(http->address, sizeof(http->address), strchr(parts->name, ':') ? "[%s]:%s" : "%s:%s", parts->name,
                 parts->port);
        if (!address_is_name(http->address) && (r = address_parse(http->address, &address, err)) == 0)
                address_print(&address, http->address);
        return r;
}

/* Printable, and nothing that would begin another header. */
static bool is_plain(const char *text) {
        while (*text && isgraph((unsigned char) *text))
                text++;
        return !*text;
}

static int parse_url(Http *http, const char *url, Parts *ret, Error *err) {
        const size_t scheme = scheme_of(url);
        const char *host    = url + strlen(schemes[scheme].text);
        const size_t n      = strcspn(host, "/?#@");
        size_t n_prefix     = strlen(host + n);

        while (n_prefix > 0 && host[n + n_prefix - 1] == '/')
                n_prefix--;
        if (strpbrk(host, "?#@\\") || !is_plain(url))
                return error_set(err, ERROR_VALUE, "'%s': give scheme, host, port and perhaps a path", url);
        if (n >= sizeof(http->host) || n_prefix >= sizeof(http->prefix))
                return error_set(err, ERROR_VALUE, "'%.40s…': host and path have %d characters at most", url,
                                 HOST_MAX - 1);
        memcpy(http->host, host, n);
        memcpy(http->prefix, host + n, n_prefix);
        snprintf(http->url, sizeof(http->url), "%s%s%s", schemes[scheme].text, http->host, http->prefix);
        return parse_host(http->host, schemes[scheme].port, ret, err);
}

int http_new(Http **ret, const char *url, const char *token, Error *err) {
        _cleanup_(http_unrefp) Http *http = calloc(1, sizeof(*http));
        Parts parts;
        int r;

        if (!http)
                return error_oom(err, sizeof(*http));
        http->n_ref = 1;
        http->token = strdup(token ?: "");
        if (!http->token)
                return error_oom(err, TOKEN_MAX);
        r = parse_url(http, url, &parts, err);
        if (r == 0)
                r = take_address(&parts, http, err);
        if (r == 0 && strncmp(http->url, "https", 5) == 0)
                r = tls_new_certified(&http->tls, parts.name, getenv("MARS_CA_FILE"), err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(http);
        return 0;
}

Http *http_ref(Http *http) {
        if (http)
                http->n_ref++;
        return http;
}

Http *http_unref(Http *http) {
        if (!http || --http->n_ref > 0)
                return NULL;
        tls_unref(http->tls);
        secret_free(http->token);
        free(http);
        return NULL;
}

const char *http_url(const Http *http) {
        return http->url;
}

const char *http_address(const Http *http) {
        return http->address;
}

Tls *http_tls(const Http *http) {
        return http->tls;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

/* The value of a header within the head, which is no string, or NULL. */
static const char *header_find(const char *head, const char *end, const char *name) {
        const size_t n = strlen(name);

        for (const char *line = head; line < end;) {
                const char *next = memchr(line, '\n', (size_t) (end - line));

                if ((size_t) (end - line) > n && strncasecmp(line, name, n) == 0 && line[n] == ':') {
                        line += n + 1;
                        while (line < end && (*line == ' ' || *line == '\t'))
                                line++;
                        return line;
                }
                line = next ? next + 1 : end;
        }
        return NULL;
}

int http_answer_parse(const char *text, size_t n_bytes, HttpAnswer *ret, Error *err) {
        static const char begin[] = "HTTP/1.1 ";
        const size_t n_begin      = sizeof(begin) - 1;
        const char *end           = memmem(text, n_bytes, "\r\n\r\n", 4), *length;
        size_t n_digits = 0;

        *ret = (HttpAnswer) {};
        if (memcmp(text, begin, MIN(n_bytes, n_begin)) != 0 || (!end && n_bytes >= HEAD_BYTES))
                return error_set(err, ERROR_CORRUPT, "what answers is no web server");
        if (!end)
                return HTTP_MORE;
        for (size_t k = n_begin; k < n_begin + 3; k++) {
                if (!isdigit((unsigned char) text[k]))
                        return error_set(err, ERROR_CORRUPT, "the web server's answer has no status");
                ret->status = 10 * ret->status + (unsigned) (text[k] - '0');
        }
        ret->head_bytes = (size_t) (end - text) + 4;
        length          = header_find(text, end, "Content-Length");
        for (; length && length < end && isdigit((unsigned char) *length) && n_digits < 10; length++, n_digits++)
                ret->body_bytes = 10 * ret->body_bytes + (size_t) (*length - '0');
        if (n_digits == 10) /* what a server says in refusing is short */
                ret->body_bytes = 0;
        return 0;
}

/* The words of {"text": "…"}, else the body's first line. */
static void words_of(const char *body, size_t n, char ret[static MAX_ERROR_TEXT]) {
        static const char key[] = "\"text\": \"";
        const char *from        = memmem(body, n, key, sizeof(key) - 1);
        const char *end         = body + n;
        size_t k                = 0;

        for (const char *c = from ? from + sizeof(key) - 1 : body; c < end && k + 1 < MAX_ERROR_TEXT; c++) {
                if (from && *c == '"')
                        break;
                if (from && *c == '\\' && ++c == end)
                        break;
                if ((unsigned char) *c < ' ' && !from)
                        break;
                ret[k++] = (unsigned char) *c < ' ' ? ' ' : *c;
        }
        ret[k] = 0;
}

static int refused(const HttpOpening *o, const HttpAnswer *answer, Error *err) {
        const int code = answer->status == UNAUTHORIZED || answer->status == FORBIDDEN ? -EACCES
                         : answer->status >= CODE_LATER || answer->status == TOO_MANY  ? -ECONNREFUSED
                         : answer->status >= CODE_VALUE                                ? ERROR_VALUE
                                                                                       : ERROR_SUPPORT;
        char words[MAX_ERROR_TEXT];

        words_of(o->answer + answer->head_bytes, MIN(answer->body_bytes, o->n_answer - answer->head_bytes), words);
        if (answer->status < CODE_VALUE)
                return error_set(err, code, "the web server knows nothing of Mars (status %u)", answer->status);
        return error_set(err, code, "%s (status %u)", words[0] ? words : "the web server refuses", answer->status);
}

/* ---- Beginning --------------------------------------------------------------------------------------------------- */

/* `headers`: those that it has besides. */
static int opening_new(HttpOpening **ret, const Http *http, unsigned wanted, const char *method, const char *path,
                       const char *headers, Error *err) {
        HttpOpening *o = calloc(1, sizeof(*o));
        int n;

        if (!o)
                return error_oom(err, sizeof(*o));
        o->wanted = wanted;
        n         = snprintf(o->request, sizeof(o->request),
                             "%s %s%s HTTP/1.1\r\nHost: %s\r\n%sAuthorization: Bearer %s\r\n\r\n", method,
                             http->prefix, path, http->host, headers, http->token);
        if (n < 0 || (size_t) n >= sizeof(o->request)) {
                free(o);
                return error_set(err, ERROR_VALUE, "the token has %d characters at most", TOKEN_MAX - 1);
        }
        o->n_request = (size_t) n;
        *ret         = o;
        return 0;
}

int http_open(HttpOpening **ret, const Http *http, const char *path, Error *err) {
        return opening_new(ret, http, SWITCHING, "GET", path, "Connection: Upgrade\r\nUpgrade: mars\r\n", err);
}

int http_open_post(HttpOpening **ret, const Http *http, const char *path, Error *err) {
        return opening_new(ret, http, OK, "POST", path, "Connection: close\r\nContent-Length: 0\r\n", err);
}

const char *http_text(const HttpOpening *o) {
        return o->answer + o->head_bytes;
}

HttpOpening *http_close(HttpOpening *o) {
        if (o)
                explicit_bzero(o, sizeof(*o));
        free(o);
        return NULL;
}

/* 0: it has all been taken by the kernel; TLS_WANTS_OUTPUT. */
static int send_request(HttpOpening *o, Stream *stream, Error *err) {
        ssize_t n = stream_flush(stream);

        while (n >= 0 && o->sent < o->n_request) {
                const struct iovec iov = { o->request + o->sent, o->n_request - o->sent };

                n = stream_send(stream, &iov, 1, -1);
                o->sent += (size_t) MAX(n, (ssize_t) 0);
                if (n >= 0)
                        n = stream_flush(stream);
        }
        if (n == -EAGAIN)
                return TLS_WANTS_OUTPUT;
        return n < 0 ? error_set(err, (int) n, "%s", strerrordesc_np((int) -n)) : 0;
}

int http_step(HttpOpening *o, Stream *stream, Error *err) {
        HttpAnswer answer;
        ssize_t n;
        int fd, r;

        r = send_request(o, stream, err);
        if (r != 0)
                return r;
        for (;;) {
                n = stream_receive(stream, o->answer + o->n_answer, ANSWER_BYTES - o->n_answer, &fd, err);
                if (n == -EAGAIN)
                        return TLS_WANTS_INPUT;
                if (n < 0)
                        return (int) n;
                o->n_answer += (size_t) n;
                r = o->n_answer > 0 ? http_answer_parse(o->answer, o->n_answer, &answer, err) : HTTP_MORE;
                if (r < 0)
                        return r;
                if (r == 0 && answer.status == SWITCHING && o->wanted == SWITCHING)
                        return o->n_answer == answer.head_bytes
                                       ? 0
                                       : error_set(err, ERROR_CORRUPT, "the other side speaks before it is spoken to");
                if (r == 0 && (n == 0 || o->n_answer == ANSWER_BYTES ||
                               o->n_answer - answer.head_bytes >= answer.body_bytes)) {
                        o->head_bytes = answer.head_bytes;
                        return answer.status == o->wanted ? 0 : refused(o, &answer, err);
                }
                if (n == 0)
                        return error_set(
                                err, -ECONNRESET,
                                "what is there has closed the connection unanswered, so it is no web server of Mars: "
                                "the address of a scheduler is given without http://");
        }
}

/* ---- Taken for a web server -------------------------------------------------------------------------------------- */

bool http_is_request(const uint8_t *data) {
        static const char *const methods[] = { "GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS " };

        for (size_t k = 0; k < ELEMENTSOF(methods); k++)
                if (memcmp(data, methods[k], strlen(methods[k])) == 0)
                        return true;
        return false;
}

int http_refuse(int fd, Error *err) {
        static const char words[] = "Mars itself is spoken at this port, not HTTP: new_session() is given its address "
                                    "without http://, and pages are at the port of mars-web";
        char text[512];
        const int n = snprintf(text, sizeof(text),
                               "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                               "Content-Length: %zu\r\n\r\n%s",
                               sizeof(words) - 1, words);

        (void) send(fd, text, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT);
        return error_set(err, ERROR_CORRUPT, "it speaks HTTP, and Mars itself is spoken here");
}
