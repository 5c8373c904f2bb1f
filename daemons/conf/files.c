/* SPDX-License-Identifier: Apache-2.0 */
/* The files: `key = value` a line, comments, [sections]. A file of all programs may have keys that are not ours, but
 * none that are nobody's. A value that has a comment's sign or blanks in it stands in double quotes, in which \" and \\
 * are the characters. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/conf/inside.h"

typedef struct File {
        Conf *conf;
        const char *path;
        bool common;   /* of all programs */
        bool skipping; /* within a section of another program */
        bool in_section;
        uint32_t line;
        uint32_t *set_in; /* of each key: the line that set it, or 0 */
} File;

static char *trim(char *text) {
        char *end;

        text += strspn(text, " \t");
        end = text + strlen(text);
        while (end > text && strchr(" \t\r", end[-1]))
                *--end = '\0';
        return text;
}

/* Takes the quotes off, in place. False when they do not end, or something else follows. */
static bool unquote(char *text) {
        char *to = text, *at = text + 1;

        for (; *at && *at != '"'; at++) {
                if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
                        at++;
                *to++ = *at;
        }
        if (*at != '"')
                return false;
        at  = trim(at + 1);
        *to = '\0';
        return *at == '\0' || *at == '#';
}

static void cut_comment(char *text) {
        for (char *at = text; (at = strchr(at, '#')); at++)
                if (at == text || at[-1] == ' ' || at[-1] == '\t') {
                        *at = '\0';
                        return;
                }
}

static const ConfTable *find_table(const char *section) {
        for (uint32_t k = 0; conf_tables[k]; k++)
                if (strcmp(conf_tables[k]->section, section) == 0)
                        return conf_tables[k];
        return NULL;
}

static int read_section(File *file, char *text) {
        const ConfTable *table;
        size_t n = strlen(text);

        if (text[n - 1] != ']')
                return conf_mistake(file->conf, "%s:%u: a section ends with ]: give [%s]", file->path, file->line,
                                    file->conf->table->section);
        text[n - 1]      = '\0';
        text             = trim(text + 1);
        table            = find_table(text);
        file->skipping   = table != file->conf->table;
        file->in_section = true;
        if (!table)
                return conf_mistake(file->conf, "%s:%u: [%s] is no program: give [scheduler], [worker] or [web]",
                                    file->path, file->line, text);
        if (file->skipping && !file->common)
                return conf_mistake(file->conf,
                                    "%s:%u: [%s] has no place in a file of %s alone: give it in mars.conf or "
                                    "%s.conf",
                                    file->path, file->line, text, file->conf->table->program, text);
        return 0;
}

static int refuse_key(const File *file, const char *name) {
        const ConfTable *own = file->conf->table;
        const bool any       = file->common && !file->in_section;
        const ConfKey *near  = conf_nearest(any ? NULL : own, name);

        for (uint32_t k = 0; conf_tables[k] && !any; k++)
                if (conf_find_key(conf_tables[k], name))
                        return conf_mistake(file->conf, "%s:%u: %s: is a key of %s, not of %s", file->path, file->line,
                                            name, conf_tables[k]->program, own->program);
        if (near)
                return conf_mistake(file->conf, "%s:%u: %s: no such key: give %s", file->path, file->line, name,
                                    near->name);
        return conf_mistake(file->conf, "%s:%u: %s: no such key: %s --help lists them", file->path, file->line, name,
                            own->program);
}

static bool known_to_any(const char *name) {
        for (uint32_t k = 0; conf_tables[k]; k++)
                if (conf_find_key(conf_tables[k], name))
                        return true;
        return false;
}

static int read_pair(File *file, char *text) {
        Conf *conf   = file->conf;
        char *equals = strchr(text, '=');
        const ConfKey *key;
        const char *origin;
        char *value, *name;
        uint32_t *line;

        if (!equals)
                return conf_mistake(conf, "%s:%u: '%s' sets nothing: give key = value", file->path, file->line, text);
        *equals = '\0';
        name    = trim(text);
        value   = trim(equals + 1);
        if (value[0] == '"') {
                if (!unquote(value))
                        return conf_mistake(conf,
                                            "%s:%u: %s: the quotes do not end with the value: give \"…\", with "
                                            "\\\" for a quote in it",
                                            file->path, file->line, name);
        } else {
                cut_comment(value);
                value = trim(value);
        }
        key = conf_find_key(conf->table, name);
        if (!key)
                return file->common && !file->in_section && known_to_any(name) ? 0 : refuse_key(file, name);
        if (key->own && file->common && !file->in_section)
                return conf_mistake(conf,
                                    "%s:%u: %s: is another one in each program: give it under [scheduler], "
                                    "[worker] or [web]",
                                    file->path, file->line, name);
        line = &file->set_in[key - conf->table->key];
        if (*line > 0)
                return conf_mistake(conf, "%s:%u: %s: is set in line %u already: give it once", file->path, file->line,
                                    name, *line);
        *line  = file->line;
        origin = arena_printf(conf->arena, "%s:%u", file->path, file->line);
        return origin ? conf_assign(conf, key, value, origin, false) : ERROR_MEMORY;
}

static int read_line(File *file, char *line, size_t n) {
        char *text;

        if (n > 0 && line[n - 1] == '\n')
                line[--n] = '\0';
        if (strlen(line) != n)
                return conf_mistake(file->conf, "%s:%u: has a NUL byte: the file is none of text", file->path,
                                    file->line);
        if (n > CONF_MAX_LINE)
                return conf_mistake(file->conf, "%s:%u: is longer than %d bytes", file->path, file->line,
                                    CONF_MAX_LINE);
        text = trim(line);
        if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
                return 0;
        if (text[0] == '[') {
                cut_comment(text);
                return read_section(file, trim(text));
        }
        return file->skipping ? 0 : read_pair(file, text);
}

static int read_lines(File *file, FILE *stream) {
        Conf *conf      = file->conf;
        size_t capacity = 0;
        char *line      = NULL;
        int r           = 0;
        ssize_t n;

        while (r == 0 && (n = getline(&line, &capacity, stream)) >= 0) {
                file->line++;
                r = read_line(file, line, (size_t) n);
        }
        if (r == 0 && !feof(stream))
                r = conf_mistake(conf, "%s: %s", file->path, strerrordesc_np(errno));
        free(line);
        return r;
}

/* A file that is not there has nothing to say. */
static int read_file(Conf *conf, const char *path, bool common) {
        File file = { .conf = conf, .path = path, .common = common };
        FILE *stream;
        int r;

        if (!path)
                return ERROR_MEMORY;
        stream = fopen(path, "re");
        if (!stream)
                return errno == ENOENT ? 0 : conf_mistake(conf, "%s: %s", path, strerrordesc_np(errno));
        file.set_in = arena_new_array(conf->arena, uint32_t, conf->table->n_keys);
        r           = file.set_in ? vec_push(&conf->files, path) : ERROR_MEMORY;
        if (r == 0)
                r = read_lines(&file, stream);
        fclose(stream);
        return r;
}

static int is_drop_in(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > strlen(".conf") &&
               strcmp(entry->d_name + n - strlen(".conf"), ".conf") == 0;
}

/* Of bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_drop_ins(Conf *conf, const char *folder, bool common) {
        struct dirent **entries = NULL;
        int n, r = 0;

        if (!folder)
                return ERROR_MEMORY;
        n = scandir(folder, &entries, is_drop_in, by_name);
        if (n < 0)
                return errno == ENOENT ? 0 : conf_mistake(conf, "%s: %s", folder, strerrordesc_np(errno));
        if (n > CONF_MAX_FILES)
                r = conf_mistake(conf, "%s: %d files, of at most %d", folder, n, CONF_MAX_FILES);
        for (int k = 0; k < n; k++) {
                if (r == 0 && n <= CONF_MAX_FILES)
                        r = read_file(conf, arena_printf(conf->arena, "%s/%s", folder, entries[k]->d_name), common);
                free(entries[k]);
        }
        free(entries);
        return r;
}

/* Of one of several: without it the instance would take the place of another. */
static int read_instance(Conf *conf) {
        const char *path = arena_printf(conf->arena, "%s/%s@%s.conf", conf->folder, conf->table->section,
                                        conf->instance);

        if (!path)
                return ERROR_MEMORY;
        if (!conf->instance[0] || strchr(conf->instance, '/'))
                return conf_mistake(conf, "--instance: '%s' is no name: give one without '/'", conf->instance);
        if (access(path, F_OK) < 0)
                return conf_mistake(conf, "--instance: %s: %s: what sets it apart from others stands there", path,
                                    strerrordesc_np(errno));
        return read_file(conf, path, false);
}

int conf_read_files(Conf *conf) {
        const char *names[] = { "mars", conf->table->section };
        struct stat st;
        int r = 0;

        if (!conf->folder)
                return 0;
        if (strcmp(conf->folder, CONF_DIR) != 0 && (stat(conf->folder, &st) < 0 || !S_ISDIR(st.st_mode)))
                return conf_mistake(conf,
                                    "--config-dir: '%s' is no directory that can be read: give one, or none for "
                                    "no files",
                                    conf->folder);
        for (uint32_t k = 0; k < ELEMENTSOF(names) && r == 0; k++) {
                r = read_file(conf, arena_printf(conf->arena, "%s/%s.conf", conf->folder, names[k]), k == 0);
                if (r == 0)
                        r = read_drop_ins(conf, arena_printf(conf->arena, "%s/%s.conf.d", conf->folder, names[k]),
                                          k == 0);
        }
        return r == 0 && conf->instance ? read_instance(conf) : r;
}
