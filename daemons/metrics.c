/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "daemons/metrics.h"

/* Which field of an answer it is. One that no answer has is left out: some know more than others. */
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
        { "mars_tasks_tried_twice_total", "tasks_tried_twice", true,
          "Tasks that a second worker tried, too, since the first one was late." },
        { "mars_chunks_compared_total", "chunks_compared", true, "Chunks that two workers had made, and compared." },
        { "mars_chunks_differed_total", "chunks_differed", true,
          "Of these, that were not the same: never, or something is wrong." },
        { "mars_scheduler_answer_seconds_total", "answer_seconds", true,
          "Processor time of the scheduler for what people and pages ask." },
        { "mars_scheduler_state_bytes", "state_bytes", false, "What the scheduler keeps of tasks and chunks." },
};

static const Metric of_worker[] = {
        { "mars_worker_threads", "threads", false, "Threads that compute." },
        { "mars_worker_threads_allowed", "threads_allowed", false,
          "Of these, that get tasks: fewer for a while after the kernel has killed the process for want of memory." },
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
        { "mars_worker_joined", "joined", false, "1: it has a scheduler; 0: it waits for one." },
        { "mars_worker_transfer_bytes", "transfer_bytes", false, "Chunks that come or go." },
        { "mars_worker_heap_bytes", "heap_bytes", false, "Memory of the process besides chunks and scratch." },
};

static const Metric of_process[] = {
        { "process_cpu_seconds_total", "", true, "Processor time of the daemon that answers." },
        { "process_resident_memory_bytes", "", false, "Its resident memory." },
        { "process_open_fds", "", false, "Descriptors that it has open." },
        { "process_max_fds", "", false, "Descriptors that it may have open." },
        { "process_start_time_seconds", "", false, "When it started, in seconds since 1970." },
};

static void put_head(FILE *f, const char *name, bool counter, const char *help) {
        fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, counter ? "counter" : "gauge");
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

int metrics_cluster(FILE *f, const char *overview) {
        struct json_object *object = json_tokener_parse(overview), *value;

        if (!object)
                return ERROR_CORRUPT;
        for (size_t k = 0; k < ELEMENTSOF(of_cluster); k++) {
                const Metric *m = &of_cluster[k];

                if (!json_object_object_get_ex(object, m->field, &value))
                        continue;
                put_head(f, m->name, m->counter, m->help);
                fprintf(f, "%s %.15g\n", m->name, json_object_get_double(value));
        }
        json_object_put(object);
        return 0;
}

/* A metric of one worker, with the labels that all of them have, which stay open. */
static void put_worker(FILE *f, const char *name, struct json_object *worker) {
        fprintf(f, "%s{worker=\"%d\",name=", name, json_object_get_int(json_object_object_get(worker, "worker")));
        put_label(f, json_object_get_string(json_object_object_get(worker, "name")) ?: "");
}

static void put_of_workers(FILE *f, const Metric *m, struct json_object *workers) {
        const size_t n = json_object_array_length(workers);
        struct json_object *value;
        bool any = false;

        for (size_t w = 0; w < n; w++) {
                struct json_object *worker = json_object_array_get_idx(workers, w);

                if (!json_object_object_get_ex(worker, m->field, &value))
                        continue;
                if (!any)
                        put_head(f, m->name, m->counter, m->help);
                any = true;
                put_worker(f, m->name, worker);
                fprintf(f, "} %.15g\n", json_object_get_double(value));
        }
}

static void put_pages(FILE *f, struct json_object *workers) {
        static const char name[] = "mars_worker_pages_info";
        const size_t n           = json_object_array_length(workers);

        put_head(f, name, false, "1; which pages it uses, and what to set for better ones.");
        for (size_t w = 0; w < n; w++) {
                struct json_object *worker = json_object_array_get_idx(workers, w);

                put_worker(f, name, worker);
                fputs(",pages=", f);
                put_label(f, json_object_get_string(json_object_object_get(worker, "pages")) ?: "");
                fputs("} 1\n", f);
        }
}

int metrics_workers(FILE *f, const char *text) {
        struct json_object *workers = json_tokener_parse(text);
        const bool is_list          = json_object_is_type(workers, json_type_array);

        for (size_t k = 0; k < ELEMENTSOF(of_worker) && is_list; k++)
                put_of_workers(f, &of_worker[k], workers);
        if (is_list)
                put_pages(f, workers);
        json_object_put(workers);
        return is_list ? 0 : ERROR_CORRUPT;
}

void metrics_own(FILE *f, const MetricsOwn *row, size_t n) {
        for (size_t k = 0; k < n; k++) {
                put_head(f, row[k].name, row[k].counter, row[k].help);
                fprintf(f, "%s %llu\n", row[k].name, (unsigned long long) row[k].value);
        }
}

/* ---- The process ------------------------------------------------------------------------------------------------- */

static double seconds(clockid_t clock) {
        struct timespec t = {};

        clock_gettime(clock, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* Of /proc/self/stat and …/statm: what is behind so many blanks; of the former behind the name, which may have any. */
static double proc_field(const char *path, bool behind_name, unsigned n_blanks) {
        char text[1024], *at = text;
        FILE *f  = fopen(path, "re");
        size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

        text[n] = 0;
        if (f)
                fclose(f);
        if (behind_name)
                at = strrchr(text, ')');
        for (unsigned k = 0; at && k < n_blanks; k++)
                at = strchr(at + (k > 0), ' ');
        return at ? strtod(at, NULL) : 0;
}

static double open_descriptors(void) {
        DIR *folder = opendir("/proc/self/fd");
        double n    = -3; /* ".", ".." and its own */

        while (folder && readdir(folder))
                n++;
        if (folder)
                closedir(folder);
        return MAX(n, 0);
}

void metrics_process(FILE *f) {
        enum { RESIDENT = 1, STARTED = 20 }; /* blanks before them: proc(5) */
        struct rusage usage   = {};
        struct rlimit limit   = {};
        const double up_since = proc_field("/proc/self/stat", true, STARTED) / (double) sysconf(_SC_CLK_TCK);

        getrusage(RUSAGE_SELF, &usage);
        getrlimit(RLIMIT_NOFILE, &limit);
        const double value[] = {
                (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
                proc_field("/proc/self/statm", false, RESIDENT) * (double) sysconf(_SC_PAGESIZE),
                open_descriptors(),
                (double) limit.rlim_cur,
                seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + up_since,
        };
        for (size_t k = 0; k < ELEMENTSOF(of_process); k++) {
                put_head(f, of_process[k].name, of_process[k].counter, of_process[k].help);
                fprintf(f, "%s %.15g\n", of_process[k].name, value[k]);
        }
}
