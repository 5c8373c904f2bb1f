/* SPDX-License-Identifier: Apache-2.0 */
/* Why nothing comes of a request, or of one of its tasks. What holds a task up is known to the scheduler until it gives
 * the task to a worker, and to that worker from then on, so both are asked. */
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "base/size.h"
#include "daemons/ctl/ctl.h"

enum { TITLE = 16 }; /* columns */

static const Column why_lines[] = {
        { "next task", CELL_TEXT, "task", NULL },
        { "tasks done", CELL_OF, "tasks_done", "tasks" },
        { "with workers", CELL_COUNT, "tasks_given", NULL },
        { "requests ahead", CELL_COUNT, "requests_ahead", NULL },
};

typedef struct Words {
        const char *key, *words;
} Words;

static const Words why_words[] = {
        { "given", "a worker has it: marsctl tasks REQUEST and marsctl why TASK tell what it does there" },
        { "full", "all workers have as many tasks as they are given at a time" },
        { "no workers", "no worker is given anything: marsctl workers shows which there are, and their states" },
        { "lost", "inputs were lost with their workers, and are being made again" },
        { "ending", "the request has failed or was canceled, and its tasks are ending" },
        {},
};

/* Of states that the scheduler alone knows of. */
static const Words task_words[] = {
        { "done", "nothing: it is done" },
        { "ending", "nothing: its request has failed or was canceled" },
        { "no workers", "a worker that is given tasks: marsctl workers shows which there are, and their states" },
        { "lost", "inputs that were lost with their worker, and are being made again" },
        { "next", "its turn: its inputs are there, and all workers have as many tasks as they are given at a time" },
        {},
};

static const char *words_find(const Words *words, const char *key) {
        while (words->key && strcmp(words->key, key) != 0)
                words++;
        return words->words;
}

bool ctl_number(const char **at, unsigned long long *ret) {
        char *end;

        errno = 0;
        *ret  = strtoull(*at, &end, 10);
        if (errno != 0 || **at < '0' || **at > '9')
                return false;
        *at = end;
        return true;
}

static const char *text_of(Arena *arena, struct json_object *row, const char *key) {
        return cell_text(arena, &(Column) { .key = key }, row) ?: "-";
}

static void put_line(FILE *out, const char *title, const char *text) {
        fprintf(out, "%-*s%s\n", TITLE, title, text ?: "-");
}

static bool is_true(struct json_object *row, const char *key) {
        return json_object_get_boolean(json_object_object_get(row, key));
}

/* ---- A request -------------------------------------------------------------------------------------------------- */

static void put_request(FILE *out, Arena *arena, struct json_object *why) {
        const char *reason = text_of(arena, why, "reason");

        for (size_t k = 0; k < ELEMENTSOF(why_lines); k++)
                put_line(out, why_lines[k].title, cell_text(arena, &why_lines[k], why));
        put_line(out, "because", words_find(why_words, reason));
        if (strcmp(reason, "given") == 0)
                put_line(out, "worker",
                         arena_printf(arena, "%s, which runs %s now%s", text_of(arena, why, "worker"),
                                      text_of(arena, why, "running"), is_true(why, "late") ? ", and is late" : ""));
        if (json_object_get_type(json_object_object_get(why, "tried_by")) == json_type_int)
                put_line(out, "tried, too, by",
                         arena_printf(arena, "%s, which was late", text_of(arena, why, "tried_by")));
}

/* ---- A task ----------------------------------------------------------------------------------------------------- */

/* Of the clock on the wall. */
static const char *time_text(Arena *arena, struct json_object *row, const char *key) {
        struct json_object *value = NULL;
        struct tm tm;
        time_t t;

        json_object_object_get_ex(row, key, &value);
        t = (time_t) json_object_get_double(value);
        return localtime_r(&t, &tm) ? arena_printf(arena, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec) : "-";
}

/* "17.4 (sum: chunk (3, 1))" */
static const char *task_name(Arena *arena, struct json_object *task) {
        return arena_printf(arena, "%s.%s (%s)", text_of(arena, task, "request"), text_of(arena, task, "task"),
                            text_of(arena, task, "makes"));
}

/* What the worker says that has it. */
static const char *there_words(Arena *arena, const char *worker, struct json_object *there) {
        const char *state = text_of(arena, there, "state"), *from = text_of(arena, there, "from"),
                   *missing      = text_of(arena, there, "missing");
        const Column short_bytes = { .kind = CELL_BYTES, .key = "short_bytes" };

        if (strcmp(state, "runs") == 0 && strcmp(text_of(arena, there, "seconds"), "-") == 0)
                return arena_printf(arena,
                                    "other tasks: thread %s of worker %s has taken several, and runs another one",
                                    text_of(arena, there, "thread"), worker);
        if (strcmp(state, "runs") == 0)
                return arena_printf(arena, "nothing: it runs on worker %s, thread %s, for %s, since %s", worker,
                                    text_of(arena, there, "thread"),
                                    cell_text(arena, &(Column) { .kind = CELL_SECONDS, .key = "seconds" }, there),
                                    time_text(arena, there, "since"));
        if (strcmp(state, "input") == 0 && strcmp(from, "-") == 0)
                return arena_printf(arena, "%s of its inputs, which worker %s makes before it", missing, worker);
        if (strcmp(state, "input") == 0)
                return arena_printf(arena, "%s of its inputs on worker %s; one %s worker %s", missing, worker,
                                    strcmp(text_of(arena, there, "on_its_way"), "true") == 0
                                            ? "is on its way from"
                                            : "is to come when there is room, from",
                                    from);
        if (strcmp(state, "memory") == 0)
                return arena_printf(arena, "memory on worker %s: %s more for it, or for a task before it", worker,
                                    cell_text(arena, &short_bytes, there));
        if (strcmp(state, "disk") == 0)
                return arena_printf(arena, "%s of its inputs, which worker %s reads from its disk", missing, worker);
        if (strcmp(state, "thread") == 0)
                return arena_printf(arena, "a thread of worker %s: all are busy", worker);
        return arena_printf(arena, "nothing: worker %s has just done it, or has not heard of it yet", worker);
}

static const char *waits_for(Arena *arena, struct json_object *task, struct json_object *there, const char *failure) {
        const char *state = text_of(arena, task, "state"), *worker = text_of(arena, task, "worker");
        struct json_object *maker = NULL;

        if (there)
                return there_words(arena, worker, there);
        if (strcmp(state, "given") == 0)
                return arena_printf(arena, "worker %s, which has it and cannot be asked: %s", worker, failure);
        if (strcmp(state, "queued") == 0)
                return arena_printf(arena, "worker %s, which has its inputs, and other tasks before it", worker);
        if (strcmp(state, "input") == 0 && json_object_object_get_ex(task, "maker", &maker))
                return arena_printf(arena, "what task %s makes", task_name(arena, maker));
        return words_find(task_words, state);
}

/* `there`: what the worker says that has it, or NULL. */
static void put_task(FILE *out, Arena *arena, struct json_object *task, struct json_object *there,
                     const char *failure) {
        put_line(out, "task", task_name(arena, task));
        put_line(out, "inputs made",
                 cell_text(arena, &(Column) { .kind = CELL_OF, .key = "inputs_made", .of = "inputs" }, task));
        put_line(out, "waits for", waits_for(arena, task, there, failure));
}

/* Who has the task knows more. *ret_there is NULL where nobody has, or he cannot be asked. */
static int ask_there(Ctl *ctl, Arena *arena, struct json_object *task, struct json_object **ret_there, Error *err) {
        const char *answer = NULL;
        int r;

        *ret_there = NULL;
        if (strcmp(text_of(arena, task, "state"), "given") != 0)
                return 0;
        r = ctl_visit(ctl, err);
        if (r == 0)
                r = ctl_ask(
                        ctl,
                        arena_printf(arena, "task %s %s", text_of(arena, task, "plan"), text_of(arena, task, "number")),
                        &answer, err);
        return r < 0 || !answer ? r : ctl_parse(ret_there, answer, err);
}

static int why_task(Ctl *ctl, Arena *arena, const char *answer, FILE *out, Error *err) {
        struct json_object *task, *there = NULL;
        Error failure    = {};
        const char *text = arena_printf(arena, "%.*s", (int) strlen(answer) - 1, answer); /* without the last brace */
        int r            = text ? ctl_parse(&task, answer, err) : error_oom(err, strlen(answer));

        if (r < 0)
                return r;
        ask_there(ctl, arena, task, &there, &failure);
        if (ctl->json)
                fprintf(out, "%s, \"there\": %s}\n", text, there ? ctl->answer : "null");
        else
                put_task(out, arena, task, there, failure.text);
        json_object_put(there);
        json_object_put(task);
        return 0;
}

/* ---- The command ------------------------------------------------------------------------------------------------ */

int ctl_why(Ctl *ctl, const char *argument, FILE *out, Error *err) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const char *at                      = argument, *answer;
        unsigned long long request, task = 0;
        struct json_object *why;
        bool is_task = false;
        int r        = arena ? 0 : error_oom(err, sizeof(*why_lines));

        if (r < 0)
                return r;
        if (ctl_number(&at, &request) && *at == '.') {
                at++;
                is_task = ctl_number(&at, &task);
        }
        if (*at || at == argument || at[-1] == '.') {
                error_set(err, ERROR_VALUE,
                          "'%s' is no number of a request, and no task: marsctl tasks shows requests, marsctl tasks "
                          "REQUEST its tasks",
                          argument);
                return CTL_USAGE;
        }
        r = ctl_ask(ctl,
                    is_task ? arena_printf(arena, "task %llu %llu", request, task)
                            : arena_printf(arena, "why %llu", request),
                    &answer, err);
        if (r == 0 && strcmp(answer, "null") == 0)
                r = is_task ? error_set(err, -ENOENT,
                                        "no task %llu.%llu is known: no such request is under way, or it has less",
                                        request, task)
                            : error_set(err, -ENOENT, "no request %llu is under way", request);
        if (r < 0)
                return r;
        if (is_task)
                return why_task(ctl, arena, answer, out, err);
        if (ctl->json) {
                fprintf(out, "%s\n", answer);
                return 0;
        }
        r = ctl_parse(&why, answer, err);
        if (r < 0)
                return r;
        put_request(out, arena, why);
        json_object_put(why);
        return 0;
}
