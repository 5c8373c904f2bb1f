/* SPDX-License-Identifier: Apache-2.0 */
/* The paths that the original had for scripts, with the meaning that they had there: a graph is a request. They are
 * made of the same answers as all others. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemons/web/api.h"
#include "daemons/web/feed.h"

void api_original(Request *request) {
        request_json(request, "{\"msg\": \"Mars API Entry\"}");
}

static void answer(Request *request, struct json_object *object) {
        const char *text = object ? json_object_to_json_string(object) : NULL;

        if (text)
                request_json(request, text);
        else
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        json_object_put(object);
}

/* What was seen, of this type, or NULL: the request is refused. */
static struct json_object *seen_of(Request *request, const Seen *seen, json_type type) {
        struct json_object *object = seen->status == MHD_HTTP_OK ? json_tokener_parse(seen->text) : NULL;

        if (object && json_object_is_type(object, type))
                return object;
        json_object_put(object);
        request_refuse(request, seen->status == MHD_HTTP_OK ? MHD_HTTP_BAD_GATEWAY : seen->status, "%s",
                       seen->status == MHD_HTTP_OK ? "the scheduler is of another version" : seen->text ?: "");
        return NULL;
}

static struct json_object *field(struct json_object *object, const char *name) {
        return json_object_get(json_object_object_get(object, name));
}

/* An object of the rows, by what `key` is in each. */
static struct json_object *by_key(struct json_object *rows, const char *key,
                                  struct json_object *(*make)(struct json_object *row)) {
        struct json_object *made = json_object_new_object();

        for (size_t k = 0; made && k < json_object_array_length(rows); k++) {
                struct json_object *row = json_object_array_get_idx(rows, k);
                struct json_object *id  = json_object_object_get(row, key);

                (void) json_object_object_add(made, json_object_get_string(id), make(row));
        }
        return made;
}

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

static void on_overview(void *userdata, const Seen *seen) {
        struct json_object *overview = seen_of(userdata, seen, json_type_object);

        if (!overview)
                return;
        answer(userdata, field(overview, "workers"));
        json_object_put(overview);
}

void api_original_worker(Request *request) {
        request_see(request, "overview", on_overview);
}

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

static struct json_object *make_session(struct json_object *row) {
        struct json_object *made = json_object_new_object();

        if (!made)
                return NULL;
        (void) json_object_object_add(
                made, "session_id",
                json_object_new_string(json_object_get_string(json_object_object_get(row, "session"))));
        (void) json_object_object_add(made, "name", field(row, "name"));
        return made;
}

static void on_sessions(void *userdata, const Seen *seen) {
        struct json_object *rows = seen_of(userdata, seen, json_type_array);

        if (!rows)
                return;
        answer(userdata, by_key(rows, "session", make_session));
        json_object_put(rows);
}

void api_original_sessions(Request *request) {
        request_see(request, "sessions", on_sessions);
}

/* ---- Graphs ------------------------------------------------------------------------------------------------------ */

static const char *state_of(const char *state) {
        return strcmp(state, "succeeded") == 0 ? "success" : strcmp(state, "canceled") == 0 ? "cancelled" : state;
}

static struct json_object *make_graph(struct json_object *row) {
        struct json_object *made = json_object_new_object();

        if (!made)
                return NULL;
        (void) json_object_object_add(made, "id", field(row, "request"));
        (void) json_object_object_add(
                made, "state",
                json_object_new_string(state_of(json_object_get_string(json_object_object_get(row, "state")))));
        (void) json_object_object_add(made, "start_time", field(row, "started"));
        (void) json_object_object_add(made, "end_time", field(row, "finished"));
        (void) json_object_object_add(made, "graph_size", field(row, "tasks"));
        return made;
}

static void on_requests(void *userdata, const Seen *seen) {
        struct json_object *rows = seen_of(userdata, seen, json_type_array);

        if (!rows)
                return;
        answer(userdata, by_key(rows, "request", make_graph));
        json_object_put(rows);
}

/* The requests of the session that the path names. */
static void see_requests(Request *request, TopicSeen *seen) {
        char name[64];

        if (strspn(request->id, "0123456789") != strlen(request->id) || strlen(request->id) > 18) {
                request_refuse(request, MHD_HTTP_NOT_FOUND, "'%s' is no number of a session", request->id);
                return;
        }
        snprintf(name, sizeof(name), "requests?session=%s", request->id);
        request_see(request, name, seen);
}

void api_original_graphs(Request *request) {
        see_requests(request, on_requests);
}

/* The row of the one that the path names, or NULL: the request is refused. *ret_rows is the caller's to put. */
static struct json_object *seen_graph(Request *request, const Seen *seen, struct json_object **ret_rows) {
        *ret_rows = seen_of(request, seen, json_type_array);

        for (size_t k = 0; *ret_rows && k < json_object_array_length(*ret_rows); k++) {
                struct json_object *row = json_object_array_get_idx(*ret_rows, k);
                struct json_object *id  = json_object_object_get(row, "request");

                if (strcmp(json_object_get_string(id), request->ids[1]) == 0)
                        return row;
        }
        if (*ret_rows)
                request_refuse(request, MHD_HTTP_NOT_FOUND, "session %s has no graph '%s'", request->id,
                               request->ids[1]);
        return NULL;
}

static void on_graph(void *userdata, const Seen *seen) {
        struct json_object *rows, *row = seen_graph(userdata, seen, &rows);
        struct json_object *made = row ? json_object_new_object() : NULL;

        if (made)
                (void) json_object_object_add(made, "state",
                                              json_object_new_string(state_of(json_object_get_string(
                                                      json_object_object_get(row, "state")))));
        if (row)
                answer(userdata, made);
        json_object_put(rows);
}

void api_original_graph(Request *request) {
        see_requests(request, on_graph);
}

static void on_graph_to_cancel(void *userdata, const Seen *seen) {
        struct json_object *rows, *row = seen_graph(userdata, seen, &rows);

        if (row)
                request_cancel(userdata, json_object_get_uint64(json_object_object_get(row, "request")));
        json_object_put(rows);
}

void api_original_cancel(Request *request) {
        see_requests(request, on_graph_to_cancel);
}

/* ---- What is not taken any more ---------------------------------------------------------------------------------- */

/* A session lives as long as its client has a link, and a graph was text that named Python's classes. */
void api_original_gone(Request *request) {
        request_refuse(request, MHD_HTTP_GONE,
                       "sessions and graphs are not made by requests of their own any more: in Python, "
                       "new_session('%s://%s') is a session, and its run() submits a graph (GET and DELETE of both are "
                       "here as before)",
                       request->web->config.https ? "https" : "http", request->web->host);
}

/* A result was a serialized Python object, by the key that its tensor had in the client's process. */
void api_original_data(Request *request) {
        request_refuse(
                request, MHD_HTTP_GONE,
                "results are not had by keys any more: in Python, run() and fetch() of new_session('%s://%s') "
                "return them; without, GET /api/v1/tensors/NAME/npy is what Tensor.save_as(NAME) has named, or a "
                "part of it (?slice=0:10)",
                request->web->config.https ? "https" : "http", request->web->host);
}
