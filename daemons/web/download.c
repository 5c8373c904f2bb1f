/* SPDX-License-Identifier: Apache-2.0 */
/* A named tensor, or a part of it, as a .npy file. A thread that knows nothing of the loop is a client of the cluster,
 * on behalf of whoever asks: it has the part computed in runs of rows, whose chunks are, one after the other, the bytes
 * of the file, and writes them into a socket, of which the loop reads as fast as the reader takes them. So a tensor of
 * any size takes a few chunks of memory here.
 *
 * First comes a Head; what comes before the end of file and is too short, or a Head with a code, is a failure. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/npy.h"
#include "daemons/web/api.h"
#include "daemons/web/feed.h"
#include "engine/engine.h"
#include "graph/params.h"

enum {
        MAX_DOWNLOADS = 4, /* at a time: each has a thread, and a few chunks */
        BLOCK_BYTES   = 64 << 10,
        SLICE_MAX     = 512, /* bytes of one */
};

typedef struct Head {
        int code;
        uint64_t size_bytes; /* of what follows */
        char text[MAX_ERROR_TEXT];
} Head;

typedef struct Download {
        Web *web;
        Request *request;
        struct Download *next;
        sd_event_source *readable;
        int fd; /* the loop's end */
        bool answered, suspended;
        uint32_t n_refs; /* atomic: the loop, and the thread, for which nobody waits */
        /* The thread's: */
        int far_fd;
        const char *address;
        Tls *tls;
        char whom[ADDRESS_TEXT_MAX], token[TOKEN_MAX], name[ROUTE_ID_MAX], slice[SLICE_MAX];
        Engine *engine;
        pthread_mutex_t lock; /* of these: */
        bool abandoned;       /* nobody reads */
        EngineRequest *computing;
} Download;

static void download_unref(Download *d) {
        if (__atomic_sub_fetch(&d->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        pthread_mutex_destroy(&d->lock);
        tls_unref(d->tls);
        explicit_bzero(d->token, sizeof(d->token));
        free(d);
}

/* ---- The thread: what is wanted ---------------------------------------------------------------------------------- */

typedef struct Part {
        int64_t start[MAX_NDIM], stop[MAX_NDIM], step[MAX_NDIM];
} Part;

/* A number, or `unset` where there is none. */
static int64_t bound(const char **at, int64_t unset) {
        char *end;
        const int64_t n = strtoll(*at, &end, 10);

        if (end == *at)
                return unset;
        *at = end;
        return n;
}

/* One item between commas, of an axis. */
static int parse_item(const char **at, Part *part, int axis, Error *err) {
        const char *begin = *at;

        part->start[axis] = bound(at, INT64_MIN);
        if (**at != ':' && part->start[axis] != INT64_MIN) {
                part->stop[axis] = INT64_MAX;
                part->step[axis] = 0; /* a position */
                return 0;
        }
        if (**at != ':')
                return error_set(err, ERROR_VALUE, "slice: '%.40s' is neither a number nor start:stop:step", begin);
        ++*at;
        part->stop[axis] = bound(at, INT64_MIN);
        part->step[axis] = 1;
        if (**at == ':') {
                ++*at;
                part->step[axis] = bound(at, 1);
        }
        if (part->step[axis] == 0)
                return error_set(err, ERROR_VALUE, "slice: a step of 0");
        if (part->start[axis] == INT64_MIN)
                part->start[axis] = part->step[axis] > 0 ? 0 : INT64_MAX;
        if (part->stop[axis] == INT64_MIN)
                part->stop[axis] = part->step[axis] > 0 ? INT64_MAX : INT64_MIN;
        return 0;
}

/* As between brackets in Python; axes that are not named are whole. */
static int parse_slice(const char *text, int ndim, Part *part, Error *err) {
        int axis = 0;

        for (int k = 0; k < ndim; k++) {
                part->start[k] = 0;
                part->stop[k]  = INT64_MAX;
                part->step[k]  = 1;
        }
        for (const char *at = text; *at;) {
                int r;

                if (axis == ndim)
                        return error_set(err, ERROR_INDEX, "slice: there are %d axes", ndim);
                r = parse_item(&at, part, axis++, err);
                if (r < 0)
                        return r;
                if (*at && *at++ != ',')
                        return error_set(err, ERROR_VALUE, "slice: '%.40s' is not understood", at - 1);
        }
        return 0;
}

static void set_dims(const Op *op, void *params, const char *name, const int64_t *v, int n) {
        const Param *p  = param_find(op, name, PARAM_DIMS);
        const Dims dims = { .n = (uint32_t) n, .given = true, .v = v };

        memcpy((char *) params + p->offset, &dims, sizeof(dims));
}

static int add_part(Graph *graph, const Part *part, int ndim, Ref *ref, Error *err) {
        _Alignas(16) char params[MAX_PARAMS_BYTES] = {};
        const Op *op                               = op_find("slice");
        uint32_t id;
        int r;

        set_dims(op, params, "start", part->start, ndim);
        set_dims(op, params, "stop", part->stop, ndim);
        set_dims(op, params, "step", part->step, ndim);
        r = graph_add(graph, op, params, ref, 1, &id, err);
        if (r == 0)
                *ref = (Ref) { .node = id };
        return r;
}

/* In runs of rows. */
static int add_rows(Graph *graph, const Spec *spec, Ref *ref, Error *err) {
        _Alignas(16) char params[MAX_PARAMS_BYTES] = {};
        const Op *op                               = op_find("rechunk");
        const Tiling tiling                        = tiling_auto(&spec->shape, spec->dtype);
        int64_t length[2 * MAX_NDIM]; /* one number for each axis, as tiling_parse() reads it */
        uint32_t id;
        int r;

        for (int k = 0; k < spec->shape.ndim; k++) {
                length[2 * k]     = 1;
                length[2 * k + 1] = MAX(cuts_edge(&tiling.axis[k], 1), (int64_t) 1);
        }
        set_dims(op, params, "chunk_size", length, 2 * spec->shape.ndim);
        r = graph_add(graph, op, params, ref, 1, &id, err);
        if (r == 0)
                *ref = (Ref) { .node = id };
        return r;
}

static int make_graph(const Download *d, TensorId tensor, const Spec *spec, Graph **ret, Error *err) {
        _cleanup_(graph_freep) Graph *graph = NULL;
        const int ndim                      = spec->shape.ndim;
        Ref ref                             = {};
        Part part;
        int r = graph_new(&graph) < 0 ? error_oom(err, sizeof(ref)) : parse_slice(d->slice, ndim, &part, err);

        if (r == 0)
                r = graph_add_stored(graph, tensor, spec, &ref.node) < 0 ? error_oom(err, sizeof(ref)) : 0;
        if (r == 0 && d->slice[0])
                r = add_part(graph, &part, ndim, &ref, err);
        if (r == 0 && graph->node.data[ref.node].out[0].shape.ndim > 0)
                r = add_rows(graph, &graph->node.data[ref.node].out[0], &ref, err);
        if (r == 0 && vec_push(&graph->wanted, ref) < 0)
                r = error_oom(err, sizeof(ref));
        if (r == 0)
                *ret = TAKE_PTR(graph);
        return r;
}

/* What the loop ends when nobody reads any more. */
static void computing(Download *d, EngineRequest *request) {
        pthread_mutex_lock(&d->lock);
        d->computing = request;
        if (request && d->abandoned)
                engine_request_cancel(request);
        pthread_mutex_unlock(&d->lock);
}

/* The tensor of which the chunks are the file. */
static int prepare(Download *d, TensorId *ret, Error *err) {
        _cleanup_(engine_request_unrefp) EngineRequest *request = NULL;
        _cleanup_(freep) char *names                            = NULL;
        const Tiling *tiling;
        const Spec *spec;
        Graph *graph;
        TensorId tensor;
        int r = engine_name(d->engine, NAME_OPEN, d->name, &tensor, &names, err);

        if (r < 0)
                return r == -ENOKEY ? error_set(err, r, "there is no name '%s'", d->name) : r;
        r = engine_tensor(d->engine, tensor, &spec, &tiling, err);
        if (r == 0)
                r = make_graph(d, tensor, spec, &graph, err);
        if (r == 0)
                r = engine_submit(d->engine, graph, true, &request, err);
        if (r == 0) {
                computing(d, request);
                r = engine_wait(request, UINT64_MAX, err);
                computing(d, NULL);
        }
        if (r == 0 && engine_request_take(request, ret) != 0)
                r = error_set(err, -EIO, "the result is gone");
        engine_release(d->engine, tensor);
        return r;
}

/* ---- The thread: what is sent ------------------------------------------------------------------------------------ */

static int send_all(int fd, const void *data, size_t n_bytes) {
        const char *at = data;

        while (n_bytes > 0) {
                const ssize_t n = send(fd, at, n_bytes, MSG_NOSIGNAL);

                if (n < 0 && errno != EINTR)
                        return -errno;
                at += MAX(n, 0);
                n_bytes -= (size_t) MAX(n, 0);
        }
        return 0;
}

static int send_chunks(Download *d, TensorId tensor, const Spec *spec, const Tiling *tiling, Error *err) {
        const uint64_t n = tiling_n_chunks(tiling);
        int r            = 0;

        for (uint64_t k = 0; k < n && r == 0; k++) {
                _cleanup_(engine_unpinp) EnginePin *pin = NULL;
                Box box;

                tiling_box(tiling, k, &box);
                r = engine_pin_begin(d->engine, tensor, k, 1, NULL, &pin, err);
                if (r == 0)
                        r = engine_pin_wait(pin, err);
                if (r == 0)
                        r = send_all(d->far_fd, pin->data[0], (size_t) box_size(&box) * dtype_size(spec->dtype));
        }
        return r;
}

static int send_file(Download *d, TensorId tensor, bool *ret_begun, Error *err) {
        char header[NPY_WRITE_MAX];
        const Tiling *tiling;
        const Spec *spec;
        Head head = {};
        size_t n;
        int r = engine_tensor(d->engine, tensor, &spec, &tiling, err);

        if (r < 0)
                return r;
        n               = npy_print(spec->dtype, &spec->shape, header);
        head.size_bytes = n + (uint64_t) shape_size(&spec->shape) * dtype_size(spec->dtype);
        *ret_begun      = true;
        r               = send_all(d->far_fd, &head, sizeof(head));
        if (r == 0)
                r = send_all(d->far_fd, header, n);
        return r < 0 ? r : send_chunks(d, tensor, spec, tiling, err);
}

static void *download_main(void *userdata) {
        Download *d = userdata;
        Error err   = {};
        bool begun  = false;
        TensorId tensor;
        int r = engine_connect_via(&d->engine, d->address, d->token, d->tls, d->whom, &err);

        if (r == 0)
                r = prepare(d, &tensor, &err);
        if (r == 0)
                r = send_file(d, tensor, &begun, &err);
        if (r < 0 && !begun) {
                Head head = { .code = r };

                snprintf(head.text, sizeof(head.text), "%s", err.text);
                (void) send_all(d->far_fd, &head, sizeof(head));
        }
        close(d->far_fd);
        if (d->engine)
                engine_close(d->engine);
        engine_unref(d->engine);
        download_unref(d);
        return NULL;
}

/* ---- The loop ---------------------------------------------------------------------------------------------------- */

/* Whoever read has gone, or has everything: the thread ends what it computes, and finds its socket closed. */
static void download_leave(void *userdata) {
        Download *d   = userdata;
        Download **at = &d->web->download;

        while (*at != d)
                at = &(*at)->next;
        *at = d->next;
        d->web->n_downloads--;
        d->readable = sd_event_source_disable_unref(d->readable);
        close(d->fd);
        pthread_mutex_lock(&d->lock);
        d->abandoned = true;
        if (d->computing)
                engine_request_cancel(d->computing);
        pthread_mutex_unlock(&d->lock);
        download_unref(d);
}

static ssize_t on_read(void *userdata, _unused_ uint64_t at, char *to, size_t room) {
        Download *d     = userdata;
        const ssize_t n = recv(d->fd, to, room, MSG_DONTWAIT);

        if (n > 0)
                return n;
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
                return MHD_CONTENT_READER_END_WITH_ERROR;
        d->suspended = true;
        MHD_suspend_connection(d->request->connection);
        if (sd_event_source_set_enabled(d->readable, SD_EVENT_ONESHOT) < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        return 0;
}

static void begin_answer(Download *d, const Head *head) {
        struct MHD_Response *response =
                MHD_create_response_from_callback(head->size_bytes, BLOCK_BYTES, on_read, d, download_leave);
        char disposition[2 * ROUTE_ID_MAX + 64];
        size_t n = (size_t) snprintf(disposition, sizeof(disposition), "attachment; filename=\"");

        d->answered = true;
        if (!response) {
                request_refuse(d->request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
                download_leave(d);
                return;
        }
        for (const char *c = d->name; *c; c++) /* what a header and a file's name may have */
                disposition[n++] = *c > ' ' && *c < 127 && !strchr("\"\\/", *c) ? *c : '_';
        snprintf(disposition + n, sizeof(disposition) - n, ".npy\"");
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
        request_respond(d->request, MHD_HTTP_OK, response);
}

static int on_readable(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        Download *d = userdata;
        Head head   = {};
        ssize_t n;

        if (d->answered) {
                if (d->suspended) {
                        d->suspended = false;
                        request_wake(d->request);
                }
                return 0;
        }
        n = recv(fd, &head, sizeof(head), MSG_DONTWAIT | MSG_PEEK);
        if (n > 0 && n < (ssize_t) sizeof(head)) /* the rest of it comes */
                return sd_event_source_set_enabled(d->readable, SD_EVENT_ONESHOT);
        if (n == (ssize_t) sizeof(head))
                n = recv(fd, &head, sizeof(head), MSG_DONTWAIT);
        if (n == (ssize_t) sizeof(head) && head.code == 0) {
                begin_answer(d, &head);
                return 0;
        }
        if (n == (ssize_t) sizeof(head))
                request_refuse(d->request, head.code == ERROR_INDEX ? MHD_HTTP_BAD_REQUEST : status_of(head.code), "%s",
                               head.text);
        else
                request_refuse(d->request, MHD_HTTP_SERVICE_UNAVAILABLE, "the download ends before it begins");
        download_leave(d);
        return 0;
}

void downloads_end(Web *web) {
        for (Download *d = web->download, *next; d; d = next) {
                next = d->next;
                (void) shutdown(d->fd, SHUT_RDWR);
                if (!d->answered) {
                        request_refuse(d->request, MHD_HTTP_SERVICE_UNAVAILABLE, "mars-web ends");
                        download_leave(d);
                } else if (d->suspended) {
                        d->suspended = false;
                        request_wake(d->request); /* which reads the end */
                }
        }
}

static int begin(Download *d, Error *err) {
        pthread_t thread;
        int fd[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
                return error_prefix(err, -errno, "a socket");
        d->fd     = fd[0];
        d->far_fd = fd[1];
        r         = sd_event_add_io(d->web->event, &d->readable, d->fd, EPOLLIN, on_readable, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->readable, SD_EVENT_ONESHOT);
        d->n_refs = 2;
        if (r >= 0)
                r = -pthread_create(&thread, NULL, download_main, d);
        if (r >= 0) {
                pthread_detach(thread);
                return 0;
        }
        d->n_refs   = 1;
        d->readable = sd_event_source_disable_unref(d->readable);
        close(d->fd);
        close(d->far_fd);
        return error_prefix(err, r, "a thread");
}

void api_npy(Request *request) {
        Web *web          = request->web;
        const char *slice = request_argument(request, "slice");
        Error err         = {};
        Download *d;

        if (web->n_downloads >= MAX_DOWNLOADS || (slice && strlen(slice) >= SLICE_MAX)) {
                request_refuse(
                        request,
                        slice && strlen(slice) >= SLICE_MAX ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_SERVICE_UNAVAILABLE,
                        "at most %d downloads at a time, of slices of at most %d bytes", MAX_DOWNLOADS, SLICE_MAX);
                return;
        }
        d = calloc(1, sizeof(*d));
        if (!d) {
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
                return;
        }
        *d = (Download) { .web = web, .request = request, .address = web->config.scheduler[0], .fd = -1, .far_fd = -1 };
        pthread_mutex_init(&d->lock, NULL);
        d->n_refs = 1;
        d->tls    = tls_ref(web->config.tls);
        snprintf(d->whom, sizeof(d->whom), "%s", request_peer(request).text);
        snprintf(d->token, sizeof(d->token), "%s", request->token);
        snprintf(d->name, sizeof(d->name), "%s", request->id);
        snprintf(d->slice, sizeof(d->slice), "%s", slice ?: "");
        if (begin(d, &err) == 0) {
                d->next       = web->download;
                web->download = d;
                web->n_downloads++;
                return;
        }
        request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", err.text);
        download_unref(d);
}
