/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler answers, for people. */
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "daemons/ctl/ctl.h"

enum { REFRESH_USEC = 1000 * 1000 }; /* of top */

static const Column status_lines[] = {
        { "version", CELL_TEXT, "version", NULL },
        { "running for", CELL_SECONDS, "seconds", NULL },
        { "workers", CELL_COUNT, "workers", NULL },
        { "threads busy", CELL_OF, "running", "threads" },
        { "sessions", CELL_COUNT, "sessions", NULL },
        { "requests under way", CELL_COUNT, "requests", NULL },
        { "tasks done", CELL_COUNT, "tasks_done", NULL },
        { "tensors held", CELL_COUNT, "tensors", NULL },
        { "cache used", CELL_BYTES_OF, "used_bytes", "cache_bytes" },
        { "spilled to disk", CELL_BYTES, "spilled_bytes", NULL },
        { "scheduler's own state", CELL_BYTES, "state_bytes", NULL },
};

static const Column worker_columns[] = {
        { "WORKER", CELL_COUNT, "worker", NULL },
        { "NAME", CELL_TEXT, "name", NULL },
        { "STATE", CELL_TEXT, "state", NULL },
        { "ADDRESS", CELL_TEXT, "address", NULL },
        { "RUNNING", CELL_OF, "running", "threads" },
        { "CACHE", CELL_BYTES_OF, "used_bytes", "cache_bytes" },
        { "SCRATCH", CELL_BYTES, "scratch_bytes", NULL },
        { "SPILLED", CELL_BYTES, "spilled_bytes", NULL },
        { "CHUNKS", CELL_COUNT, "chunks", NULL },
        { "TASKS DONE", CELL_COUNT, "tasks_done", NULL },
        { "PAGES", CELL_HEAD, "pages", NULL },
};

static const Column session_columns[] = {
        { "SESSION", CELL_COUNT, "session", NULL },   { "NAME", CELL_TEXT, "name", NULL },
        { "FROM", CELL_TEXT, "from", NULL },          { "REQUESTS", CELL_COUNT, "running", NULL },
        { "FINISHED", CELL_COUNT, "finished", NULL }, { "TENSORS", CELL_COUNT, "tensors", NULL },
};

static const Column request_columns[] = {
        { "REQUEST", CELL_COUNT, "request", NULL },
        { "SESSION", CELL_COUNT, "session", NULL },
        { "NAME", CELL_TEXT, "name", NULL },
        { "FROM", CELL_TEXT, "from", NULL },
        { "TASKS DONE", CELL_OF, "tasks_done", "tasks" },
        { "SINCE", CELL_SECONDS, "seconds", NULL },
};

static const Column task_columns[] = {
        { "TASK", CELL_PART, "request", "task" }, { "STATE", CELL_TEXT, "state", NULL },
        { "WORKER", CELL_COUNT, "worker", NULL }, { "INPUTS", CELL_OF, "inputs_made", "inputs" },
        { "MAKES", CELL_TEXT, "makes", NULL },
};

typedef struct Table {
        const char *what; /* is asked */
        const Column *column;
        uint32_t n_columns;
        const char *none;
} Table;

static const Table workers  = { "workers", worker_columns, ELEMENTSOF(worker_columns), "no workers" };
static const Table sessions = { "sessions", session_columns, ELEMENTSOF(session_columns), "no sessions" };
static const Table requests = { "requests", request_columns, ELEMENTSOF(request_columns), "no requests under way" };
static const Table tasks    = { "tasks", task_columns, ELEMENTSOF(task_columns), "no task of it is left" };

static int put_table(const Ctl *ctl, const Table *table, const char *answer, FILE *out, Error *err) {
        struct json_object *rows;
        int r;

        if (ctl->json) {
                fprintf(out, "%s\n", answer);
                return 0;
        }
        r = ctl_parse(&rows, answer, err);
        if (r < 0)
                return r;
        if (json_object_is_type(rows, json_type_array))
                r = ctl_table(out, table->column, table->n_columns, rows, table->none);
        else
                r = error_set(err, ERROR_CORRUPT, "what the scheduler answers is no list of %s", table->what);
        json_object_put(rows);
        return r == ERROR_MEMORY ? error_oom(err, strlen(answer)) : r;
}

static int show_table(Ctl *ctl, const Table *table, FILE *out, Error *err) {
        const char *answer;
        int r = ctl_ask(ctl, table->what, &answer, err);

        return r < 0 ? r : put_table(ctl, table, answer, out, err);
}

int ctl_status(Ctl *ctl, _unused_ const char *argument, FILE *out, Error *err) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        struct json_object *status;
        const char *answer;
        int r = arena ? ctl_ask(ctl, "status", &answer, err) : error_oom(err, sizeof(Column));

        if (r < 0)
                return r;
        if (ctl->json) {
                fprintf(out, "%s\n", answer);
                return 0;
        }
        r = ctl_parse(&status, answer, err);
        if (r < 0)
                return r;
        fprintf(out, "%-23s%s\n", "scheduler", ctl->address);
        for (size_t k = 0; k < ELEMENTSOF(status_lines); k++)
                fprintf(out, "%-23s%s\n", status_lines[k].title, cell_text(arena, &status_lines[k], status) ?: "-");
        json_object_put(status);
        return 0;
}

int ctl_workers(Ctl *ctl, _unused_ const char *argument, FILE *out, Error *err) {
        return show_table(ctl, &workers, out, err);
}

int ctl_sessions(Ctl *ctl, _unused_ const char *argument, FILE *out, Error *err) {
        return show_table(ctl, &sessions, out, err);
}

int ctl_top(Ctl *ctl, _unused_ const char *argument, FILE *out, Error *err) {
        static const Table *const tables[] = { &workers, &requests };
        const bool screen                  = isatty(fileno(out));
        int r                              = ctl_catch_stop(ctl, err);

        while (r == 0) {
                char *text = NULL;
                size_t n   = 0;
                FILE *page = open_memstream(&text, &n); /* whole, so that a screen does not flicker */

                if (!page)
                        return error_oom(err, sizeof(*page));
                r = ctl_status(ctl, NULL, page, err);
                for (size_t k = 0; k < ELEMENTSOF(tables) && r == 0; k++) {
                        if (!ctl->json)
                                fputc('\n', page);
                        r = show_table(ctl, tables[k], page, err);
                }
                if (fclose(page) != 0 && r == 0)
                        r = error_oom(err, n);
                if (r == 0)
                        fprintf(out, "%s%s%s", screen ? "\033[H\033[J" : "", text, screen || ctl->json ? "" : "\n");
                free(text);
                if (r == 0 && fflush(out) != 0)
                        return error_prefix(err, -errno, "output");
                if (r == 0)
                        r = ctl_pause(ctl, REFRESH_USEC, err);
        }
        return ctl->stop ? 0 : r;
}

/* 0, or CTL_USAGE with words. */
static int request_parse(const char *text, unsigned long long *ret, Error *err) {
        if (ctl_number(&text, ret) && !*text)
                return 0;
        error_set(err, ERROR_VALUE, "'%s' is no number of a request: marsctl tasks shows them", text);
        return CTL_USAGE;
}

int ctl_tasks(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        unsigned long long request;
        const char *answer;
        char question[64];
        int r = 0;

        if (!argument)
                return show_table(ctl, &requests, out, err);
        r = request_parse(argument, &request, err);
        if (r != 0)
                return r;
        snprintf(question, sizeof(question), "%s %llu", tasks.what, request);
        r = ctl_ask(ctl, question, &answer, err);
        if (r == 0 && strcmp(answer, "null") == 0)
                r = error_set(err, -ENOENT, "no request %llu is under way", request);
        return r < 0 ? r : put_table(ctl, &tasks, answer, out, err);
}

int ctl_cancel_request(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        unsigned long long request;
        int r = request_parse(argument, &request, err);

        if (r == 0)
                r = ctl_cancel(ctl, request, err);
        if (r == 0)
                fprintf(out, ctl->json ? "{\"canceled\": %llu}\n" : "request %llu is canceled\n", request);
        return r;
}

/* 0, or CTL_USAGE with words. */
static int worker_parse(const char *text, uint32_t *ret, Error *err) {
        char *end;
        unsigned long worker;

        errno  = 0;
        worker = strtoul(text, &end, 10);
        if (errno == 0 && end != text && !*end && text[0] != '-' && worker < MAX_WORKERS) {
                *ret = (uint32_t) worker;
                return 0;
        }
        error_set(err, ERROR_VALUE, "'%s' is no number of a worker: marsctl workers shows them", text);
        return CTL_USAGE;
}

static int drain(Ctl *ctl, const char *argument, WireDrain how, const char *words, FILE *out, Error *err) {
        uint32_t worker = 0;
        int r           = worker_parse(argument, &worker, err);

        if (r == 0)
                r = ctl_drain(ctl, worker, how, err);
        if (r == 0 && ctl->json)
                fprintf(out, "{\"worker\": %u}\n", worker);
        else if (r == 0)
                fprintf(out, "worker %u %s\n", worker, words);
        return r;
}

int ctl_drain_worker(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        return drain(ctl, argument, DRAIN_STAY, "is given no more tasks, and its chunks go to others", out, err);
}

int ctl_undrain_worker(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        return drain(ctl, argument, DRAIN_OFF, "is given tasks again", out, err);
}

int ctl_retire_worker(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        return drain(ctl, argument, DRAIN_RETIRE, "ends when its chunks are with others", out, err);
}
