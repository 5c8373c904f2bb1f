/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* HTTP in a daemon's loop: libmicrohttpd has an epoll descriptor, which the loop watches like any other, and says when
 * it wants to be called at the latest. It starts no thread, and listens nowhere: connections come from our listeners.
 *
 * Who comes is a guest until somebody knows him (httpd_know()). Guests have little time, whatever they do with it, and
 * when there are too many the oldest goes: so many who are slow, in reading or in writing, keep nobody else away. Whose
 * request has not come by then is told so (408). What a request may be is bounded here, before anything looks at it
 * (431, and 414 where it is the path). */
#include <microhttpd.h>
#include <systemd/sd-event.h>

#include "base/error.h"

typedef struct Httpd Httpd;

enum { HTTPD_GUEST_USEC = 10 * 1000 * 1000 }; /* for a request and its answer, until a credential is shown */

typedef struct HttpdConfig {
        /* As the library's; userdata is ours. */
        MHD_AccessHandlerCallback request;
        MHD_RequestCompletedCallback completed;        /* or NULL */
        void (*log)(void *userdata, const char *text); /* of what the library says, for debugging; or NULL */
        void *userdata;
        unsigned max_guests, max_connections;
        uint64_t guest_usec; /* HTTPD_GUEST_USEC */
} HttpdConfig;

int httpd_new(Httpd **ret, sd_event *event, const HttpdConfig *config, Error *err);
Httpd *httpd_free(Httpd *httpd);
DEFINE_CLEANUP(Httpd *, httpd_free)
/* A connection, of somebody at this address: taken. */
void httpd_add(Httpd *httpd, int fd, const struct sockaddr *from, socklen_t size_bytes);
/* Whose connection it is has shown a credential: he is no guest. */
void httpd_know(struct MHD_Connection *connection);
/* A connection that was suspended goes on, in a turn that is due now and which the library does not ask for. */
void httpd_wake(Httpd *httpd, struct MHD_Connection *connection);
/* An upgraded connection is the caller's no more. The library closes it in a turn that it does not ask for, either. */
void httpd_leave(Httpd *httpd, struct MHD_UpgradeResponseHandle *upgraded);
unsigned httpd_connections(const Httpd *httpd);
unsigned httpd_guests(const Httpd *httpd); /* of these */
/* "Bearer TOKEN": the token, or NULL: none was shown. */
const char *httpd_bearer(struct MHD_Connection *connection);

/* HTTP in plain is read by everybody on the way, so it stays on this machine unless somebody wants it otherwise
 * (plain_http): 0, or -EACCES for an address that others reach, with what to do instead. */
int httpd_check_reach(const char *address, const char *instead, Error *err);
