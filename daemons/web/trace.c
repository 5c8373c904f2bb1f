/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline as a trace for Perfetto and chrome://tracing: a worker is a process there, a lane a thread. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemons/json.h"
#include "daemons/web/api.h"
#include "daemons/web/feed.h"

static int64_t integer(struct json_object *object, const char *name) {
        return json_object_get_int64(json_object_object_get(object, name));
}

static double number(struct json_object *object, const char *name) {
        return json_object_get_double(json_object_object_get(object, name));
}

static const char *text(struct json_object *object, const char *name) {
        return json_object_get_string(json_object_object_get(object, name)) ?: "";
}

/* Lanes have numbers that are unique in the cluster, so the thread alone says which worker it is of. */
static void put_lane(FILE *f, struct json_object *lane, bool first) {
        char name[64];

        snprintf(name, sizeof(name), "%.32s %d", text(lane, "kind"), (int) integer(lane, "number"));
        fprintf(f,
                "%s{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": %d, \"args\": {\"name\": ", first ? "" : ", ",
                (int) integer(lane, "worker"));
        json_text(f, text(lane, "worker_name"));
        fprintf(f, "}}, {\"ph\": \"M\", \"name\": \"thread_name\", \"pid\": %d, \"tid\": %d, \"args\": {\"name\": ",
                (int) integer(lane, "worker"), (int) integer(lane, "lane"));
        json_text(f, name);
        fputs("}}", f);
}

static void put_span(FILE *f, struct json_object *span, int worker) {
        const char *label = text(span, "label");

        fputs(", {\"ph\": \"X\", \"name\": ", f);
        json_text(f, label[0] ? label : text(span, "kind"));
        fputs(", \"cat\": ", f);
        json_text(f, text(span, "kind"));
        fprintf(f,
                ", \"ts\": %.0f, \"dur\": %.0f, \"pid\": %d, \"tid\": %d, \"args\": {\"plan\": \"%s\", \"n\": %d, "
                "\"bytes\": %lld}}",
                number(span, "start") * 1e6, number(span, "seconds") * 1e6, worker, (int) integer(span, "lane"),
                text(span, "plan"), (int) integer(span, "n"), (long long) integer(span, "bytes"));
}

static int worker_of(struct json_object *lanes, int64_t lane) {
        for (size_t k = 0; k < json_object_array_length(lanes); k++) {
                struct json_object *at = json_object_array_get_idx(lanes, k);

                if (integer(at, "lane") == lane)
                        return (int) integer(at, "worker");
        }
        return 0;
}

static void put_trace(FILE *f, struct json_object *timeline) {
        struct json_object *lanes = json_object_object_get(timeline, "lanes");
        struct json_object *spans = json_object_object_get(timeline, "spans");
        int64_t lane              = -1;
        int worker                = 0;

        fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [", f);
        for (size_t k = 0; k < json_object_array_length(lanes); k++)
                put_lane(f, json_object_array_get_idx(lanes, k), k == 0);
        for (size_t k = 0; k < json_object_array_length(spans); k++) {
                struct json_object *span = json_object_array_get_idx(spans, k);

                if (integer(span, "lane") != lane) /* those of a lane come together */
                        worker = worker_of(lanes, lane = integer(span, "lane"));
                put_span(f, span, worker);
        }
        fputs("]}", f);
}

static void on_timeline(void *userdata, const Seen *seen) {
        Request *request             = userdata;
        struct json_object *timeline = seen->status == MHD_HTTP_OK ? json_tokener_parse(seen->text) : NULL;
        char *trace                  = NULL;
        size_t n;
        FILE *f = timeline ? open_memstream(&trace, &n) : NULL;

        if (f)
                put_trace(f, timeline);
        if (f && fclose(f) == 0)
                request_answer(request, MHD_HTTP_OK, "application/json", trace, n);
        else
                request_refuse(request, timeline ? MHD_HTTP_SERVICE_UNAVAILABLE : seen->status, "%s",
                               timeline ? "out of memory" : seen->text ?: "");
        json_object_put(timeline);
        free(trace);
}

void api_trace(Request *request) {
        char name[128];

        if (!request_topic_name(request, "timeline", name, sizeof(name)))
                return;
        if (!request_argument(request, "since")) { /* all that there is */
                const size_t n = strlen(name);

                snprintf(name + n, sizeof(name) - n, "%csince=0", strchr(name, '?') ? '&' : '?');
        }
        request_see(request, name, on_timeline);
}
