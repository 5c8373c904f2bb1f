/* SPDX-License-Identifier: Apache-2.0 */
/* --help and --print-config. What conf_print() writes is a file that reads back to the same values; values that are the
 * defaults are commented out, so that they follow the program's next version. */
#include <string.h>

#include "daemons/conf/inside.h"
#include "daemons/json.h"

enum { INDENT = 2, COLUMN = 33 }; /* where the words of an option begin: behind most options */

/* Columns, not bytes, of UTF-8. */
static size_t columns(const char *text, size_t n) {
        size_t sum = 0;

        for (size_t k = 0; k < n; k++)
                sum += (text[k] & 0xc0) != 0x80;
        return sum;
}

/* Words from column `at` on, in lines that begin with `lead` and blanks up to `indent`. Ends the line. */
static void wrap(FILE *out, const char *lead, size_t indent, size_t at, const char *text) {
        const char *word;
        size_t n;
        bool first = true;

        while (conf_next_word(&text, &word, &n)) {
                size_t wide = columns(word, n);

                if (!first && at + 1 + wide > CONF_COLUMNS) {
                        fprintf(out, "\n%s%*s", lead, (int) (indent - strlen(lead)), "");
                        at    = indent;
                        first = true;
                }
                fprintf(out, "%s%.*s", first ? "" : " ", (int) n, word);
                at += wide + !first;
                first = false;
        }
        fputc('\n', out);
}

static const char *dashed(Arena *arena, const char *name) {
        char *text = arena_copy(arena, name, strlen(name) + 1);

        for (char *at = text; at && *at; at++)
                *at = *at == '_' ? '-' : *at;
        return text;
}

static int help_row(Arena *arena, FILE *out, char letter, const char *name, const char *argument, const char *doc) {
        const char *short_form = letter ? (char[]) { '-', letter, ',', ' ', '\0' } : "    ";
        const char *option =
                arena_printf(arena, "%*s%s--%s%s%s", INDENT, "", short_form, name, argument ? " " : "", argument ?: "");
        size_t wide;

        if (!option)
                return ERROR_MEMORY;
        wide = columns(option, strlen(option));
        if (wide + 2 > COLUMN)
                fprintf(out, "%s\n%*s", option, COLUMN, "");
        else
                fprintf(out, "%s%*s", option, (int) (COLUMN - wide), "");
        wrap(out, "", COLUMN, COLUMN, doc);
        return 0;
}

int conf_help(const ConfTable *table, FILE *out) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        int r                               = arena ? 0 : ERROR_MEMORY;

        if (r < 0)
                return r;
        fprintf(out, "Usage: %s [OPTION]...\n\n", table->program);
        wrap(out, "", 0, 0, table->summary);
        for (uint32_t k = 0; k < table->n_keys && r == 0; k++) {
                const ConfKey *key   = &table->key[k];
                const char *name     = dashed(arena, key->name);
                const char *argument = conf_placeholder(arena, key);
                const char *doc      = arena_printf(arena, "%s Default: %s.", key->doc, key->value);

                if (key->group)
                        fprintf(out, "\n%s\n", key->group);
                r = name && argument && doc ? help_row(arena, out, key->letter, name, argument, doc) : ERROR_MEMORY;
        }
        fprintf(out, "\nConfiguration\n");
        for (const ConfOption *o = conf_options; o->name && r == 0; o++)
                r = help_row(arena, out, o->letter, o->name, o->argument, o->doc);
        fprintf(out, "\nEach option is also a key of %s/%s.conf, as in \"log_level = info\": see mars.conf(5).\n",
                CONF_DIR, table->section);
        wrap(out, "", 0, 0,
             "Options of the original Mars are understood; those that mean nothing any more are noted in the log.");
        return r;
}

/* Quotes what a file would read as something else. */
static const char *quoted(Arena *arena, const char *value) {
        size_t n = strlen(value);
        char *text, *to;

        if (n > 0 && value[0] != '"' && value[0] != ' ' && value[n - 1] != ' ' && value[0] != '#' &&
            !strstr(value, " #"))
                return value;
        text = to = arena_alloc(arena, 2 * n + 3);
        if (!text)
                return NULL;
        *to++ = '"';
        for (; *value; value++) {
                if (*value == '"' || *value == '\\')
                        *to++ = '\\';
                *to++ = *value;
        }
        *to = '"';
        return text;
}

static void print_comment(FILE *out, const char *text) {
        fputs("# ", out);
        wrap(out, "# ", 2, 2, text);
}

int conf_print(const Conf *conf, FILE *out) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const ConfTable *table              = conf->table;

        if (!arena)
                return ERROR_MEMORY;
        fprintf(out,
                "# Everything that %s can be told, as it is now: the form of " CONF_DIR "/%s.conf.\n"
                "# A line that is commented out is the default. In mars.conf these keys stand under [%s].\n",
                table->program, table->section, table->section);
        for (uint32_t k = 0; k < table->n_keys; k++) {
                const ConfKey *key  = &table->key[k];
                const char *origin  = conf->origin[k] ? arena_printf(arena, "; now from %s.", conf->origin[k]) : ".";
                const char *value   = conf_text(arena, key, conf->values);
                const char *printed = value ? quoted(arena, value) : NULL;
                const char *takes   = conf_expects(arena, key), *words;

                if (!printed || !takes || !origin)
                        return ERROR_MEMORY;
                words = arena_printf(arena, "Takes %s. Default: %s%s%s", takes, key->value,
                                     key->live ? ", changed by a reload" : "", origin);
                if (!words)
                        return ERROR_MEMORY;
                if (key->group)
                        fprintf(out, "\n# ---- %s ----\n", key->group);
                fputc('\n', out);
                print_comment(out, key->doc);
                print_comment(out, key->reason);
                print_comment(out, words);
                fprintf(out, "%s%s = %s\n", conf->origin[k] ? "" : "#", key->name, printed);
        }
        return 0;
}

int conf_print_json(const Conf *conf, FILE *out) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        if (!arena)
                return ERROR_MEMORY;
        fputs("{\"program\": ", out);
        json_text(out, conf->table->program);
        fputs(", \"values\": [", out);
        for (uint32_t k = 0; k < conf->table->n_keys; k++) {
                const char *value = conf_text(arena, &conf->table->key[k], conf->values);

                if (!value)
                        return ERROR_MEMORY;
                fprintf(out, "%s{\"name\": \"%s\", \"value\": ", k > 0 ? ", " : "", conf->table->key[k].name);
                json_text(out, value);
                fputs(", \"origin\": ", out);
                json_text(out, conf->origin[k] ?: "default");
                fputc('}', out);
        }
        fputs("]}", out);
        return 0;
}
