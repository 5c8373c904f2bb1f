/* SPDX-License-Identifier: Apache-2.0 */
/* The manual pages, in roff: a page of section 8 for each program, and mars.conf(5) for the files of all. */
#include "daemons/conf/inside.h"
#include "daemons/conf/roff.h"
#include "mars.h"

static void put_line(FILE *out, const char *text) {
        roff_put(out, text);
        fputc('\n', out);
}

/* A name in bold with its dashes. */
static void put_name(FILE *out, const char *before, const char *name, bool is_option) {
        fprintf(out, "\\fB%s", before);
        for (; *name; name++)
                fputs(*name == '-' || (is_option && *name == '_') ? "\\-" : (char[]) { *name, '\0' }, out);
        fputs("\\fR", out);
}

static void put_option(FILE *out, char letter, const char *name, const char *argument) {
        fputs(".TP\n", out);
        if (letter)
                fprintf(out, "\\fB\\-%c\\fR, ", letter);
        put_name(out, "\\-\\-", name, true);
        if (argument) {
                fputs(" \\fI", out);
                roff_put(out, argument);
                fputs("\\fR", out);
        }
        fputc('\n', out);
}

static void put_old(FILE *out, const char *old) {
        const char *word;
        size_t n;

        if (!old)
                return;
        fputs("Formerly", out);
        for (const char *between = " "; conf_next_word(&old, &word, &n); between = ", ") {
                fprintf(out, "%s\\fB", between);
                for (size_t k = 0; k < n; k++)
                        fputs(word[k] == '-' ? "\\-" : (char[]) { word[k], '\0' }, out);
                fputs("\\fR", out);
        }
        fputs(".\n", out);
}

static void put_default(FILE *out, const ConfKey *key) {
        fputs("Default: \\fB", out);
        roff_put(out, key->value);
        fputs("\\fR.\n", out);
}

static void put_heading(FILE *out, const char *name, int section) {
        fprintf(out, ".TH %s %d \"\" \"Mars %s\" \"Mars\"\n.SH NAME\n", name, section, MARS_VERSION);
}

int conf_manual(const ConfTable *table, FILE *out) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        if (!arena)
                return ERROR_MEMORY;
        put_heading(out, table->program, 8);
        roff_put(out, table->program);
        fputs(" \\- a program of the Mars array engine\n.SH SYNOPSIS\n.B ", out);
        roff_put(out, table->program);
        fputs("\n[\\fIOPTION\\fR]\\&...\n.SH DESCRIPTION\n", out);
        put_line(out, table->summary);
        fputs("It is started by systemd, or by hand, and stays in the foreground.\n"
              ".PP\n"
              "Each option is also a key of its files, see\n"
              ".BR mars.conf (5);\n"
              "what the command line says counts.\n"
              "All options of the original Mars are understood.\n"
              "Those that mean nothing any more are noted in the log.\n"
              ".SH OPTIONS\n",
              out);
        for (uint32_t k = 0; k < table->n_keys; k++) {
                const ConfKey *key      = &table->key[k];
                const char *placeholder = conf_placeholder(arena, key);

                if (!placeholder)
                        return ERROR_MEMORY;
                if (key->group) {
                        fputs(".SS ", out);
                        put_line(out, key->group);
                }
                put_option(out, key->letter, key->name, placeholder);
                put_line(out, key->doc);
                put_default(out, key);
                put_old(out, key->old);
        }
        fputs(".SS Configuration\n", out);
        for (const ConfOption *o = conf_options; o->name; o++) {
                put_option(out, o->letter, o->name, o->argument);
                put_line(out, o->doc);
        }
        fputs(".SH ENVIRONMENT\nVariables come before the command line and after the files.\n", out);
        for (uint32_t k = 0; k < table->n_keys; k++)
                if (table->key[k].env) {
                        fputs(".TP\n.B ", out);
                        put_line(out, table->key[k].env);
                        put_name(out, "\\-\\-", table->key[k].name, true);
                        fputc('\n', out);
                }
        fprintf(out,
                ".SH FILES\n"
                ".TP\n.I " CONF_DIR "/mars.conf\n"
                "and the drop\\-ins " CONF_DIR "/mars.conf.d/*.conf: keys of all programs\n"
                ".TP\n.I " CONF_DIR "/%s.conf\n"
                "and the drop\\-ins " CONF_DIR "/%s.conf.d/*.conf: keys of this one\n",
                table->section, table->section);
        fputs(".SH EXIT STATUS\n"
              ".TP\n.B 0\nIt was told to stop, or has printed what it was asked for.\n"
              ".TP\n.B 1\nIt could not start, or go on; its last message says why.\n"
              ".TP\n.B 78\nThe configuration has mistakes, which have been printed.\n"
              ".SH SEE ALSO\n.BR mars.conf (5),\n.BR marsctl (1)\n",
              out);
        return 0;
}

static int put_keys(Arena *arena, FILE *out, const ConfTable *table) {
        fprintf(out, ".SH KEYS OF %s\n", table->section);
        for (uint32_t k = 0; k < table->n_keys; k++) {
                const ConfKey *key  = &table->key[k];
                const char *expects = conf_expects(arena, key);

                if (!expects)
                        return ERROR_MEMORY;
                if (key->group) {
                        fputs(".SS ", out);
                        put_line(out, key->group);
                }
                fputs(".TP\n", out);
                put_name(out, "", key->name, false);
                fputc('\n', out);
                put_line(out, key->doc);
                fputs("Takes ", out);
                roff_put(out, expects);
                fputs(".\n", out);
                put_default(out, key);
                put_line(out, key->reason);
                if (key->live)
                        fputs("A reload changes it.\n", out);
        }
        return 0;
}

static const char about_files[] =
        ".SH DESCRIPTION\n"
        "A daemon takes each value from the last of these that has it: its default, mars.conf, the drop\\-ins of\n"
        "mars.conf.d in the order of their names, its own file, its own drop\\-ins, the file of its instance, the\n"
        "environment, the command line. None of the files has to be there, but that of an instance: one of several\n"
        "daemons of a kind, which \\fB\\-\\-instance\\fR NAME or mars\\-worker@NAME.service starts.\n"
        ".PP\n"
        "A line is\n"
        ".IP\n"
        ".EX\n"
        "key = value\n"
        ".EE\n"
        ".PP\n"
        "\\fB#\\fR at the beginning of a line, or after a blank, begins a comment. A value that has such a sign\n"
        "in it, or blanks at its ends, stands in double quotes, within which \\fB\\e\"\\fR and \\fB\\e\\e\\fR are\n"
        "the characters. A key stands once in a file.\n"
        ".PP\n"
        "In mars.conf and its drop\\-ins a key is for every program that has it. What follows\n"
        "\\fB[scheduler]\\fR, \\fB[worker]\\fR or \\fB[web]\\fR is for that program alone; keys that are\n"
        "different in each program, such as \\fBport\\fR, have their place only there, or in the program\\(aqs\n"
        "own file.\n"
        ".PP\n"
        "A key or a value that means nothing is refused: the daemon tells all mistakes, with file and line, and\n"
        "does not start. \\fB\\-\\-check\\-config\\fR does the same without starting, and\n"
        "\\fB\\-\\-print\\-config\\fR prints a file with every key and where its value comes from. After a reload\n"
        "(\\fBsystemctl reload\\fR) the keys below that say so have their new values; the log names others that\n"
        "have changed.\n"
        ".PP\n"
        "Sizes are bytes, or numbers with k, m, g or t (powers of 1024). Times are seconds, or numbers with ms,\n"
        "s, min or h.\n"
        ".SH EXAMPLE\n"
        ".EX\n"
        "# " CONF_DIR "/mars.conf\n"
        "log_level  = info\n"
        "schedulers = scheduler.example.org:7103\n"
        "\n"
        "[worker]\n"
        "advertise  = 192.0.2.7\n"
        "cache_mem  = 16g\n"
        "spill_dirs = /srv/a/mars:/srv/b/mars   # two disks, used side by side\n"
        ".EE\n";

static void put_files(FILE *out, const char *name) {
        fprintf(out, CONF_DIR "/%s.conf, " CONF_DIR "/%s.conf.d/*.conf\n", name, name);
        if (strcmp(name, "worker") == 0)
                fputs(CONF_DIR "/worker@*.conf\n", out);
}

int conf_manual_of_files(FILE *out) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        int r                               = 0;

        if (!arena)
                return ERROR_MEMORY;
        put_heading(out, "mars.conf", 5);
        fputs("mars.conf \\- what the daemons of Mars are told\n.SH SYNOPSIS\n.nf\n", out);
        put_files(out, "mars");
        for (uint32_t k = 0; conf_tables[k]; k++)
                put_files(out, conf_tables[k]->section);
        fputs(".fi\n", out);
        fputs(about_files, out);
        for (uint32_t k = 0; conf_tables[k] && r == 0; k++)
                r = put_keys(arena, out, conf_tables[k]);
        fputs(".SH SEE ALSO\n", out);
        for (uint32_t k = 0; conf_tables[k]; k++)
                fprintf(out, ".BR %s (8)%s\n", conf_tables[k]->program, conf_tables[k + 1] ? "," : "");
        return r;
}
