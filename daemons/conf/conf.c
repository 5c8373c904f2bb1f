/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: defaults, files, environment and command line assign to the same fields, in this order. */
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

#include "daemons/conf/inside.h"
#include "mars.h"

const ConfTable *const conf_tables[] = { &conf_scheduler, &conf_worker, &conf_web, NULL };

static char *print_words(Arena *arena, const char *fmt, va_list args) {
        va_list again;
        char *text;
        int n;

        va_copy(again, args);
        n = vsnprintf(NULL, 0, fmt, again);
        va_end(again);
        text = n < 0 ? NULL : arena_alloc(arena, (size_t) n + 1);
        if (text)
                vsnprintf(text, (size_t) n + 1, fmt, args);
        return text;
}

int conf_mistake(Conf *conf, const char *fmt, ...) {
        const char *text;
        va_list args;

        if (conf->n_mistakes++ >= CONF_MAX_MISTAKES)
                return 0;
        va_start(args, fmt);
        text = print_words(conf->arena, fmt, args);
        va_end(args);
        return text ? vec_push(&conf->mistakes, text) : ERROR_MEMORY;
}

int conf_note(Conf *conf, const char *fmt, ...) {
        const char *text;
        va_list args;

        va_start(args, fmt);
        text = print_words(conf->arena, fmt, args);
        va_end(args);
        return text ? vec_push(&conf->notes, text) : ERROR_MEMORY;
}

static bool has_control(const char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 127)
                        return true;
        return false;
}

int conf_assign(Conf *conf, const ConfKey *key, const char *text, const char *origin, bool relative) {
        const ConfParse parse = { conf->arena, relative };
        Error err             = {};
        int r;

        if (has_control(text))
                return conf_mistake(conf, "%s: %s: has a control character", origin ?: "default", key->name);
        r = conf_parse(&parse, key, text, conf->values, &err);
        if (r == ERROR_VALUE && origin && conf_same_name(key->name, origin + strspn(origin, "-")))
                return conf_mistake(conf, "%s: %s", origin, err.text);
        if (r == ERROR_VALUE)
                return conf_mistake(conf, "%s: %s: %s", origin ?: "default", key->name, err.text);
        if (r < 0)
                return r;
        conf->origin[key - conf->table->key] = origin;
        return 0;
}

Conf *conf_free(Conf *conf) {
        if (!conf)
                return NULL;
        arena_free(conf->arena);
        vec_free(&conf->files);
        vec_free(&conf->mistakes);
        vec_free(&conf->notes);
        free(conf);
        return NULL;
}

static int conf_new(Conf **ret, const ConfTable *table, int argc, char *const argv[]) {
        _cleanup_(conf_freep) Conf *conf = calloc(1, sizeof(*conf));
        int r                            = 0;

        if (!conf)
                return ERROR_MEMORY;
        conf->table  = table;
        conf->argc   = argc;
        conf->argv   = argv;
        conf->folder = CONF_DIR;
        conf->arena  = arena_new();
        if (!conf->arena)
                return ERROR_MEMORY;
        conf->values = arena_alloc(conf->arena, table->size_bytes);
        conf->origin = arena_new_array(conf->arena, const char *, table->n_keys);
        if (!conf->values || !conf->origin)
                return ERROR_MEMORY;
        for (uint32_t k = 0; k < table->n_keys && r == 0; k++)
                r = conf_assign(conf, &table->key[k], table->key[k].value, NULL, false);
        if (r < 0)
                return r;
        assert(conf->n_mistakes == 0); /* the tables are ours */
        *ret = TAKE_PTR(conf);
        return 0;
}

static int finish(Conf *conf) {
        Error err = {};
        int r     = conf->table->finish(conf->values, conf->arena, &err);

        return r == ERROR_VALUE ? conf_mistake(conf, "%s", err.text) : r;
}

static int read_sources(Conf *conf) {
        int r = conf_read_files(conf);

        if (r == 0)
                r = conf_read_environment(conf);
        if (r == 0)
                r = conf_read_options(conf);
        if (r == 0 && conf->n_mistakes == 0) /* values together are looked at when each is good */
                r = finish(conf);
        return r;
}

static int tell_mistakes(const Conf *conf, FILE *bad) {
        if (conf->n_mistakes == 0)
                return 0;
        for (uint32_t k = 0; k < conf->mistakes.n; k++)
                fprintf(bad, "%s: %s\n", conf->table->program, conf->mistakes.data[k]);
        if (conf->n_mistakes > conf->mistakes.n)
                fprintf(bad, "%s: and %u more\n", conf->table->program, conf->n_mistakes - conf->mistakes.n);
        return ERROR_VALUE;
}

static void tell_good(const Conf *conf, FILE *out) {
        for (uint32_t k = 0; k < conf->notes.n; k++)
                fprintf(out, "%s: note: %s\n", conf->table->program, conf->notes.data[k]);
        fprintf(out, "%s: configuration is good", conf->table->program);
        for (uint32_t k = 0; k < conf->files.n; k++)
                fprintf(out, "%s%s", k ? ", " : " (read: ", conf->files.data[k]);
        fprintf(out, "%s\n", conf->files.n ? ")" : "");
}

/* What the options asked for, which ends the program; a full disk below stdout is told, too. */
static int answer(const Conf *conf, ConfAction action, FILE *out) {
        int r = 0;

        switch (action) {
        case CONF_RUN:
                return 0;
        case CONF_HELP:
                r = conf_help(conf->table, out);
                break;
        case CONF_VERSION:
                fprintf(out, "%s %s\n", conf->table->program, MARS_VERSION);
                break;
        case CONF_CHECK:
                tell_good(conf, out);
                break;
        case CONF_PRINT:
                r = conf_print(conf, out);
                break;
        }
        if (r == 0 && fflush(out) != 0)
                r = -errno;
        return r < 0 ? r : CONF_DONE;
}

int conf_load(Conf **ret, const ConfTable *table, int argc, char *const argv[], FILE *out, FILE *bad) {
        _cleanup_(conf_freep) Conf *conf = NULL;
        ConfAction action                = CONF_RUN;
        int r                            = conf_new(&conf, table, argc, argv);

        if (r == 0)
                r = conf_find_action(conf, &action);
        if (r == 0 && action != CONF_HELP && action != CONF_VERSION) { /* these two need no configuration */
                r = read_sources(conf);
                if (r == 0)
                        r = tell_mistakes(conf, bad);
        }
        if (r == 0)
                r = answer(conf, action, out);
        if (r == 0)
                *ret = TAKE_PTR(conf);
        else if (r < 0 && r != ERROR_VALUE)
                fprintf(bad, "%s: %s\n", table->program, strerrordesc_np(-r));
        return r;
}

/* A key that is not live gets back what runs, through its text: nothing of `running` is kept. */
static int keep_running(Conf *conf, const Conf *running, const ConfKey *key) {
        const size_t at = (size_t) (key - conf->table->key);
        const char *now = conf_text(conf->arena, key, running->values), *origin = NULL;
        const char *later = conf_text(conf->arena, key, conf->values);
        int r             = now && later ? 0 : ERROR_MEMORY;

        if (r < 0 || strcmp(now, later) == 0)
                return r;
        r = conf_note(conf, "%s: %s is %s from the next start on: until then it stays %s",
                      conf->origin[at] ?: "default", key->name, later, now);
        if (r == 0 && running->origin[at]) {
                origin = arena_copy(conf->arena, running->origin[at], strlen(running->origin[at]) + 1);
                r      = origin ? 0 : ERROR_MEMORY;
        }
        if (r == 0)
                r = conf_assign(conf, key, now, origin, false);
        return r;
}

int conf_reload(Conf **ret, const Conf *running, FILE *bad) {
        _cleanup_(conf_freep) Conf *conf = NULL;
        const ConfTable *table           = running->table;
        ConfAction action;
        int r = conf_new(&conf, table, running->argc, running->argv);

        if (r == 0)
                r = conf_find_action(conf, &action); /* and where the files are */
        if (r == 0)
                r = read_sources(conf);
        if (r == 0)
                r = tell_mistakes(conf, bad);
        for (uint32_t k = 0; k < table->n_keys && r == 0; k++)
                if (!table->key[k].live)
                        r = keep_running(conf, running, &table->key[k]);
        if (r == 0)
                r = finish(conf);
        if (r == 0)
                r = tell_mistakes(conf, bad);
        if (r == 0)
                *ret = TAKE_PTR(conf);
        return r;
}

int conf_exit_status(int r) {
        return r == CONF_DONE ? EX_OK : r == ERROR_VALUE ? EX_CONFIG : EX_OSERR;
}

const void *conf_values(const Conf *conf) {
        return conf->values;
}

const char *conf_origin(const Conf *conf, const char *name) {
        const ConfKey *key = conf_find_key(conf->table, name);

        return key ? conf->origin[key - conf->table->key] : NULL;
}

ConfList conf_notes(const Conf *conf) {
        return (ConfList) { conf->notes.data, conf->notes.n };
}
