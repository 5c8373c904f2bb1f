/* SPDX-License-Identifier: Apache-2.0 */
/* A control group limits all that is below it, so the own one and every one above it that can be seen is asked. Which
 * directory the own one is, is in two files: /proc/self/cgroup names it within its hierarchy, and mountinfo says
 * where the hierarchy is mounted, and from which of its directories on; in a container these are not the same.
 *
 * Memory of a group that is only the cache of inactive files counts as available: the kernel takes it first. */
#include <stdio.h>
#include <string.h>

#include "base/system.h"

enum { PATH_BYTES = 4096 };

typedef struct Hierarchy {
        const char *type;         /* of its file system in mountinfo */
        const char *option;       /* that its super block has, where one type has many hierarchies */
        const char *limits[2];    /* files in a group's directory, one number each */
        const char *usage;
        const char *reclaimable;  /* fields of memory.stat */
        const char *limit_above;  /* of groups that cannot be seen */
        const char *killed;       /* file with a field `oom_kill` */
} Hierarchy;

static const Hierarchy v2 = {
        .type        = "cgroup2",
        .limits      = { "memory.max", "memory.high" }, /* beyond `high` a process is throttled to a stand-still */
        .usage       = "memory.current",
        .reclaimable = "inactive_file",
        .killed      = "memory.events",
};

static const Hierarchy v1 = {
        .type        = "cgroup",
        .option      = "memory",
        .limits      = { "memory.limit_in_bytes" },
        .usage       = "memory.usage_in_bytes",
        .reclaimable = "total_inactive_file",
        .limit_above = "hierarchical_memory_limit",
        .killed      = "memory.oom_control",
};

static void filep(FILE **file) {
        if (*file)
                fclose(*file);
}

static FILE *file_in(const char *root, const char *directory, const char *name) {
        char path[2 * PATH_BYTES];

        if (snprintf(path, sizeof(path), "%s%s/%s", root, directory, name) >= (int) sizeof(path))
                return NULL;
        return fopen(path, "re");
}

/* The number after the field's name; a file of one number has a field without a name. */
static bool read_field(const char *root, const char *directory, const char *name, const char *field, uint64_t *ret) {
        _cleanup_(filep) FILE *file = file_in(root, directory, name);
        size_t n                    = strlen(field);
        char line[256];

        while (file && fgets(line, sizeof(line), file)) {
                unsigned long long value;

                if (strncmp(line, field, n) == 0 && sscanf(line + n, "%*1[: ]%llu", &value) == 1) {
                        *ret = value;
                        return true;
                }
                if (n == 0 && sscanf(line, "%llu", &value) == 1) { /* but "max" */
                        *ret = value;
                        return true;
                }
        }
        return false;
}

/* The group's path within the hierarchy, of a process in /proc: "0::/a/b" of v2, "4:memory,…:/a/b" of v1. */
static bool read_group(const char *root, const char *process, const Hierarchy *h, char path[static PATH_BYTES]) {
        _cleanup_(filep) FILE *file = file_in(root, process, "cgroup");
        char line[PATH_BYTES + 64];

        while (file && fgets(line, sizeof(line), file)) {
                char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
                bool ours         = false;

                if (!group)
                        continue;
                *group++ = '\0';
                group[strcspn(group, "\n")] = '\0';
                controllers++;
                if (!h->option)
                        ours = strcmp(controllers, "") == 0;
                else
                        for (char *save, *c = strtok_r(controllers, ",", &save); c; c = strtok_r(NULL, ",", &save))
                                ours |= strcmp(c, h->option) == 0;
                if (ours && snprintf(path, PATH_BYTES, "%s", group) < PATH_BYTES)
                        return true;
        }
        return false;
}

/* mountinfo writes blanks, tabs, line ends and backslashes as three octal digits. */
static void unescape(char *text) {
        char *to = text;

        for (const char *at = text; *at; to++) {
                unsigned c;

                if (*at == '\\' && sscanf(at + 1, "%3o", &c) == 1) {
                        *to = (char) c;
                        at += 4;
                } else
                        *to = *at++;
        }
        *to = '\0';
}

static bool has_option(char *options, const char *wanted) {
        for (char *save, *o = strtok_r(options, ",\n", &save); o; o = strtok_r(NULL, ",\n", &save))
                if (strcmp(o, wanted) == 0)
                        return true;
        return false;
}

/* Where the hierarchy is mounted, and which of its directories that is: "/" but in containers. */
static bool read_mount(const char *root, const Hierarchy *h, char top[static PATH_BYTES], char at[static PATH_BYTES]) {
        _cleanup_(filep) FILE *file   = file_in(root, "/proc/self", "mountinfo");
        _cleanup_(freep) char *line   = NULL;
        size_t capacity               = 0;

        while (file && getline(&line, &capacity, file) > 0) {
                char *rest = strstr(line, " - "), *save, *type, *options;

                if (!rest)
                        continue;
                type = strtok_r(rest + 3, " ", &save);
                strtok_r(NULL, " ", &save); /* the source */
                options = strtok_r(NULL, " ", &save);
                if (!type || strcmp(type, h->type) != 0 || (h->option && (!options || !has_option(options, h->option))))
                        continue;
                *rest = '\0';
                if (sscanf(line, "%*s %*s %*s %4095s %4095s", top, at) != 2)
                        continue;
                unescape(top);
                unescape(at);
                return true;
        }
        return false;
}

static void count_group(SystemMemory *memory, const char *root, const char *directory, const Hierarchy *h) {
        uint64_t limit = UINT64_MAX, usage = 0, reclaimable = 0, value;

        for (size_t k = 0; k < ELEMENTSOF(h->limits); k++)
                if (h->limits[k] && read_field(root, directory, h->limits[k], "", &value))
                        limit = MIN(limit, value);
        if (h->limit_above && read_field(root, directory, "memory.stat", h->limit_above, &value))
                limit = MIN(limit, value);
        if (limit >= memory->machine_bytes) /* v1 has no word for "none", only a number that no machine has */
                return;
        (void) read_field(root, directory, h->usage, "", &usage);
        (void) read_field(root, directory, "memory.stat", h->reclaimable, &reclaimable);
        usage -= MIN(usage, reclaimable);
        memory->limit_bytes     = MIN(memory->limit_bytes, limit);
        memory->available_bytes = MIN(memory->available_bytes, limit - MIN(limit, usage));
}

/* The directory of the process's group, of which the first *ret_mount bytes are where its hierarchy is mounted. */
static bool find_group(const char *root, const char *process, const Hierarchy *h, char ret[static 2 * PATH_BYTES],
                       size_t *ret_mount) {
        char group[PATH_BYTES], top[PATH_BYTES], at[PATH_BYTES];
        size_t n;

        if (!read_mount(root, h, top, at) || !read_group(root, process, h, group))
                return false;
        /* What lies above the mounted directory cannot be seen; a group elsewhere cannot be seen at all. */
        n = strcmp(top, "/") == 0 ? 0 : strlen(top);
        if (strncmp(group, top, n) != 0 || (group[n] != '/' && group[n] != '\0') || strstr(group, "/.."))
                group[n = 0] = '\0';
        *ret_mount = strlen(at);
        snprintf(ret, 2 * (size_t) PATH_BYTES, "%s%s", at, group + n);
        return true;
}

static void count_hierarchy(SystemMemory *memory, const char *root, const Hierarchy *h) {
        char directory[2 * PATH_BYTES];
        size_t mount;

        if (!find_group(root, "/proc/self", h, directory, &mount))
                return;
        for (;;) {
                char *slash = strrchr(directory + mount, '/');

                if (slash && slash[1] == '\0') { /* the root itself is "/" */
                        *slash = '\0';
                        continue;
                }
                count_group(memory, root, directory, h);
                if (!slash)
                        return;
                *slash = '\0';
        }
}

void system_memory(SystemMemory *ret, const char *root) {
        uint64_t total_kib = GiB / KiB, available_kib;

        (void) read_field(root, "/proc", "meminfo", "MemTotal", &total_kib);
        if (!read_field(root, "/proc", "meminfo", "MemAvailable", &available_kib))
                available_kib = total_kib;
        *ret = (SystemMemory) {
                .machine_bytes   = total_kib * KiB,
                .available_bytes = available_kib * KiB,
                .limit_bytes     = UINT64_MAX,
        };
        count_hierarchy(ret, root, &v2);
        count_hierarchy(ret, root, &v1);
        ret->total_bytes = MIN(ret->machine_bytes, ret->limit_bytes);
}

bool system_killed(const char *path, uint64_t *ret) {
        return read_field("", "", path, "oom_kill", ret);
}

bool system_killed_file(const char *process, const char *root, char *ret, size_t size) {
        static const Hierarchy *const hierarchies[] = { &v2, &v1 };
        char directory[2 * PATH_BYTES], of_process[64];
        uint64_t value;
        size_t mount;

        snprintf(of_process, sizeof(of_process), "/proc/%s", process);
        for (size_t k = 0; k < ELEMENTSOF(hierarchies); k++)
                if (find_group(root, of_process, hierarchies[k], directory, &mount) &&
                    snprintf(ret, size, "%s%s/%s", root, directory, hierarchies[k]->killed) < (int) size &&
                    system_killed(ret, &value))
                        return true;
        return snprintf(ret, size, "%s/proc/vmstat", root) < (int) size && system_killed(ret, &value);
}
