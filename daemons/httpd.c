/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemons/httpd.h"
#include "io/link.h"
#include "io/socket.h"

enum {
        IDLE_SEC     = 60,       /* of a connection where nothing comes or goes */
        HEADER_BYTES = 16 << 10, /* request line and headers; twice as much is the memory of a connection */
        GUEST_BYTES  = 64 << 10, /* of answers that the kernel takes from us and has not sent: a guest who asks
                                          * for much and reads nothing would have us copy megabytes for him */
};

typedef struct Guest {
        Httpd *httpd;
        int fd;
        bool is_guest, asked; /* the headers of a request have come, and its answer has not gone altogether */
        uint64_t begun_usec;
        sd_event_source *first; /* until his first byte is there */
        struct Guest *next, *before;
} Guest;

struct Httpd {
        HttpdConfig config;
        sd_event *event;
        struct MHD_Daemon *daemon;
        sd_event_source *io, *timer;
        bool due;               /* the library is to run before the loop waits again */
        Guest *oldest, *newest; /* connections that have shown no credential so far */
        unsigned n_guests, n_connections;
};

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* ---- Guests ------------------------------------------------------------------------------------------------------ */

static void guest_leave(Guest *guest) {
        Httpd *h = guest->httpd;

        if (!guest->is_guest)
                return;
        *(guest->before ? &guest->before->next : &h->oldest) = guest->next;
        *(guest->next ? &guest->next->before : &h->newest)   = guest->before;
        guest->is_guest = false;
        h->n_guests--;
}

/* Who encrypts, as browsers do for https and clients that have the cluster's key, would wait for an answer, and the
 * library for the end of a line. This comes before the library's turn, which would have taken the byte. */
static int on_first(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 61\r\n\r\n"
                                     "HTTP is spoken here in plain: the address begins with http://";
        Guest *guest               = userdata;
        uint8_t begin[2];

        guest->first = sd_event_source_disable_unref(guest->first);
        if (recv(fd, begin, sizeof(begin), MSG_PEEK | MSG_DONTWAIT) != sizeof(begin) ||
            memcmp(begin, "\x16\x03", sizeof(begin)) != 0)
                return 0;
        (void) send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void) shutdown(fd, SHUT_RDWR);
        return 0;
}

/* What he has sent is no request so far, and its time is over. */
static void guest_late(Guest *guest) {
        static const char answer[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 41\r\n\r\n"
                                     "the request did not come to its end here\n";

        guest_leave(guest);
        (void) send(guest->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void) shutdown(guest->fd, SHUT_RDWR);
}

/* The library sees the end of the connection, closes it, and tells us. What he has not read is dropped, also by the
 * kernel. */
static void guest_cut(Guest *guest) {
        const struct linger now = { .l_onoff = 1 };

        guest_leave(guest);
        (void) setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        (void) shutdown(guest->fd, SHUT_RDWR);
}

/* Over TCP; 0: as much as the kernel likes. Behind TLS the pair of sockets has its bound. */
static void guest_limit(const Guest *guest, int unsent_bytes) {
        (void) setsockopt(guest->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof(unsent_bytes));
}

static void guest_come(Httpd *h, struct MHD_Connection *connection, void **socket_context) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        Guest *guest                         = calloc(1, sizeof(*guest));

        *socket_context = guest;
        if (!guest) {
                (void) shutdown(info->connect_fd, SHUT_RDWR);
                return;
        }
        *guest = (Guest) { .httpd      = h,
                           .fd         = info->connect_fd,
                           .is_guest   = true,
                           .begun_usec = now_usec(),
                           .before     = h->newest };
        *(h->newest ? &h->newest->next : &h->oldest) = guest;
        h->newest = guest;
        guest_limit(guest, GUEST_BYTES);
        if (sd_event_add_io(h->event, &guest->first, guest->fd, EPOLLIN, on_first, guest) >= 0)
                (void) sd_event_source_set_priority(guest->first, SD_EVENT_PRIORITY_IMPORTANT);
        if (++h->n_guests > h->config.max_guests)
                guest_cut(h->oldest);
}

static void guest_free(Guest *guest) {
        guest_leave(guest);
        sd_event_source_disable_unref(guest->first);
        free(guest);
}

static Guest *guest_of(struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
        Httpd *h = userdata;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                h->n_connections++;
                guest_come(h, connection, socket_context);
                return;
        }
        h->n_connections--;
        if (*socket_context)
                guest_free(*socket_context);
        *socket_context = NULL;
}

void httpd_know(struct MHD_Connection *connection) {
        Guest *guest = guest_of(connection);

        if (guest) {
                guest_leave(guest);
                guest_limit(guest, 0);
        }
}

unsigned httpd_connections(const Httpd *h) {
        return h->n_connections;
}

unsigned httpd_guests(const Httpd *h) {
        return h->n_guests;
}

const char *httpd_bearer(struct MHD_Connection *connection) {
        static const char scheme[] = "Bearer ";
        const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);

        return value && strncasecmp(value, scheme, strlen(scheme)) == 0 ? value + strlen(scheme) : NULL;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *n_data,
                                  void **context) {
        Httpd *h     = userdata;
        Guest *guest = guest_of(connection);

        if (guest)
                guest->asked = true;
        return h->config.request(h->config.userdata, connection, url, method, version, data, n_data, context);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how) {
        Httpd *h     = userdata;
        Guest *guest = guest_of(connection);

        if (guest)
                guest->asked = false;
        if (h->config.completed)
                h->config.completed(h->config.userdata, connection, context, how);
}

/* ---- The loop ---------------------------------------------------------------------------------------------------- */

static int on_ready(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        Httpd *h = userdata;

        h->due = false;
        (void) MHD_run(h->daemon);
        return 0;
}

static int on_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Httpd *h = userdata;

        while (h->oldest && now_usec() - h->oldest->begun_usec >= h->config.guest_usec)
                if (h->oldest->first || h->oldest->asked) /* he has said nothing, or the answer is on its way */
                        guest_cut(h->oldest);
                else
                        guest_late(h->oldest);
        h->due = false;
        (void) MHD_run(h->daemon);
        return 0;
}

/* Before the loop waits: until when. */
static int before_waiting(sd_event_source *source, void *userdata) {
        const Httpd *h = userdata;
        uint64_t until = h->oldest ? h->oldest->begun_usec + h->config.guest_usec : UINT64_MAX;
        MHD_UNSIGNED_LONG_LONG msec;

        if (h->due)
                until = 0;
        else if (MHD_get_timeout(h->daemon, &msec) == MHD_YES)
                until = MIN(until, msec == 0 ? 0 : now_usec() + (uint64_t) msec * 1000);
        (void) sd_event_source_set_time(source, until);
        return sd_event_source_set_enabled(source, SD_EVENT_ON);
}

void httpd_wake(Httpd *h, struct MHD_Connection *connection) {
        h->due = true;
        MHD_resume_connection(connection);
}

void httpd_leave(Httpd *h, struct MHD_UpgradeResponseHandle *upgraded) {
        h->due = true;
        (void) MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
}

void httpd_add(Httpd *h, int fd, const struct sockaddr *from, socklen_t size_bytes) {
        (void) MHD_add_connection(h->daemon, fd, from, size_bytes); /* which closes it if not */
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------- */

static void on_log(void *userdata, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static void on_log(void *userdata, const char *fmt, va_list args) {
        const Httpd *h = userdata;
        char text[512];

        if (!h->config.log)
                return;
        vsnprintf(text, sizeof(text), fmt, args);
        text[strcspn(text, "\n")] = 0;
        h->config.log(h->config.userdata, text);
}

int httpd_new(Httpd **ret, sd_event *event, const HttpdConfig *config, Error *err) {
        _cleanup_(httpd_freep) Httpd *h = calloc(1, sizeof(*h));
        const union MHD_DaemonInfo *info;
        int r;

        if (!h)
                return error_oom(err, sizeof(*h));
        h->config = *config;
        h->event  = sd_event_ref(event);
        h->daemon = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_UPGRADE | MHD_ALLOW_SUSPEND_RESUME |
                        MHD_USE_ERROR_LOG,
                0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h, MHD_OPTION_CONNECTION_LIMIT,
                config->max_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) IDLE_SEC,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 2 * HEADER_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
                on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
        info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        if (!info)
                return error_set(err, -EIO, "the HTTP server does not start");
        r = sd_event_add_io(event, &h->io, info->epoll_fd, EPOLLIN, on_ready, h);
        if (r >= 0)
                r = sd_event_add_time(event, &h->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_time, h);
        if (r >= 0)
                r = sd_event_source_set_prepare(h->timer, before_waiting);
        if (r < 0)
                return error_prefix(err, r, "the loop");
        *ret = TAKE_PTR(h);
        return 0;
}

Httpd *httpd_free(Httpd *h) {
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->io);
        sd_event_source_disable_unref(h->timer);
        if (h->daemon)
                MHD_stop_daemon(h->daemon);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}

int httpd_check_reach(const char *address, const char *instead, Error *err) {
        bool local;
        int r = address_is_local(address, &local, err);

        if (r < 0 || local)
                return r;
        return error_set(err, -EACCES,
                         "%s is not of this machine alone, and HTTP is not encrypted: tokens and results could be read "
                         "on the way. Either %s, or say plain_http = yes",
                         address, instead);
}
