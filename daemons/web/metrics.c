/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: figures of the scheduler, of every worker and of mars-web itself, in the text form of Prometheus. Each is a
 * row: which field of which answer. docs/METRICS.md has the same names. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemons/web/api.h"
#include "daemons/web/feed.h"

typedef struct Metric {
        const char *name, *field;
        bool counter;
        const char *help;
} Metric;

static const Metric of_cluster[] = {
        { "mars_scheduler_uptime_seconds", "seconds", false, "Since the scheduler began." },
        { "mars_workers", "workers", false, "Workers that are there." },
        { "mars_workers_away", "workers_away", false, "Workers of which the link is gone, and which may come back." },
        { "mars_workers_draining", "workers_draining", false, "Workers that are to be empty." },
        { "mars_threads", "threads", false, "Threads of all workers." },
        { "mars_sessions", "sessions", false, "Sessions." },
        { "mars_requests", "requests", false, "Requests under way." },
        { "mars_tensors", "tensors", false, "Tensors that somebody holds." },
        { "mars_plans", "plans", false, "Plans under way." },
        { "mars_tasks_waiting", "tasks_waiting", false, "Tasks of requests under way that no worker has yet." },
        { "mars_tasks_given", "tasks_given", false, "Tasks that workers have, and that are not done." },
        { "mars_tasks_done_total", "tasks_done", true, "Tasks that are done." },
        { "mars_tasks_remade_total", "tasks_remade", true, "Of these, that ran again: what they had made was lost." },
        { "mars_scheduler_state_bytes", "state_bytes", false, "What the scheduler keeps of tasks and chunks." },
};

static const Metric of_worker[] = {
        { "mars_worker_threads", "threads", false, "Threads that compute." },
        { "mars_worker_tasks_running", "running", false, "Tasks that run." },
        { "mars_worker_tasks_done_total", "tasks_done", true, "Tasks that are done." },
        { "mars_worker_chunks", "chunks", false, "Chunks that it has in memory." },
        { "mars_worker_cache_limit_bytes", "cache_bytes", false, "The limit of chunks in memory." },
        { "mars_worker_memory_limit_bytes", "memory_bytes", false, "The limit of chunks and scratch." },
        { "mars_worker_chunk_bytes", "used_bytes", false, "Chunks in memory." },
        { "mars_worker_pinned_bytes", "pinned_bytes", false, "Of these, being read or written." },
        { "mars_worker_scratch_bytes", "scratch_bytes", false, "Memory of tasks besides chunks." },
        { "mars_worker_resident_bytes", "resident_bytes", false, "Resident memory of the process." },
        { "mars_worker_spilled_bytes", "spilled_bytes", false, "Chunks on disk alone." },
        { "mars_worker_cpu_seconds_total", "cpu_seconds", true, "Processor time of the process." },
        { "mars_worker_received_bytes_total", "received_bytes", true, "Chunks that came from workers and clients." },
        { "mars_worker_sent_bytes_total", "sent_bytes", true, "Chunks that went to workers and clients." },
        { "mars_worker_disk_read_bytes_total", "disk_read_bytes", true, "Chunks that were read back from disk." },
        { "mars_worker_disk_written_bytes_total", "disk_written_bytes", true, "Chunks that were written to disk." },
        { "mars_worker_heard_seconds", "heard_seconds", false, "Since the scheduler has heard of it." },
};

/* Of one who asks: the answers that have come. */
typedef struct Scrape {
        Request *request;
        struct json_object *overview;
} Scrape;

static void put_head(FILE *f, const Metric *m) {
        fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->counter ? "counter" : "gauge");
}

static void put_number(FILE *f, struct json_object *object, const char *name) {
        fprintf(f, " %.15g\n", json_object_get_double(json_object_object_get(object, name)));
}

/* In quotes. Names are whatever people give. */
static void put_label(FILE *f, const char *text) {
        fputc('"', f);
        for (; *text; text++)
                if (*text == '"' || *text == '\\')
                        fprintf(f, "\\%c", *text);
                else
                        fputc(*text == '\n' ? ' ' : *text, f);
        fputc('"', f);
}

static void put_cluster(FILE *f, struct json_object *overview) {
        for (size_t k = 0; k < ELEMENTSOF(of_cluster); k++) {
                put_head(f, &of_cluster[k]);
                fputs(of_cluster[k].name, f);
                put_number(f, overview, of_cluster[k].field);
        }
}

/* A metric of one worker, with the labels that all of them have, which stay open. */
static void put_worker(FILE *f, const Metric *m, struct json_object *worker) {
        fprintf(f, "%s{worker=\"%d\",name=", m->name, json_object_get_int(json_object_object_get(worker, "worker")));
        put_label(f, json_object_get_string(json_object_object_get(worker, "name")));
}

static void put_workers(FILE *f, struct json_object *workers) {
        static const Metric pages = { "mars_worker_pages_info", "pages", false,
                                      "1; which pages it uses, and what to set for better ones." };
        const size_t n = json_object_array_length(workers);

        for (size_t k = 0; k < ELEMENTSOF(of_worker); k++) {
                put_head(f, &of_worker[k]);
                for (size_t w = 0; w < n; w++) {
                        struct json_object *worker = json_object_array_get_idx(workers, w);

                        put_worker(f, &of_worker[k], worker);
                        fputc('}', f);
                        put_number(f, worker, of_worker[k].field);
                }
        }
        put_head(f, &pages);
        for (size_t w = 0; w < n; w++) {
                struct json_object *worker = json_object_array_get_idx(workers, w);

                put_worker(f, &pages, worker);
                fputs(",pages=", f);
                put_label(f, json_object_get_string(json_object_object_get(worker, pages.field)));
                fputs("} 1\n", f);
        }
}

static void put_web(FILE *f, const Web *web) {
        const struct {
                Metric metric;
                uint64_t value;
        } rows[] = {
                { { "mars_web_connections", NULL, false, "Connections of mars-web." }, web->n_connections },
                { { "mars_web_guests", NULL, false, "Of these, without a credential so far." }, web->n_guests },
                { { "mars_web_streams", NULL, false, "Pages that hear what changes." }, web->feed->n_streams },
                { { "mars_web_questions_total", NULL, true, "What mars-web has asked daemons." }, web->feed->n_asked },
                { { "mars_web_questions_failed_total", NULL, true, "Of these, that were not answered." },
                  web->feed->n_failed },
        };

        for (size_t k = 0; k < ELEMENTSOF(rows); k++) {
                put_head(f, &rows[k].metric);
                fprintf(f, "%s %llu\n", rows[k].metric.name, (unsigned long long) rows[k].value);
        }
}

static void answer(Scrape *s, struct json_object *workers) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        if (f) {
                put_cluster(f, s->overview);
                put_workers(f, workers);
                put_web(f, s->request->web);
        }
        if (f && fclose(f) == 0)
                request_answer(s->request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, n);
        else
                request_refuse(s->request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        free(text);
}

static struct json_object *parsed(Request *request, const Seen *seen) {
        struct json_object *object = seen->status == MHD_HTTP_OK ? json_tokener_parse(seen->text) : NULL;

        if (!object)
                request_refuse(request, seen->status == MHD_HTTP_OK ? MHD_HTTP_SERVICE_UNAVAILABLE : seen->status, "%s",
                               seen->text ?: "");
        return object;
}

static void on_workers(void *userdata, const Seen *seen) {
        Scrape *s                   = userdata;
        struct json_object *workers = parsed(s->request, seen);

        if (workers)
                answer(s, workers);
        json_object_put(workers);
        json_object_put(s->overview);
        free(s);
}

static void on_overview(void *userdata, const Seen *seen) {
        Scrape *s    = userdata;
        Error err    = {};
        Topic *topic = NULL;

        s->overview = parsed(s->request, seen);
        if (s->overview) {
                topic = topic_find(s->request->web->feed, "workers", &err);
                if (!topic)
                        request_refuse(s->request, status_of(err.code), "%s", err.text);
        }
        if (topic) {
                topic_see(topic, s->request->token, on_workers, s);
                return;
        }
        json_object_put(s->overview);
        free(s);
}

void api_metrics(Request *request) {
        Scrape *s    = calloc(1, sizeof(*s));
        Error err    = {};
        Topic *topic = topic_find(request->web->feed, "overview", &err);

        if (!s || !topic) {
                free(s);
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", topic ? "out of memory" : err.text);
                return;
        }
        s->request = request;
        topic_see(topic, request->token, on_overview, s);
}
