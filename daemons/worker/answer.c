/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask a worker about itself, answered in JSON as docs/openapi.json says. The scheduler knows only what a
 * STATUS has, so that a thousand workers cost it next to nothing; the rest is asked here, by whoever looks at this
 * worker. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/json.h"
#include "daemons/worker/worker.h"

enum {
        LANES_A_WORKER  = 1 << 13, /* lanes have numbers of their own in a cluster: more than a worker has threads */
        MAX_SPANS_SHOWN = 20000,   /* 3 MB, of all lanes, */
        OWN_LANES       = 2,       /* of which those that are not the engine's are receive and send */
        MAX_PEERS_SHOWN = 256,
};

/* ---- Figures ---------------------------------------------------------------------------------------------------- */

enum { MACHINE_CPU = 2 };

static const PastColumn columns[] = {
        { .name = "cpu_user", .count = true, .unit = 1e6 },
        { .name = "cpu_system", .count = true, .unit = 1e6 },
        [MACHINE_CPU] = { .name = "machine_cpu", .count = true, .unit = 1e6 },
        { .name = "machine_iowait", .count = true, .unit = 1e6 },
        { .name = "running" },
        { .name = "tasks", .count = true },
        { .name = "pinned_bytes" },
        { .name = "idle_bytes" },
        { .name = "transfer_bytes" },
        { .name = "scratch_bytes" },
        { .name = "heap_bytes" },
        { .name = "free_bytes" },
        { .name = "spilled_bytes" },
        { .name = "received_bytes", .count = true },
        { .name = "sent_bytes", .count = true },
        { .name = "disk_read_bytes", .count = true },
        { .name = "disk_written_bytes", .count = true },
};

/* The number behind a word at the beginning of a line of a file of /proc; 0: there is none. */
static uint64_t proc_number(const char *text, const char *word) {
        const size_t n = strlen(word);

        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, word, n) == 0)
                        return strtoull(line + n, NULL, 10);
        return 0;
}

static void proc_read(const char *path, char *ret, size_t size_bytes) {
        FILE *f  = fopen(path, "re");
        size_t n = f ? fread(ret, 1, size_bytes - 1, f) : 0;

        ret[n] = 0;
        if (f)
                fclose(f);
}

/* Of all processors of the machine, so far. */
static void machine_cpu(uint64_t *ret_busy_usec, uint64_t *ret_iowait_usec) {
        const double usec = 1e6 / (double) sysconf(_SC_CLK_TCK);
        uint64_t ticks[8] = {}; /* user, nice, system, idle, iowait, irq, softirq, steal */
        uint64_t busy     = 0;
        char text[512], *at = text + strlen("cpu");

        proc_read("/proc/stat", text, sizeof(text));
        for (size_t k = 0; k < ELEMENTSOF(ticks) && strncmp(text, "cpu ", 4) == 0; k++) {
                ticks[k] = strtoull(at, &at, 10);
                busy += k == 3 || k == 4 ? 0 : ticks[k];
        }
        *ret_busy_usec   = (uint64_t) ((double) busy * usec);
        *ret_iowait_usec = (uint64_t) ((double) ticks[4] * usec);
}

static uint64_t usec_of(const struct timeval *t) {
        return (uint64_t) t->tv_sec * 1000000 + (uint64_t) t->tv_usec;
}

static uint64_t transfer_bytes(const Worker *w) {
        uint64_t bytes = 0;

        for (uint32_t k = 0; k < w->arriving.capacity; k++) {
                const Arriving *a = (Arriving *) (uintptr_t) w->arriving.entry[k].value;

                bytes += a && a->data ? a->size_bytes : 0;
        }
        for (uint32_t k = 0; k < w->serving.capacity; k++) {
                const Serving *s = (Serving *) (uintptr_t) w->serving.entry[k].value;

                bytes += s && !s->lent ? s->size_bytes : 0;
        }
        return bytes;
}

void worker_figures(Worker *w, WorkerFigures *ret) {
        struct rusage usage = {};
        uint64_t resident;

        *ret = (WorkerFigures) {};
        engine_stats(w->engine, &ret->stats);
        getrusage(RUSAGE_SELF, &usage);
        ret->user_usec   = usec_of(&usage.ru_utime);
        ret->system_usec = usec_of(&usage.ru_stime);
        /* Reserved huge pages are not resident by the kernel's count. */
        resident            = budget_process_bytes() + ret->stats.store.rung_bytes[STORE_HUGETLB];
        ret->resident_bytes = resident;
        ret->heap_bytes     = resident - MIN(resident, ret->stats.store.arena_bytes);
        ret->transfer_bytes = transfer_bytes(w);
        ret->n_running      = engine_n_running(w->engine);
}

void worker_status(const Worker *w, const WorkerFigures *f, Wire_status *ret) {
        const EngineStats *s = &f->stats;

        *ret = (Wire_status) { .used_bytes         = s->chunk_bytes,
                               .scratch_bytes      = s->scratch_bytes,
                               .away_bytes         = s->away_bytes,
                               .n_chunks           = s->store.n_chunks,
                               .n_done             = s->n_tasks_done,
                               .n_running          = f->n_running,
                               .pages              = s->pages_text,
                               .pinned_bytes       = MIN(s->store.pinned_bytes, s->chunk_bytes),
                               .resident_bytes     = f->resident_bytes,
                               .cpu_usec           = f->user_usec + f->system_usec,
                               .received_bytes     = w->received_bytes,
                               .sent_bytes         = w->sent_bytes,
                               .disk_read_bytes    = s->disk_read_bytes,
                               .disk_written_bytes = s->disk_written_bytes };
}

void worker_past_add(Worker *w, const WorkerFigures *f) {
        const EngineStats *s  = &f->stats;
        const uint64_t pinned = MIN(s->store.pinned_bytes, s->chunk_bytes);
        const uint64_t used = s->chunk_bytes + s->scratch_bytes, limit = engine_memory_bytes(w->engine);
        uint64_t machine_usec, iowait_usec;

        machine_cpu(&machine_usec, &iowait_usec);
        past_add(w->past, real_clock(),
                 (const uint64_t[ELEMENTSOF(columns)]) {
                         f->user_usec, f->system_usec, machine_usec, iowait_usec, f->n_running, s->n_tasks_done, pinned,
                         s->chunk_bytes - MIN(s->chunk_bytes, pinned + f->transfer_bytes), f->transfer_bytes,
                         s->scratch_bytes, f->heap_bytes, limit - MIN(limit, used), s->away_bytes, w->received_bytes,
                         w->sent_bytes, s->disk_read_bytes, s->disk_written_bytes });
}

Past *worker_past_new(void) {
        return past_new(columns, ELEMENTSOF(columns));
}

/* ---- The worker itself ------------------------------------------------------------------------------------------ */

static void put_machine(const Worker *w, FILE *f) {
        char meminfo[8192], load[64];
        SystemMemory memory;
        uint64_t page_bytes;

        system_memory(&memory, "");
        proc_read("/proc/meminfo", meminfo, sizeof(meminfo));
        proc_read("/proc/loadavg", load, sizeof(load));
        page_bytes = proc_number(meminfo, "Hugepagesize:") * 1024;
        fprintf(f,
                "{\"cpus\": %ld, \"cpu\": %.3f, \"load\": %.2f, \"memory_bytes\": %llu, \"available_bytes\": %llu, "
                "\"huge_page_bytes\": %llu, \"huge_pages\": %llu, \"huge_pages_free\": %llu}",
                sysconf(_SC_NPROCESSORS_ONLN), past_last(w->past, MACHINE_CPU), strtod(load, NULL),
                (unsigned long long) memory.total_bytes, (unsigned long long) memory.available_bytes,
                (unsigned long long) page_bytes, (unsigned long long) proc_number(meminfo, "HugePages_Total:"),
                (unsigned long long) proc_number(meminfo, "HugePages_Free:"));
}

static void put_disk(const Worker *w, const EngineStats *s, FILE *f) {
        static const char *const codecs[] = {
                [SPILL_PLAIN] = "none", [SPILL_LZ4] = "lz4", [SPILL_ZSTD] = "zstd", [SPILL_AUTO] = "auto"
        };
        EngineDisk disk;

        fputs("{\"engine\": ", f);
        json_text(f, s->disk_text);
        fprintf(f, ", \"codec\": \"%s\"", codecs[w->config.engine.spill_codec]);
        fprintf(f,
                ", \"queue\": %llu, \"spilled\": %llu, \"evicted\": %llu, \"returned\": %llu, \"buffer_bytes\": %llu, "
                "\"file_bytes\": %llu, \"dirs\": [",
                (unsigned long long) s->n_disk_busy, (unsigned long long) s->n_spilled,
                (unsigned long long) s->n_evicted, (unsigned long long) s->n_returned,
                (unsigned long long) s->buffer_bytes, (unsigned long long) s->file_bytes);
        for (uint32_t k = 0; engine_disk(w->engine, k, &disk); k++) {
                fprintf(f, "%s{\"path\": ", k > 0 ? ", " : "");
                json_text(f, disk.path);
                fprintf(f, ", \"used_bytes\": %llu, \"free_bytes\": %llu, \"state\": \"%s\"}",
                        (unsigned long long) disk.used_bytes, (unsigned long long) disk.free_bytes,
                        disk.failed ? "failed"
                        : disk.full ? "full"
                                    : "works");
        }
        fputs("]}", f);
}

static int by_since(const void *a, const void *b) {
        const EngineDoing *one = a, *other = b;

        return (one->since_usec > other->since_usec) - (one->since_usec < other->since_usec);
}

static int put_doing(const Worker *w, uint32_t n_threads, FILE *f) {
        _cleanup_(freep) EngineDoing *doing = calloc(n_threads + 1, sizeof(*doing));
        const uint64_t now                  = worker_clock();
        uint32_t n                          = 0;

        if (!doing)
                return -ENOMEM;
        for (uint32_t k = 0; k < n_threads; k++)
                n += engine_doing(w->engine, k, &doing[n]);
        qsort(doing, n, sizeof(*doing), by_since);
        for (uint32_t k = 0; k < n; k++) {
                fprintf(f, "%s{\"thread\": %u, \"label\": ", k > 0 ? ", " : "", doing[k].thread);
                json_text(f, doing[k].label);
                fprintf(f, ", \"plan\": %llu, \"task\": %u, \"seconds\": %.6f}", (unsigned long long) doing[k].plan,
                        doing[k].task, (double) (now - MIN(now, doing[k].since_usec)) / 1e6);
        }
        return 0;
}

static void put_peers(const Worker *w, FILE *f) {
        uint32_t n = 0;

        for (const Mate *mate = w->first_mate; mate && n < MAX_PEERS_SHOWN; mate = mate->next) {
                LinkPeer peer = {};

                if (mate->kind == MATE_NEW || !mate->link)
                        continue;
                fprintf(f, "%s{\"worker\": ", n++ > 0 ? ", " : "");
                if (mate->kind == MATE_SERVES)
                        fprintf(f, "%u", mate->number);
                else
                        fputs("null", f);
                fputs(", \"name\": ", f);
                json_text(f, mate->name);
                fputs(", \"address\": ", f);
                json_text(f, mate->address ?: link_peer(mate->link, &peer) == 0 ? peer.text : "");
                fprintf(f, ", \"received_bytes\": %llu, \"sent_bytes\": %llu, \"lent_bytes\": %llu}",
                        (unsigned long long) mate->received_bytes, (unsigned long long) mate->sent_bytes,
                        (unsigned long long) mate->lent_bytes);
        }
}

static int put_itself(Worker *w, FILE *f) {
        WorkerFigures figures;
        int r;

        worker_figures(w, &figures);
        fprintf(f,
                "{\"said\": true, \"process\": %d, \"transfer_bytes\": %llu, \"heap_bytes\": %llu, "
                "\"soft_limit_bytes\": %llu, \"hard_limit_bytes\": %llu, \"machine\": ",
                getpid(), (unsigned long long) figures.transfer_bytes, (unsigned long long) figures.heap_bytes,
                (unsigned long long) figures.stats.soft_bytes, (unsigned long long) figures.stats.hard_bytes);
        put_machine(w, f);
        fputs(", \"disk\": ", f);
        put_disk(w, &figures.stats, f);
        fputs(", \"tasks\": [", f);
        r = put_doing(w, figures.stats.n_threads, f);
        fputs("], \"peers\": [", f);
        put_peers(w, f);
        fputs("]}", f);
        return r;
}

static void put_figures(Worker *w, FILE *f) {
        WorkerFigures figures;
        Wire_status status;

        worker_figures(w, &figures);
        worker_status(w, &figures, &status);
        fprintf(f, "{\"worker\": %u, \"name\": ", w->number);
        json_text(f, w->config.name);
        fprintf(f,
                ", \"joined\": %d, \"threads\": %u, \"threads_allowed\": %u, \"cache_bytes\": %llu, "
                "\"memory_bytes\": %llu, \"transfer_bytes\": %llu, \"heap_bytes\": %llu, ",
                w->welcome, figures.stats.n_threads, w->n_allowed ?: figures.stats.n_threads,
                (unsigned long long) figures.stats.cache_bytes, (unsigned long long) engine_memory_bytes(w->engine),
                (unsigned long long) figures.transfer_bytes, (unsigned long long) figures.heap_bytes);
        json_status(f, &status, status.pages);
        fputc('}', f);
}

/* What a task does that the scheduler has given to us; "gone": it is done, or was taken back. */
static void put_task(const Worker *w, uint64_t plan, uint32_t task, FILE *f) {
        static const char *const states[] = { [WORK_NEEDS_INPUT]  = "input",
                                              [WORK_NEEDS_MEMORY] = "memory",
                                              [WORK_NEEDS_DISK]   = "disk",
                                              [WORK_NEEDS_THREAD] = "thread",
                                              [WORK_RUNS]         = "runs" };
        const uint64_t now                = worker_clock();
        EngineWhy why                     = { .work.from = WORKER_NONE };
        const bool is = engine_why(w->engine, plan, task, &why), runs = is && why.work.state == WORK_RUNS;

        fprintf(f, "{\"state\": \"%s\", \"missing\": %u, \"short_bytes\": %zu, \"from\": ",
                is ? states[why.work.state] : "gone", why.work.n_missing, why.work.short_bytes);
        if (why.work.from != WORKER_NONE)
                fprintf(f, "%u", why.work.from);
        else
                fputs("null", f);
        fprintf(f, ", \"on_its_way\": %s", why.work.on_its_way ? "true" : "false");
        if (runs)
                fprintf(f, ", \"thread\": %u", why.thread);
        else
                fputs(", \"thread\": null", f);
        if (runs && why.since_usec > 0) {
                fprintf(f, ", \"seconds\": %.6f, \"since\": ", (double) (now - MIN(now, why.since_usec)) / 1e6);
                json_time(f, real_clock() - (now - MIN(now, why.since_usec)));
        } else
                fputs(", \"seconds\": null, \"since\": null", f);
        fputc('}', f);
}

/* ---- The timeline ----------------------------------------------------------------------------------------------- */

typedef struct Lanes {
        Worker *w;
        uint64_t since_usec;     /* of CLOCK_MONOTONIC */
        uint64_t real_less_usec; /* real time is that much later */
        Span *span;              /* [SPANS_A_LANE] */
        uint32_t n_shown, n_dropped;
        FILE *f;
} Lanes;

static void put_span(Lanes *l, uint32_t lane, uint64_t number, const Span *span, const char *kind) {
        fprintf(l->f, "%s{\"lane\": %u, \"number\": %llu, \"start\": ", l->n_shown++ > 0 ? ", " : "", lane,
                (unsigned long long) number);
        json_time(l->f, span->start_usec + l->real_less_usec);
        fprintf(l->f, ", \"seconds\": %.6f, \"kind\": \"%s\", \"label\": ", (double) span->usec / 1e6, kind);
        json_text(l->f, span->label);
        if (span->plan != 0)
                fprintf(l->f, ", \"plan\": %llu", (unsigned long long) span->plan);
        else
                fputs(", \"plan\": null", l->f);
        fprintf(l->f, ", \"n\": %u, \"bytes\": %llu}", span->n, (unsigned long long) span->bytes);
}

static const char *lane_kind(const Worker *w, uint32_t at, uint32_t *ret_number) {
        const uint32_t n_threads = engine_n_lanes(w->engine) - ENGINE_LANES;

        *ret_number = at < n_threads ? at : 0;
        return at < n_threads                        ? "thread"
               : at == n_threads + ENGINE_LANE_READ  ? "read"
               : at == n_threads + ENGINE_LANE_WRITE ? "write"
               : at == n_threads + ENGINE_LANES      ? "receive"
                                                     : "send";
}

static void put_lane(Lanes *l, uint32_t at) {
        const Worker *w        = l->w;
        const uint32_t n_lanes = engine_n_lanes(w->engine), lane = w->number * LANES_A_WORKER + at;
        const uint32_t share = MAX_SPANS_SHOWN / (n_lanes + OWN_LANES);
        const SpanLane *own = at == n_lanes ? &w->receive : at > n_lanes ? &w->send : NULL;
        uint32_t number, n = 0;
        uint64_t end     = own ? own->n : 0; /* spans have numbers below that */
        const char *kind = lane_kind(w, at, &number);
        bool dropped     = false;
        const Span *span;

        if (own) {
                dropped = span_dropped(own, l->since_usec);
                for (uint64_t k = 0; (span = span_next(own, l->since_usec, &k));)
                        l->span[n++] = *span;
        } else
                n = engine_lane(w->engine, at, l->since_usec, l->span, &end, &dropped);
        l->n_dropped += dropped + (n > share ? n - share : 0);
        for (uint32_t k = n > share ? n - share : 0; k < n; k++)
                put_span(l, lane, end - n + k, &l->span[k], strcmp(kind, "thread") == 0 ? "compute" : kind);
}

static int put_spans(Worker *w, uint64_t since_usec, FILE *f) {
        _cleanup_(freep) Span *span = calloc(SPANS_A_LANE + 1, sizeof(*span));
        const uint64_t now = worker_clock(), real = real_clock();
        const uint32_t n = engine_n_lanes(w->engine) + OWN_LANES;
        Lanes l          = { .w              = w,
                             .since_usec     = since_usec - MIN(since_usec, real - now),
                             .real_less_usec = real - now,
                             .span           = span,
                             .f              = f };

        if (!span)
                return -ENOMEM;
        fputs("{\"time\": ", f);
        json_time(f, real);
        fputs(", \"lanes\": [", f);
        for (uint32_t at = 0; at < n; at++) {
                uint32_t number;
                const char *kind = lane_kind(w, at, &number);

                fprintf(f, "%s{\"lane\": %u, \"worker\": %u, \"worker_name\": ", at > 0 ? ", " : "",
                        w->number * LANES_A_WORKER + at, w->number);
                json_text(f, w->config.name);
                fprintf(f, ", \"kind\": \"%s\", \"number\": %u}", kind, number);
        }
        fputs("], \"spans\": [", f);
        for (uint32_t at = 0; at < n; at++)
                put_lane(&l, at);
        fprintf(f, "], \"dropped\": %u}", l.n_dropped);
        return 0;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

int worker_answer(Worker *w, const char *what, char **ret, Error *err) {
        _cleanup_(freep) char *text = NULL;
        unsigned long long number   = 0, plan;
        char source[32];
        uint32_t task;
        size_t n_bytes;
        FILE *f = open_memstream(&text, &n_bytes);
        int r   = 0;

        if (!f)
                return error_oom(err, sizeof(*f));
        snprintf(source, sizeof(source), "worker:%u", w->number);
        if (strcmp(what, "itself") == 0)
                r = put_itself(w, f);
        else if (strcmp(what, "figures") == 0)
                put_figures(w, f);
        else if (strcmp(what, "history") == 0)
                past_print(w->past, f);
        else if (strcmp(what, "configuration") == 0 && w->config.print)
                r = w->config.print(w->config.print_userdata, f);
        else if (sscanf(what, "log %llu", &number) == 1)
                lines_print(w->lines, source, &(LinesWanted) { .level = (int) MIN(number, (unsigned) LOG_DEBUG) }, f);
        else if (sscanf(what, "task %llu %u", &plan, &task) == 2)
                put_task(w, plan, task, f);
        else if (sscanf(what, "spans %llu", &number) == 1)
                r = put_spans(w, number, f);
        else
                r = error_set(err, ERROR_VALUE, "nothing is known of this");
        if (fclose(f) != 0 || r == -ENOMEM)
                return error_oom(err, n_bytes);
        if (r == 0)
                *ret = TAKE_PTR(text);
        return r;
}
