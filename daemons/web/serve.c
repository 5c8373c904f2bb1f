/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd in our loop: it has an epoll descriptor, which the loop watches like any other, and says when it wants
 * to be called at the latest. It starts no thread, and listens nowhere: connections come from our listeners.
 *
 * Who comes is a guest until he has shown a credential with a whole request. Guests have little time, whatever they
 * do with it, and when there are too many the oldest goes: so many who are slow, in reading or in writing, keep nobody
 * else away. What a request may be is bounded below, before anything looks at it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemons/json.h"
#include "daemons/web/feed.h"
#include "io/address.h"
#include "io/socket.h"

enum {
        GUEST_USEC       = 10 * 1000 * 1000, /* for a request and its answer, until a credential is shown */
        MAX_GUESTS       = 256,
        MAX_CONNECTIONS  = 8192,             /* all of them: less than descriptors that the service may have */
        IDLE_SEC         = 60,               /* of a connection where nothing comes or goes */
        HEADER_BYTES     = 16 << 10,         /* request line and headers; twice as much is the memory of a connection */
};

struct Guest {
        Web *web;
        int fd;
        bool is_guest;
        uint64_t begun_usec;
        Guest *next, *before;
};

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

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* ---- Guests ------------------------------------------------------------------------------------------------------ */

static void guest_leave(Guest *guest) {
        Web *web = guest->web;

        if (!guest->is_guest)
                return;
        *(guest->before ? &guest->before->next : &web->oldest) = guest->next;
        *(guest->next ? &guest->next->before : &web->newest)   = guest->before;
        guest->is_guest = false;
        web->n_guests--;
}

/* The library sees the end of the connection, closes it, and tells us. What he has not read is dropped, also by the
 * kernel. */
static void guest_cut(Guest *guest) {
        const struct linger now = { .l_onoff = 1 };

        guest_leave(guest);
        (void) setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        (void) shutdown(guest->fd, SHUT_RDWR);
}

static void guest_come(Web *web, struct MHD_Connection *connection, void **socket_context) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        Guest *guest                         = calloc(1, sizeof(*guest));

        *socket_context = guest;
        if (!guest) {
                (void) shutdown(info->connect_fd, SHUT_RDWR);
                return;
        }
        *guest = (Guest) { .web        = web,
                           .fd         = info->connect_fd,
                           .is_guest   = true,
                           .begun_usec = now_usec(),
                           .before     = web->newest };
        *(web->newest ? &web->newest->next : &web->oldest) = guest;
        web->newest = guest;
        if (++web->n_guests > MAX_GUESTS)
                guest_cut(web->oldest);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
        Web *web = userdata;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                guest_come(web, connection, socket_context);
                return;
        }
        if (*socket_context)
                guest_leave(*socket_context);
        free(*socket_context);
        *socket_context = NULL;
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

/* It goes on in the library's next turn, which is due now, and which the library does not ask for. */
static void resume(Request *request) {
        if (!request->suspended)
                return;
        request->suspended = false;
        request_wake(request);
}

void request_wake(Request *request) {
        request->web->due = true;
        MHD_resume_connection(request->connection);
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
        return response;
}

void request_refuse(Request *request, unsigned status, const char *fmt, ...) {
        struct MHD_Response *response;
        va_list args;

        va_start(args, fmt);
        response = refusal(status, fmt, args);
        va_end(args);
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
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        Request *request = calloc(1, sizeof(*request));

        if (request)
                *request = (Request) { .web        = web,
                                       .connection = connection,
                                       .guest      = info->socket_context,
                                       .id         = request->ids[0] };
        return request;
}

static void on_completed(_unused_ void *userdata, _unused_ struct MHD_Connection *connection, void **context,
                         _unused_ enum MHD_RequestTerminationCode how) {
        Request *request = TAKE_PTR(*context);

        if (!request)
                return;
        gate_forget(request);
        if (request->response)
                MHD_destroy_response(request->response);
        explicit_bzero(request->token, sizeof(request->token));
        free(request->body);
        free(request);
}

void request_pass(Request *request, const char *token) {
        request->state = REQUEST_CHECKED;
        snprintf(request->token, sizeof(request->token), "%s", token ?: "");
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
                        if (body_add(request, data, *n_data) < 0)
                                return MHD_NO;
                        *n_data = 0;
                } else {
                        request->state = REQUEST_ASKED;
                        if (request->token[0])
                                guest_leave(request->guest);
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

/* ---- The loop ---------------------------------------------------------------------------------------------------- */

static int on_ready(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        Web *web = userdata;

        web->due = false;
        (void) MHD_run(web->daemon);
        return 0;
}

static int on_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Web *web = userdata;

        while (web->oldest && now_usec() - web->oldest->begun_usec >= GUEST_USEC)
                guest_cut(web->oldest);
        web->due = false;
        (void) MHD_run(web->daemon);
        return 0;
}

/* Before the loop waits: until when. */
static int before_waiting(sd_event_source *source, void *userdata) {
        const Web *web = userdata;
        uint64_t until = web->oldest ? web->oldest->begun_usec + GUEST_USEC : UINT64_MAX;
        MHD_UNSIGNED_LONG_LONG msec;

        if (web->due)
                until = 0;
        else if (MHD_get_timeout(web->daemon, &msec) == MHD_YES)
                until = MIN(until, msec == 0 ? 0 : now_usec() + (uint64_t) msec * 1000);
        (void) sd_event_source_set_time(source, until);
        return sd_event_source_set_enabled(source, SD_EVENT_ON);
}

void web_accept(void *userdata, int fd) {
        Web *web        = userdata;
        Address address = { .size_bytes = sizeof(address.local) };

        if (getpeername(fd, &address.any, &address.size_bytes) < 0 || socket_prepare(fd, address.any.sa_family) < 0) {
                close(fd);
                return;
        }
        if (web->config.https)
                fd = front_new(web, fd);
        if (fd < 0)
                return;
        (void) MHD_add_connection(web->daemon, fd, &address.any, address.size_bytes); /* which closes it if not */
}

/* ---- The daemon -------------------------------------------------------------------------------------------------- */

static void on_log(void *userdata, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static void on_log(void *userdata, const char *fmt, va_list args) {
        char text[512];

        vsnprintf(text, sizeof(text), fmt, args);
        text[strcspn(text, "\n")] = 0;
        web_log(userdata, LOG_DEBUG, "%s", text);
}

static int start(Web *web, Error *err) {
        const union MHD_DaemonInfo *info;
        int r;

        web->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_UPGRADE |
                                               MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
                                       0, NULL, NULL, on_request, web,
                                       MHD_OPTION_EXTERNAL_LOGGER, on_log, web,
                                       MHD_OPTION_CONNECTION_LIMIT, (unsigned) MAX_CONNECTIONS,
                                       MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) IDLE_SEC,
                                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 2 * HEADER_BYTES,
                                       MHD_OPTION_NOTIFY_CONNECTION, on_connection, web,
                                       MHD_OPTION_NOTIFY_COMPLETED, on_completed, web,
                                       MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                       MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                                       MHD_OPTION_END);
        info = web->daemon ? MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        if (!info)
                return error_set(err, -EIO, "the HTTP server does not start");
        r = sd_event_add_io(web->event, &web->io, info->epoll_fd, EPOLLIN, on_ready, web);
        if (r >= 0)
                r = sd_event_add_time(web->event, &web->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_time, web);
        if (r >= 0)
                r = sd_event_source_set_prepare(web->timer, before_waiting);
        return r < 0 ? error_prefix(err, r, "the loop") : 0;
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
                r = start(web, err);
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
        sd_event_source_disable_unref(web->io);
        sd_event_source_disable_unref(web->timer);
        if (web->daemon)
                MHD_stop_daemon(web->daemon);
        feed_free(web);
        tls_unref(web->config.https);
        sd_event_unref(web->event);
        free(web->rate);
        free(web);
        return NULL;
}
