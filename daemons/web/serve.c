/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their answers, over connections that httpd.c has. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/json.h"
#include "daemons/web/feed.h"
#include "io/address.h"
#include "io/socket.h"

enum {
        MAX_GUESTS      = 256,
        MAX_CONNECTIONS = 8192, /* all of them: less than descriptors that the service may have */
};

#define RETRY_SEC                                                                                                      \
        "5" /* what is busy, or does not answer, may be asked again then: that long a daemon has for an answer */

void web_log(const Web *web, int level, const char *fmt, ...) {
        char text[1024];
        va_list args;

        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        web->config.log(level, text);
        if (web->feed)
                lines_add(web->feed->lines, real_clock(), level, NULL, text);
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

/* What a browser may do with anything that comes from here. */
static const struct {
        const char *name, *value;
} safety[] = {
        { "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
        { "X-Content-Type-Options", "nosniff" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
};

static void resume(Request *request) {
        if (!request->suspended)
                return;
        request->suspended = false;
        request_wake(request);
}

void request_wake(Request *request) {
        httpd_wake(request->web->httpd, request->connection);
}

void request_respond(Request *request, unsigned status, struct MHD_Response *response) {
        assert(!request->response);
        request->status   = status;
        request->response = response;
        for (size_t k = 0; response && k < ELEMENTSOF(safety); k++)
                (void) MHD_add_response_header(response, safety[k].name, safety[k].value);
        if (response && !MHD_get_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL))
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        request->answered = true;
        resume(request);
}

void request_answer(Request *request, unsigned status, const char *type, const char *text, size_t n_bytes) {
        struct MHD_Response *response =
                MHD_create_response_from_buffer(n_bytes, (void *) (uintptr_t) text, MHD_RESPMEM_MUST_COPY);

        if (response)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        request_respond(request, status, response);
}

void request_json(Request *request, const char *text) {
        request_answer(request, MHD_HTTP_OK, "application/json", text, strlen(text));
}

/* {"status": …, "text": …}, of which the text is put together here; NULL when out of memory. */
static struct MHD_Response *refusal(unsigned status, const char *fmt, va_list args)
        __attribute__((format(printf, 2, 0)));

static struct MHD_Response *refusal(unsigned status, const char *fmt, va_list args) {
        char words[512], text[2 * sizeof(words) + 64];
        struct MHD_Response *response;
        size_t n;

        vsnprintf(words, sizeof(words), fmt, args);
        n = (size_t) snprintf(text, sizeof(text), "{\"status\": %u, \"text\": \"", status);
        for (const char *c = words; *c; c++) {
                if (*c == '"' || *c == '\\')
                        text[n++] = '\\';
                text[n++] = (unsigned char) *c < ' ' ? ' ' : *c;
        }
        n += (size_t) snprintf(text + n, sizeof(text) - n, "\"}\n");
        response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_COPY);
        if (response)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
        if (response && status == MHD_HTTP_UNAUTHORIZED)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"mars\"");
        return response;
}

void request_refuse(Request *request, unsigned status, const char *fmt, ...) {
        struct MHD_Response *response;
        va_list args;

        va_start(args, fmt);
        response = refusal(status, fmt, args);
        va_end(args);
        if (response && status == MHD_HTTP_SERVICE_UNAVAILABLE)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_SEC);
        request_respond(request, status, response);
}

void request_refuse_with(Request *request, unsigned status, const char *header, const char *value, const char *fmt,
                         ...) {
        struct MHD_Response *response;
        va_list args;

        va_start(args, fmt);
        response = refusal(status, fmt, args);
        va_end(args);
        if (response)
                (void) MHD_add_response_header(response, header, value);
        request_respond(request, status, response);
}

const char *request_argument(const Request *request, const char *name) {
        return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static Request *request_new(Web *web, struct MHD_Connection *connection) {
        Request *request = calloc(1, sizeof(*request));

        if (request)
                *request = (Request) { .web = web, .connection = connection, .id = request->ids[0] };
        return request;
}

static void on_completed(_unused_ void *userdata, _unused_ struct MHD_Connection *connection, void **context,
                         _unused_ enum MHD_RequestTerminationCode how) {
        Request *request = TAKE_PTR(*context);

        if (!request)
                return;
        gate_forget(request);
        relay_forget(request);
        if (request->response)
                MHD_destroy_response(request->response);
        explicit_bzero(request->token, sizeof(request->token));
        free(request->body);
        free(request);
}

void request_pass(Request *request, const char *token, const char *user) {
        request->state = REQUEST_CHECKED;
        snprintf(request->token, sizeof(request->token), "%s", token ?: "");
        snprintf(request->user, sizeof(request->user), "%s", user ?: "");
        resume(request);
}

/* Text without an end of its own gets one. */
static int body_add(Request *request, const char *data, size_t n) {
        uint8_t *body;

        if (request->body_bytes + n > MAX_BODY) {
                request_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "a body has %d bytes at most", MAX_BODY);
                return 0;
        }
        body = realloc(request->body, request->body_bytes + n + 1);
        if (!body)
                return -ENOMEM;
        memcpy(body + request->body_bytes, data, n);
        request->body = body;
        request->body_bytes += n;
        body[request->body_bytes] = 0;
        return 0;
}

/* The answer that is there goes; NULL, where there was no memory for one, ends the connection. */
static enum MHD_Result send_answer(Request *request) {
        request->state = REQUEST_SENT;
        return request->response ? MHD_queue_response(request->connection, request->status, request->response)
                                 : MHD_NO;
}

static enum MHD_Result wait_for_answer(Request *request) {
        request->suspended = true;
        MHD_suspend_connection(request->connection);
        return MHD_YES;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                  const char *method, _unused_ const char *version, const char *data, size_t *n_data,
                                  void **context) {
        Request *request = *context;

        if (!request) {
                *context = request = request_new(userdata, connection);
                if (!request)
                        return MHD_NO;
                gate_check(request, method, url);
                request->begun = request->state == REQUEST_CHECKED;
                return request->answered ? send_answer(request) : request->begun ? MHD_YES : wait_for_answer(request);
        }
        switch (request->state) {
        case REQUEST_NEW: /* the gate has refused it, after it had waited for somebody */
                return send_answer(request);
        case REQUEST_CHECKED:
                if (!request->begun) /* the headers, once more: the gate had waited */
                        request->begun = true;
                else if (*n_data > 0) {
                        if (!request->answered && body_add(request, data, *n_data) < 0)
                                return MHD_NO;
                        *n_data = 0; /* of a body that was refused the rest is dropped */
                } else if (request->answered) {
                        return send_answer(request);
                } else {
                        request->state = REQUEST_ASKED;
                        if (request->token[0])
                                httpd_know(request->connection);
                        request->route->answer(request);
                        return request->answered ? send_answer(request) : wait_for_answer(request);
                }
                return MHD_YES;
        case REQUEST_ASKED:
                return send_answer(request);
        case REQUEST_SENT:
                break;
        }
        return MHD_NO;
}

/* ---- The daemon -------------------------------------------------------------------------------------------------- */

void web_accept(void *userdata, int fd) {
        Web *web        = userdata;
        Address address = { .size_bytes = sizeof(address.local) };

        if (getpeername(fd, &address.any, &address.size_bytes) < 0 || socket_prepare(fd, &address) < 0) {
                close(fd);
                return;
        }
        if (web->config.https)
                fd = front_new(web, fd);
        if (fd < 0)
                return;
        httpd_add(web->httpd, fd, &address.any, address.size_bytes);
}

static void on_log(void *userdata, const char *text) {
        web_log(userdata, LOG_DEBUG, "%s", text);
}

int web_new(Web **ret, sd_event *event, const WebConfig *config, Error *err) {
        _cleanup_(web_freep) Web *web = calloc(1, sizeof(*web));
        int r;

        if (!web)
                return error_oom(err, sizeof(*web));
        web->config = *config;
        web->event  = sd_event_ref(event);
        r           = gate_begin(web, err);
        if (r == 0)
                r = feed_new(web, err);
        if (r == 0)
                r = httpd_new(&web->httpd, event,
                              &(HttpdConfig) { .request         = on_request,
                                               .completed       = on_completed,
                                               .log             = on_log,
                                               .userdata        = web,
                                               .max_guests      = MAX_GUESTS,
                                               .max_connections = MAX_CONNECTIONS,
                                               .guest_usec      = HTTPD_GUEST_USEC },
                              err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(web);
        return 0;
}

void web_set_host(Web *web, const char *address) {
        const char *port = strrchr(address, ':');

        snprintf(web->host, sizeof(web->host), "%s", address);
        snprintf(web->port, sizeof(web->port), "%s", port ? port + 1 : "");
}

Web *web_free(Web *web) {
        if (!web)
                return NULL;
        gate_end(web);
        relays_end(web);
        feed_end(web);
        downloads_end(web);
        fronts_end(web);
        carriers_end(web);
        web->httpd = httpd_free(web->httpd);
        feed_free(web);
        tls_unref(web->config.https);
        sd_event_unref(web->event);
        free(web->rate);
        free(web);
        return NULL;
}
