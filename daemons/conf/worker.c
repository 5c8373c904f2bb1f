/* SPDX-License-Identifier: Apache-2.0 */
/* What mars-worker can be told. */
#include "base/size.h"
#include "daemons/conf/keys.h"
#include "store/store.h"

#define AT(KIND, field) CONF_AT(ConfWorker, KIND, field)

enum { SECOND = 1000000, HOUR = 3600 }; /* in microseconds; in seconds */
enum { MAX_THREADS = 4096 }; /* more than any machine has CPUs: a slip of the finger */

static const ConfChoice hugepages_words[] = {
        { "try", STORE_PAGES_TRY }, { "on", STORE_PAGES_ON },  { "off", STORE_PAGES_OFF },
        { "yes", STORE_PAGES_ON },  { "no", STORE_PAGES_OFF }, {},
};

static const ConfKey keys[] = {
        CONF_KEY_HOST(ConfWorker),
        CONF_KEY_ADVERTISE(ConfWorker),
        CONF_KEY_ENDPOINT(ConfWorker),
        {
                .name   = "port",
                .letter = 'p',
                AT(PORT, port),
                .value  = "7105",
                .unset  = "none",
                .own    = true,
                .old    = "--ports",
                .env    = "MARS_BIND_PORT",
                .doc    = "Serve chunks at this TCP port. none: only at the unix socket.",
                .reason = "No service of the usual lists has it, and it is always the same, so that a firewall can be "
                          "told.",
        },
        {
                .name = "socket",
                AT(PATH, socket),
                .value  = "/run/mars/worker.sock",
                .unset  = "none",
                .own    = true,
                .doc    = "Serve chunks at this unix socket, to clients and workers of this machine, which map them "
                          "instead of copying. none: only at TCP.",
                .reason = "The kernel says who connects, and memory can be handed over.",
        },
        CONF_KEY_SCHEDULERS(ConfWorker),
        {
                .name = "name",
                AT(TEXT, name),
                .value  = "hostname",
                .unset  = "hostname",
                .own    = true,
                .doc    = "Appear under this name to people and in logs. hostname: that of the machine.",
                .reason = "One worker a machine is usual.",
        },
        CONF_KEY_KEY_FILE(ConfWorker),
        CONF_KEY_TOKEN_FILE(ConfWorker),
        CONF_KEY_METRICS(ConfWorker),
        CONF_KEY_PLAIN_HTTP(ConfWorker),
        {
                .group = "Work",
                .name  = "threads",
                AT(COUNT, threads),
                .value  = "auto",
                .unset  = "auto",
                .least  = 1,
                .most   = MAX_THREADS,
                .old    = "--cpu-procs --n-cpu -Dworker.cpu_process_count",
                .env    = "MARS_CPU_TOTAL",
                .doc    = "Compute this many tasks at a time. auto: one for each CPU that the process may use.",
                .reason = "A task keeps one CPU busy, and two on one CPU only take each other's cache.",
        },
        {
                .group = "Memory",
                .name  = "cache_mem",
                AT(SIZE, cache_mem),
                .share = true,
                .value = "50%",
                .old   = "-Dworker.cache_memory_limit",
                .env   = "MARS_CACHE_MEM_SIZE",
                .doc = "Keep so much of results in memory, shared with the processes that read them: bytes, or a share "
                       "of the memory that is free at the start.",
                .reason = "The other half is for tasks, and for the pages of files that others read.",
        },
        {
                .name = "share_memory",
                AT(FLAG, share_memory),
                .value  = "yes",
                .doc    = "Keep results in memory files, which processes of this machine and of the same user read "
                          "where they lie. no: in memory of its own, which is copied to them.",
                .reason = "What is not copied costs nothing.",
        },
        {
                .name = "phy_mem",
                AT(SIZE, phy_mem),
                .share = true,
                .value = "100%",
                .old   = "--mem-bytes",
                .env   = "MARS_MEMORY_TOTAL",
                .doc   = "Take no more than 90% of this as a whole, and start nothing new above 75%: bytes, or a share "
                         "of the machine's memory (or of what its control group allows).",
                .reason = "A machine that computes has nothing better to do with its memory.",
        },
        {
                .name = "hugepages",
                AT(CHOICE, hugepages),
                .choices = hugepages_words,
                .value   = "try",
                .doc     = "Use huge pages: try: reserved ones, then transparent ones, then small ones; on: reserved "
                           "ones or none; off: small ones.",
                .reason  = "They make memory several times faster to get, and there need not be any.",
        },
        {
                .name = "hugepage_size",
                AT(BYTES, hugepage_size),
                .value  = "auto",
                .unset  = "auto",
                .least  = 64 * KiB,
                .doc    = "Use reserved huge pages of this size, such as 2m or 1g. auto: the smallest that can be had.",
                .reason = "The smaller a page, the less of memory lies idle in half-used ones.",
        },
        {
                .group = "Disk",
                .name  = "spill_dirs",
                AT(PATHS, spill_dirs),
                .value = "/var/cache/mars/spill",
                .own   = true,
                .old   = "--spill-dir -Dworker.spill_directory",
                .env   = "MARS_SPILL_DIRS",
                .doc   = "Write chunks that memory has no room for to these directories, separated by colons: best one "
                         "on each disk.",
                .reason = "It is what the service manager makes, private, as the service's cache directory.",
        },
        {
                .name = "disk",
                AT(SIZE, disk),
                .value  = "all",
                .unset  = "all",
                .old    = "-Dworker.disk_limit",
                .doc    = "Let spilled chunks take so much in all directories together. all: as much as there is; 0: "
                          "nothing is spilled.",
                .reason = "Work that needs the disk would fail without it.",
        },
        {
                .group = "Time",
                .name  = "keep_for",
                AT(SECONDS, keep_for_usec),
                .value  = "3600",
                .least  = SECOND,
                .most   = 365 * 24 * (uint64_t) HOUR * SECOND,
                .doc    = "Keep results for so many seconds after the scheduler is gone, in case it comes back.",
                .reason = "What a scheduler asks for when it is back need not be computed again, and somebody may have "
                          "to repair a machine first.",
        },
        {
                .name = "drain",
                AT(SECONDS, drain_usec),
                .value  = "60",
                .unset  = "none",
                .least  = SECOND / 100,
                .most   = 24 * (uint64_t) HOUR * SECOND,
                .doc    = "When told to stop, give others so many seconds to take the results that are only here. "
                          "none: stop at once; what is lost is computed again when it is needed.",
                .reason = "To copy a result is cheaper than to compute it, and a shutdown should not take longer.",
        },
        {
                .name = "careful_for",
                AT(SECONDS, careful_usec),
                .value  = "60",
                .unset  = "none",
                .least  = SECOND,
                .most   = 24 * (uint64_t) HOUR * SECOND,
                .doc    = "When the kernel has killed the process for want of memory, compute half as many tasks at a "
                          "time for so many seconds, and let results have half of their memory: the others are written "
                          "to disk before. none: go on as before.",
                .reason = "The same tasks in the same memory would be killed again; after a minute they are done, or "
                          "who else took the memory is.",
        },
        CONF_KEY_LOG_LEVEL(ConfWorker),
};

static int finish(void *values, Arena *arena, Error *err) {
        ConfWorker *c = values;

        if (c->hugepage_size & (c->hugepage_size - 1))
                return error_set(err, ERROR_VALUE, "hugepage_size: is no power of two: give 2m or 1g, for instance");
        if (c->hugepage_size > 0 && c->hugepages == STORE_PAGES_OFF)
                return error_set(err, ERROR_VALUE,
                                 "hugepage_size, hugepages: a size of pages that are off: give "
                                 "hugepage_size = auto, or hugepages = try");
        if (!c->socket && !c->endpoint && c->port < 0)
                return error_set(err, ERROR_VALUE,
                                 "port, socket: both are none, so nobody could fetch a chunk: give one");
        return conf_finish_listen(c->host, c->advertise, c->endpoint, c->port, &c->listen, &c->announce, arena, err);
}

const ConfTable conf_worker = {
        .program    = "mars-worker",
        .section    = "worker",
        .summary    = "Computes tasks for a scheduler and keeps what they make, in memory and on disk.",
        .key        = keys,
        .n_keys     = ELEMENTSOF(keys),
        .size_bytes = sizeof(ConfWorker),
        .finish     = finish,
};
