/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to be seen. A topic is asked for in one or two rounds: the scheduler, and then workers, where the
 * scheduler has said they are; their answers are joined as texts, since all of it is JSON of our own daemons. An answer
 * serves all who want it then or within the pause that follows. The pause grows with what the answers of all topics
 * cost the scheduler, so that all pages together take at most a hundredth of its time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/vec.h"
#include "daemons/json.h"
#include "daemons/web/feed.h"
#include "daemons/web/timeline.h"

enum {
        PAUSE_USEC        = 500 * 1000,       /* between two questions of the same, at least, */
        PAUSE_MOST_USEC   = 30 * 1000 * 1000, /* and at most */
        COST_SHARE        = 100,              /* a hundredth of the scheduler's time is ours */
        KEEP_USEC         = 20 * 1000 * 1000, /* a topic that nobody has asked for since then is forgotten */
        MAX_TOPICS        = 512,
        MAX_TOPICS_OF_ONE = 256,      /* token */
        MAX_PARTS         = 33,       /* of one: the scheduler and so many workers */
        MAX_ANSWER        = 32 << 20, /* bytes of one joined answer */
};

typedef struct Part {
        struct Topic *topic;
        uint32_t worker; /* or SCHEDULER */
        int code;
        char *text; /* NULL: it is not answered yet */
} Part;

typedef struct Viewer {
        TopicSeen *seen;
        void *userdata;
        bool once;
} Viewer;

/* How a topic is asked for. */
typedef struct Kind {
        const char *name;   /* "workers/%u/history": %u is a number */
        const char *first;  /* the scheduler is asked; %llu is that number, where there is one */
        const char *second; /* then its worker is asked, or all of them; NULL: nobody */
        bool all;
        bool alone;                                           /* joined also when the scheduler does not answer */
        /* Or NULL: what the last round asks, from the arguments. */
        int (*ask)(const Topic *topic, uint32_t worker, char ret[static 256]);
        void (*join)(Topic *topic, FILE *f);
} Kind;

struct Topic {
        Feed *feed;
        Topic *next;
        const Kind *kind;
        char name[192]; /* with its arguments */
        uint64_t number;
        char token[TOKEN_MAX]; /* of those who see it, */
        bool user;             /* which is a user's: workers say nothing to him */
        Vec(Viewer) viewer;
        Part part[MAX_PARTS];
        uint32_t n_parts, n_waiting; /* of the round that is under way: answers that have not come */
        bool asking, second;
        uint64_t asked_usec, seen_usec, wanted_usec, cost_usec;
        Seen *seen;         /* NULL: nothing so far */
        Timeline *timeline; /* of one that is told as it goes on; or NULL */
};

uint64_t feed_clock(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

const char *topic_name(const Topic *topic) {
        return topic->name;
}

Seen *topic_keep(const Topic *topic) {
        return seen_ref(topic->seen);
}

/* ---- Joining ----------------------------------------------------------------------------------------------------- */

static void join_first(Topic *t, FILE *f) {
        fputs(t->part[0].text, f);
}

static void join_second(Topic *t, FILE *f) {
        fputs(t->part[1].text, f);
}

/* Fields of two objects are one object; the worker may not be there to say its own. */
static void join_worker(Topic *t, FILE *f) {
        static const char silent[] = "{\"said\": false, \"process\": null, \"transfer_bytes\": 0, \"heap_bytes\": 0, "
                                     "\"soft_limit_bytes\": 0, \"hard_limit_bytes\": 0, \"machine\": null, "
                                     "\"disk\": null, \"tasks\": [], \"peers\": []}";
        const char *own            = t->n_parts > 1 && t->part[1].code == 0 ? t->part[1].text : silent;

        fprintf(f, "%.*s, %s", (int) (strlen(t->part[0].text) - 1), t->part[0].text, own + 1);
}

static void put_list(FILE *f, const char *text, const char *name, bool *comma) {
        size_t n         = 0;
        const char *list = list_in(text, name, &n);

        if (n == 0)
                return;
        fprintf(f, "%s%.*s", *comma ? ", " : "", (int) n, list);
        *comma = true;
}

static void join_lists(const Topic *t, FILE *f, const char *name) {
        bool comma = false;

        for (uint32_t k = 1; k < t->n_parts; k++)
                if (t->part[k].code == 0)
                        put_list(f, t->part[k].text, name, &comma);
}

/* For whoever keeps looking. */
static void join_timeline_lately(Topic *t, FILE *f) {
        timeline_begin(t->timeline);
        for (uint32_t k = 1; k < t->n_parts; k++)
                if (t->part[k].code == 0 && timeline_add(t->timeline, t->part[k].worker, t->part[k].text) < 0)
                        web_log(t->feed->web, LOG_WARNING, "out of memory: the timeline lacks spans");
        timeline_end(t->timeline, real_clock(), number_in(t->part[0].text, "{\"workers\": "));
        timeline_print(t->timeline, f);
}

/* All that workers have. */
static void join_timeline(Topic *t, FILE *f) {
        unsigned long long n_dropped = 0;
        uint32_t n_shown             = 0;

        if (t->timeline) {
                join_timeline_lately(t, f);
                return;
        }
        fputs("{\"time\": ", f);
        json_time(f, real_clock());
        fputs(", \"lanes\": [", f);
        join_lists(t, f, "\"lanes\": [");
        fputs("], \"spans\": [", f);
        join_lists(t, f, "\"spans\": [");
        for (uint32_t k = 1; k < t->n_parts; k++) {
                n_shown += t->part[k].code == 0;
                n_dropped += t->part[k].code == 0 ? number_in(t->part[k].text, "], \"dropped\": ") : 0;
        }
        fprintf(f, "], \"workers\": %llu, \"workers_shown\": %u, \"dropped\": %llu}",
                number_in(t->part[0].text, "{\"workers\": "), n_shown, n_dropped);
}

/* The scheduler's ends with the list of configurations, to which ours is added. */
static void join_about(Topic *t, FILE *f) {
        const WebConfig *config  = &t->feed->web->config;
        static const char none[] = "{\"scheduler_version\": null, \"epoch\": null, \"protocol\": null, "
                                   "\"configurations\": []}";
        const char *text         = t->part[0].code == 0 ? t->part[0].text : none;
        const size_t n           = strlen(text) - strlen("]}");

        fprintf(f, "%.*s%s", (int) n, text, text[n - 1] == '[' ? "" : ", ");
        if (!config->print || config->print(config->print_userdata, f) < 0)
                fputs("{\"program\": \"mars-web\", \"values\": []}", f);
        fputs("], \"version\": \"" MARS_BUILD "\", \"api\": \"v1\", \"libmicrohttpd\": ", f);
        json_text(f, MHD_get_version());
        fputs(", \"scheduler\": ", f);
        json_text(f, config->scheduler[0]);
        fputc('}', f);
}

/* ---- Questions that have arguments -------------------------------------------------------------------------- */

const char *const topic_filters[TOPIC_FILTERS] = { "level", "session", "request", "worker", "since" };

bool topic_number_ok(const char *text, size_t n) {
        char copy[TOPIC_NUMBER_MAX + 1], *end;
        double x;

        if (n == 0 || n > TOPIC_NUMBER_MAX || strspn(text, "0123456789.") < n)
                return false;
        snprintf(copy, sizeof(copy), "%.*s", (int) n, text);
        x = strtod(copy, &end);
        return !*end && end != copy && x < 1e18;
}

/* "level=4&request=7", as in a stream's list of topics; nothing at all will do, too. */
static bool arguments_ok(const char *text) {
        while (*text) {
                const size_t n_name = strcspn(text, "="), n = strcspn(text, "&");
                size_t k = 0;

                while (k < TOPIC_FILTERS &&
                       (strlen(topic_filters[k]) != n_name || memcmp(topic_filters[k], text, n_name) != 0))
                        k++;
                if (k == TOPIC_FILTERS || n <= n_name || !topic_number_ok(text + n_name + 1, n - n_name - 1))
                        return false;
                text += n + (text[n] == '&');
        }
        return true;
}

/* The number behind NAME= in the topic's name; `unset` when it is not there. */
static double argument(const Topic *t, const char *name, double unset) {
        const char *query = strchr(t->name, '?');
        const size_t n    = strlen(name);

        for (const char *at = query; at; at = strchr(at + 1, '&'))
                if (strncmp(at + 1, name, n) == 0 && at[1 + n] == '=')
                        return strtod(at + n + 2, NULL);
        return unset;
}

static unsigned long long usec_argument(const Topic *t, const char *name) {
        const double seconds = argument(t, name, 0);

        return seconds > 0 && seconds < 1e11 ? (unsigned long long) (seconds * 1e6) : 0;
}

static LinesWanted lines_wanted(const Topic *t) {
        const double worker = argument(t, "worker", -1);

        return (LinesWanted) { .level      = (int) argument(t, "level", LOG_DEBUG),
                               .since_usec = usec_argument(t, "since"),
                               .about      = { .session   = (uint64_t) argument(t, "session", 0),
                                               .request   = (uint64_t) argument(t, "request", 0),
                                               .is_worker = worker >= 0,
                                               .worker    = worker >= 0 ? (uint32_t) worker : 0 } };
}

static int ask_log(const Topic *t, _unused_ uint32_t worker, char ret[static 256]) {
        const LinesWanted w = lines_wanted(t);

        return snprintf(ret, 256, "log %d %llu %llu %llu %u", w.level, (unsigned long long) w.since_usec,
                        (unsigned long long) w.about.session, (unsigned long long) w.about.request,
                        w.about.is_worker ? w.about.worker + 1 : 0);
}

static void join_logs(Topic *t, FILE *f) {
        const LinesWanted wanted = lines_wanted(t);
        char *own                = NULL;
        size_t n;
        FILE *lines = open_memstream(&own, &n);
        bool comma  = false;

        fputs("{\"lines\": [", f);
        put_list(f, t->part[0].text, "\"lines\": [", &comma);
        if (lines) {
                lines_print(t->feed->lines, "web", &wanted, lines);
                if (fclose(lines) == 0)
                        put_list(f, own, "\"lines\": [", &comma);
                free(own);
        }
        fprintf(f, "], \"dropped\": %llu}", number_in(t->part[0].text, "], \"dropped\": "));
}

static int ask_sessions_requests(const Topic *t, _unused_ uint32_t worker, char ret[static 256]) {
        return snprintf(ret, 256, "recent %.0f", argument(t, "session", 0));
}

static int ask_spans(const Topic *t, uint32_t worker, char ret[static 256]) {
        return snprintf(ret, 256, "spans %llu",
                        t->timeline ? (unsigned long long) timeline_since(t->timeline, worker)
                                    : usec_argument(t, "since"));
}

static int ask_worker_log(const Topic *t, _unused_ uint32_t worker, char ret[static 256]) {
        return snprintf(ret, 256, "log %.0f", argument(t, "level", LOG_DEBUG));
}

static const Kind kinds[] = {
        { .name = "overview", .first = "status", .join = join_first },
        { .name = "history", .first = "history", .join = join_first },
        { .name = "about", .first = "about", .alone = true, .join = join_about },
        { .name = "sessions", .first = "sessions", .join = join_first },
        { .name = "sessions/%u", .first = "session %llu", .join = join_first },
        { .name = "requests", .first = "recent", .ask = ask_sessions_requests, .join = join_first },
        { .name = "requests/%u", .first = "request %llu", .join = join_first },
        { .name = "requests/%u/graph", .first = "graph %llu", .join = join_first },
        { .name = "workers", .first = "workers", .join = join_first },
        { .name = "workers/%u", .first = "worker %llu", .second = "itself", .join = join_worker },
        { .name = "workers/%u/history", .first = "worker %llu", .second = "history", .join = join_second },
        { .name   = "workers/%u/log",
          .first  = "worker %llu",
          .second = "log",
          .ask    = ask_worker_log,
          .join   = join_second },
        { .name = "workers/%u/configuration", .first = "worker %llu", .second = "configuration", .join = join_second },
        { .name   = "timeline",
          .first  = "peers",
          .second = "spans",
          .all    = true,
          .ask    = ask_spans,
          .join   = join_timeline },
        { .name = "storage", .first = "tensors", .join = join_first },
        { .name = "logs", .first = "log", .ask = ask_log, .join = join_logs },
};

/* ---- Seeing ------------------------------------------------------------------------------------------------------ */

static const Seen no_memory = { .status = MHD_HTTP_SERVICE_UNAVAILABLE, .text = "out of memory" };

static void tell(Topic *t) {
        const Seen *seen = t->seen ?: &no_memory;

        for (uint32_t k = 0; k < t->viewer.n;) {
                const Viewer v = t->viewer.data[k];

                if (v.once) {
                        memmove(&t->viewer.data[k], &t->viewer.data[k + 1], (--t->viewer.n - k) * sizeof(v));
                        v.seen(v.userdata, seen);
                        continue;
                }
                v.seen(v.userdata, seen);
                k++;
        }
}

static void parts_clear(Topic *t) {
        for (uint32_t k = 0; k < t->n_parts; k++)
                free(t->part[k].text);
        t->n_parts = 0;
}

/* Takes the text. */
static void seen_now(Topic *t, unsigned status, char *text, size_t n) {
        seen_unref(t->seen);
        t->seen = seen_new(status, text, n);
}

/* Words take the place of the answer. */
static void seen_failure(Topic *t, unsigned status, const char *words) {
        char *text = strdup(words ?: "");

        seen_now(t, status, text, text ? strlen(text) : 0);
}

/* What changed since then costs nothing to know. */
static void know_changes(Topic *t, Seen *before) {
        char *text = NULL;
        size_t n;
        FILE *f = t->seen && before && before->status == MHD_HTTP_OK ? open_memstream(&text, &n) : NULL;

        if (!f)
                return;
        timeline_print_change(t->timeline, f);
        if (fclose(f) == 0)
                seen_know_changes(t->seen, before, text, n);
        else
                free(text);
}

static void finished(Topic *t) {
        char *text       = NULL;
        size_t n         = 0;
        FILE *f          = NULL;
        Seen *before     = seen_ref(t->seen);
        const Part *last = &t->part[t->n_parts - 1];

        t->asking    = false;
        t->seen_usec = feed_clock();
        if (t->part[0].code < 0 && !t->kind->alone)
                seen_failure(t, status_of(t->part[0].code), t->part[0].text);
        else if (t->kind->second && !t->kind->all && t->kind->join != join_worker && last->code < 0)
                seen_failure(t, MHD_HTTP_SERVICE_UNAVAILABLE, last->text);
        else {
                f = open_memstream(&text, &n);
                if (f)
                        t->kind->join(t, f);
                if (!f || fclose(f) != 0 || n > MAX_ANSWER) {
                        free(text);
                        seen_failure(t, MHD_HTTP_SERVICE_UNAVAILABLE, "the answer is too large");
                } else {
                        seen_now(t, MHD_HTTP_OK, text, n);
                        if (t->timeline)
                                know_changes(t, before);
                }
        }
        seen_unref(before);
        parts_clear(t);
        tell(t);
}

static void on_answer(void *userdata, int code, const char *text, uint64_t cost_usec);
static void answered(Topic *t);

static void question_of(const Topic *t, uint32_t worker, char ret[static 256]) {
        const Kind *kind = t->kind;
        const char *text = worker == SCHEDULER ? kind->first : kind->second, *hole = strstr(text, "%llu");

        if (kind->ask && (worker != SCHEDULER || !kind->second))
                kind->ask(t, worker, ret);
        else if (hole)
                snprintf(ret, 256, "%.*s%llu", (int) (hole - text), text, (unsigned long long) t->number);
        else
                snprintf(ret, 256, "%s", text);
}

/* The round begins; each part is answered, perhaps at once. */
static void round_begin(Topic *t, uint32_t first) {
        const uint32_t n = t->n_parts;
        char question[256];

        t->n_waiting = n - first + 1; /* and one of our own, so that it does not end before all are asked */
        for (uint32_t k = first; k < n; k++) {
                question_of(t, t->part[k].worker, question);
                upstream_say(t->feed, t->token, t->part[k].worker,
                             &(WireMessage) { WIRE_IS_ASK, .ask = { .what = question } }, on_answer, &t->part[k]);
        }
        answered(t);
}

static void second_begin(Topic *t) {
        uint32_t at = 0, worker;

        t->second = true;
        if (!t->kind->all)
                t->part[t->n_parts++] = (Part) { .topic = t, .worker = (uint32_t) t->number };
        while (t->kind->all && t->n_parts < MAX_PARTS && upstream_worker(t->feed, t->token, &at, &worker))
                if (argument(t, "worker", worker) == worker)
                        t->part[t->n_parts++] = (Part) { .topic = t, .worker = worker };
        round_begin(t, 1);
}

/* One part, or the last word of who began the round. */
static void answered(Topic *t) {
        if (--t->n_waiting > 0)
                return;
        if (!t->second && t->part[0].code == 0 && t->kind->second && !t->user)
                second_begin(t);
        else
                finished(t);
}

static void on_answer(void *userdata, int code, const char *text, uint64_t cost_usec) {
        Part *part = userdata;

        part->code = code;
        part->text = strdup(text ?: "");
        if (!part->text)
                part->code = -ENOMEM;
        if (part->worker == SCHEDULER)
                part->topic->cost_usec = cost_usec;
        answered(part->topic);
}

static void ask(Topic *t) {
        t->asking     = true;
        t->second     = false;
        t->asked_usec = feed_clock();
        t->part[0]    = (Part) { .topic = t, .worker = SCHEDULER };
        t->n_parts    = 1;
        round_begin(t, 0);
}

/* ---- Who looks --------------------------------------------------------------------------------------------------- */

/* Until it may be asked for again. Of the share that all have together each takes as the root of what it costs: then
 * answers are the least old on the whole, and one that costs much is not asked for so seldom because others cost
 * nothing. */
static uint64_t pause_usec(const Topic *t) {
        double roots = 0, pause;

        for (const Topic *other = t->feed->topic; other; other = other->next)
                if (other->viewer.n > 0 || other == t)
                        roots += sqrt((double) other->cost_usec);
        pause = COST_SHARE * sqrt((double) t->cost_usec) * roots;
        return MIN(MAX((uint64_t) PAUSE_USEC, (uint64_t) pause), (uint64_t) PAUSE_MOST_USEC);
}

static bool is_due(const Topic *t, uint64_t now_usec) {
        return !t->asking && now_usec - t->asked_usec >= pause_usec(t);
}

void topic_see(Topic *t, TopicSeen *seen, void *userdata) {
        t->wanted_usec = feed_clock();
        if (!t->asking && !is_due(t, t->wanted_usec)) {
                seen(userdata, t->seen ?: &no_memory);
                return;
        }
        if (vec_push(&t->viewer, (Viewer) { .seen = seen, .userdata = userdata, .once = true }) < 0)
                seen(userdata, &no_memory);
        else if (!t->asking)
                ask(t);
}

int topic_follow(Topic *t, TopicSeen *seen, void *userdata) {
        if (vec_push(&t->viewer, (Viewer) { .seen = seen, .userdata = userdata }) < 0)
                return -ENOMEM;
        t->wanted_usec = feed_clock();
        if (t->seen)
                seen(userdata, t->seen);
        if (is_due(t, t->wanted_usec))
                ask(t);
        return 0;
}

void topic_leave(Topic *t, void *userdata) {
        for (uint32_t k = 0; k < t->viewer.n; k++)
                if (t->viewer.data[k].userdata == userdata) {
                        memmove(&t->viewer.data[k], &t->viewer.data[k + 1], (--t->viewer.n - k) * sizeof(Viewer));
                        return;
                }
}

static Topic *topic_free(Topic *t) {
        parts_clear(t);
        vec_free(&t->viewer);
        seen_unref(t->seen);
        timeline_free(t->timeline);
        explicit_bzero(t->token, sizeof(t->token));
        free(t);
        return NULL;
}

/* "workers/%u/log" fits "workers/17/log", with the number. */
static bool name_fits(const char *pattern, const char *name, size_t n_name, uint64_t *ret_number) {
        const char *hole  = strstr(pattern, "%u");
        const size_t n    = hole ? (size_t) (hole - pattern) : strlen(pattern);
        const char *after = hole ? hole + 2 : "";
        char *end         = (char *) (uintptr_t) name + n;

        if (n_name < n || memcmp(pattern, name, n) != 0)
                return false;
        if (hole) {
                const size_t n_digits = strspn(name + n, "0123456789");

                if (n_digits == 0 || n_digits > 18)
                        return false;
                *ret_number = strtoull(name + n, &end, 10);
        }
        return (size_t) (end - name) + strlen(after) == n_name && memcmp(end, after, strlen(after)) == 0;
}

/* What is not for users by the table of routes is not for them as a topic. */
static bool is_for(const char *name, size_t n_name, const char *user) {
        char path[sizeof(((Topic *) 0)->name) + sizeof("/api/v1/")], id[ROUTE_IDS][ROUTE_ID_MAX], allow[ALLOW_MAX];
        const Route *route;

        snprintf(path, sizeof(path), "/api/v1/%.*s", (int) n_name, name);
        route = route_find("GET", path, id, allow);
        return route && route_is_for(route, user);
}

Topic *topic_find(const Request *request, const char *name, Error *err) {
        const size_t n_name = strcspn(name, "?");
        Feed *feed          = request->web->feed;
        uint64_t number     = 0;
        uint32_t n_own      = 0;
        size_t k            = 0;
        Topic *t;

        for (t = feed->topic; t; t = t->next) {
                const bool own = strcmp(t->token, request->token) == 0;

                if (own && strcmp(t->name, name) == 0)
                        return t;
                n_own += own;
        }
        while (k < ELEMENTSOF(kinds) && !name_fits(kinds[k].name, name, n_name, &number))
                k++;
        if (k == ELEMENTSOF(kinds) || strlen(name) >= sizeof(t->name)) {
                error_set(err, -ENOENT, "there is no topic '%.100s'", name);
                return NULL;
        }
        if (!arguments_ok(name + n_name + (name[n_name] == '?'))) {
                error_set(err, ERROR_VALUE, "of '%.100s' numbers can be asked that are not negative", name);
                return NULL;
        }
        if (!is_for(name, n_name, request->user)) {
                error_set(err, -EACCES, "this is for the administrator, who has the token of the cluster");
                return NULL;
        }
        if (feed->n_topics >= MAX_TOPICS || n_own >= MAX_TOPICS_OF_ONE) {
                error_set(err, -EBUSY, "%u things are looked at already", n_own);
                return NULL;
        }
        t = calloc(1, sizeof(*t));
        if (!t) {
                error_oom(err, sizeof(*t));
                return NULL;
        }
        *t = (Topic) {
                .feed = feed, .next = feed->topic, .kind = &kinds[k], .number = number, .user = request->user[0]
        };
        if (kinds[k].join == join_timeline && !strstr(name, "since=") && !(t->timeline = timeline_new())) {
                error_oom(err, sizeof(*t));
                return topic_free(t);
        }
        snprintf(t->name, sizeof(t->name), "%s", name);
        snprintf(t->token, sizeof(t->token), "%s", request->token);
        feed->topic = t;
        feed->n_topics++;
        feed_wake(feed);
        return t;
}

void topics_stale(Feed *feed) {
        for (Topic *t = feed->topic; t; t = t->next)
                t->asked_usec = 0;
}

/* ---- Time -------------------------------------------------------------------------------------------------------- */

void topics_tick(Feed *feed, uint64_t now_usec) {
        for (Topic **at = &feed->topic; *at;) {
                Topic *t = *at;

                if (t->viewer.n == 0 && !t->asking && now_usec - t->wanted_usec > KEEP_USEC) {
                        *at = t->next;
                        feed->n_topics--;
                        topic_free(t);
                        continue;
                }
                at = &t->next;
        }
        for (Topic *t = feed->topic; t; t = t->next)
                if (t->viewer.n > 0 && is_due(t, now_usec)) {
                        t->wanted_usec = now_usec;
                        ask(t);
                }
}

void topics_free(Feed *feed) {
        while (feed->topic) {
                Topic *t = feed->topic;

                feed->topic = t->next;
                topic_free(t);
        }
        feed->n_topics = 0;
}
