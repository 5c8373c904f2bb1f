/* SPDX-License-Identifier: Apache-2.0 */
/* REST: what there is to be seen (topics.c), and what can be done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/web/api.h"
#include "daemons/web/feed.h"

/* ---- Seeing ------------------------------------------------------------------------------------------------------ */

static void on_seen(void *userdata, const Seen *seen) {
        Request *request = userdata;

        if (seen->status == MHD_HTTP_OK)
                request_answer(request, MHD_HTTP_OK, "application/json", seen->text, seen->n_bytes);
        else
                request_refuse(request, seen->status, "%s", seen->text ?: "");
}

void request_see(Request *request, const char *name, TopicSeen *seen) {
        Error err    = {};
        Topic *topic = topic_find(request, name, &err);

        if (topic)
                topic_see(topic, seen, request);
        else
                request_refuse(request, status_of(err.code), "%s", err.text);
}

/* Arguments go into the topic's name, in an order of ours. */
bool request_topic_name(Request *request, const char *path, char *ret, size_t size_bytes) {
        size_t n    = (size_t) snprintf(ret, size_bytes, "%s", path);
        char before = '?';

        for (size_t k = 0; k < TOPIC_FILTERS; k++) {
                const char *value = request_argument(request, topic_filters[k]);

                if (!value)
                        continue;
                if (!topic_number_ok(value, strlen(value))) {
                        request_refuse(request, MHD_HTTP_BAD_REQUEST, "%s: a number that is not negative",
                                       topic_filters[k]);
                        return false;
                }
                n += (size_t) snprintf(ret + n, size_bytes - n, "%c%s=%s", before, topic_filters[k], value);
                before = '&';
        }
        return true;
}

/* The path is that of the route: what stands behind /api/v1/ is the topic's name. */
void api_topic(Request *request) {
        const char *pattern = request->route->path + strlen("/api/v1/");
        const char *hole    = strstr(pattern, "{}");
        char path[ROUTE_ID_MAX + 64], name[192];

        if (hole && strspn(request->id, "0123456789") != strlen(request->id)) {
                request_refuse(request, MHD_HTTP_NOT_FOUND, "'%s' is no number", request->id);
                return;
        }
        if (hole)
                snprintf(path, sizeof(path), "%.*s%s%s", (int) (hole - pattern), pattern, request->id, hole + 2);
        else
                snprintf(path, sizeof(path), "%s", pattern);
        if (request_topic_name(request, path, name, sizeof(name)))
                request_see(request, name, on_seen);
}

/* ---- Doing ------------------------------------------------------------------------------------------------------- */

static void on_done(void *userdata, int code, const char *text, _unused_ uint64_t cost_usec) {
        Request *request = userdata;

        topics_stale(request->web->feed);
        if (code == 0)
                request_answer(request, MHD_HTTP_NO_CONTENT, "application/json", "", 0);
        else
                request_refuse(request, status_of(code), "%s", text ?: "");
}

/* False: it is refused. */
static bool number_of(Request *request, uint64_t *ret) {
        const bool is_number = strspn(request->id, "0123456789") == strlen(request->id) && strlen(request->id) < 19;

        if (is_number)
                *ret = strtoull(request->id, NULL, 10);
        else
                request_refuse(request, MHD_HTTP_NOT_FOUND, "'%s' is no number", request->id);
        return is_number;
}

static void say(Request *request, const WireMessage *m) {
        upstream_say(request->web->feed, request->token, SCHEDULER, m, on_done, request);
}

void api_end_session(Request *request) {
        uint64_t number;

        if (number_of(request, &number))
                say(request, &(WireMessage) { WIRE_IS_CANCEL, .cancel = { .session = number } });
}

void api_drop_name(Request *request) {
        say(request, &(WireMessage) { WIRE_IS_NAME, .name = { .what = NAME_REMOVE, .name = request->id } });
}

void request_cancel(Request *request, uint64_t number) {
        say(request, &(WireMessage) { WIRE_IS_CANCEL, .cancel = { .request = number } });
}

void api_cancel(Request *request) {
        uint64_t number;

        if (number_of(request, &number))
                request_cancel(request, number);
}

static void drain(Request *request, WireDrain how) {
        uint64_t number;

        if (!number_of(request, &number))
                return;
        if (number >= MAX_WORKERS)
                request_refuse(request, MHD_HTTP_NOT_FOUND, "there is no worker %s", request->id);
        else
                say(request,
                    &(WireMessage) { WIRE_IS_DRAIN, .drain = { .worker = (uint32_t) number, .how = (uint32_t) how } });
}

void api_drain(Request *request) {
        drain(request, DRAIN_STAY);
}

void api_undrain(Request *request) {
        drain(request, DRAIN_OFF);
}

void api_retire(Request *request) {
        drain(request, DRAIN_RETIRE);
}
