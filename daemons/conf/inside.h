/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the configuration share. A Conf grows while it is loaded: each source assigns texts to keys, and an
 * assignment is parsed at once, so that a mistake is found even where a later source overrides it. Mistakes are
 * collected; only memory that is not there ends the loading early. */
#include "base/vec.h"
#include "daemons/conf/conf.h"

enum {
        CONF_MAX_LINE     = 4096, /* bytes of a line: a dozen of paths */
        CONF_MAX_MISTAKES = 50,   /* that are told: more are a file of something else */
        CONF_MAX_FILES    = 4096, /* of one directory of drop-ins */
        CONF_MAX_SOCKET   = 107,  /* bytes of the path of a unix socket: what the kernel takes */
        CONF_MAX_HOST     = 253,  /* bytes of a name in the domain name system */
        CONF_COLUMNS      = 100,  /* of --help */
};

struct Conf {
        const ConfTable *table;
        int argc;
        char *const *argv;
        Arena *arena; /* owns every string below */
        void *values;
        const char **origin; /* of each key; NULL: the default */
        const char *folder;  /* of the files; NULL: none are read */
        const char *instance; /* it has a file of its own besides; NULL: it is the only one of its program */
        Vec(const char *) files, mistakes, notes;
        uint32_t n_mistakes; /* also those that are not told */
};

typedef Vec(const char *) ConfItems;

/* ---- Values (conf/value.c) ---- */

typedef struct ConfParse { /* what a text means depends on where it stands */
        Arena *arena;
        bool relative; /* paths may be relative to the working directory: not in files */
} ConfParse;

/* Parses into the struct. ERROR_VALUE with words that say what would be right; -ENOMEM. */
int conf_parse(const ConfParse *parse, const ConfKey *key, const char *text, void *values, Error *err);
/* The text that parses to the same; NULL when out of memory. */
const char *conf_text(Arena *arena, const ConfKey *key, const void *values);
/* "a number from 1 to 64, or auto": what a key takes. NULL when out of memory. */
const char *conf_expects(Arena *arena, const ConfKey *key);
const char *conf_placeholder(Arena *arena, const ConfKey *key); /* "HOST:PORT": in a synopsis */

/* ---- Assigning (conf.c) ---- */

/* Both return 0 or -ENOMEM. */
int conf_mistake(Conf *conf, const char *fmt, ...) _printf_(2, 3);
int conf_note(Conf *conf, const char *fmt, ...) _printf_(2, 3);
/* 0, also when the text was a mistake; -ENOMEM. */
int conf_assign(Conf *conf, const ConfKey *key, const char *text, const char *origin, bool relative);

/* ---- Sources (conf/files.c, conf/options.c) ---- */

int conf_read_files(Conf *conf);
int conf_read_environment(Conf *conf);
int conf_read_options(Conf *conf);

typedef enum ConfAction { CONF_RUN, CONF_HELP, CONF_VERSION, CONF_CHECK, CONF_PRINT } ConfAction;

/* Looks for --config-dir and what is to be done, before anything is read; mistakes are those of conf_read_options().
 * 0 or -ENOMEM. */
int conf_find_action(Conf *conf, ConfAction *ret);

typedef struct ConfOption { /* those that all programs have besides their keys */
        const char *name;
        char letter;
        ConfAction action;
        const char *argument; /* or NULL: takes none */
        const char *doc;
} ConfOption;
extern const ConfOption conf_options[]; /* ends with a NULL name */

/* ---- Spellings (conf/spelling.c) ---- */

/* The next word of a list with blanks between; false at its end. */
bool conf_next_word(const char **list, const char **ret_word, size_t *ret_length);
/* Whether the list has the spelling; '-' and '_' are the same letter. */
bool conf_has_word(const char *list, const char *word);
bool conf_same_name(const char *a, const char *b);
const ConfKey *conf_find_key(const ConfTable *table, const char *name);      /* as in files, exactly */
const ConfKey *conf_find_spelling(const ConfTable *table, const char *word); /* "--name", "-n", "-Dsome.option" */
/* The key that was probably meant, or NULL: of `table`, or of any with NULL. */
const ConfKey *conf_nearest(const ConfTable *table, const char *name);

/* ---- What the original had and we understand but do not need (conf/gone.c) ---- */

typedef enum ConfTakes { CONF_NOTHING, CONF_ONE, CONF_MAYBE, CONF_MANY } ConfTakes; /* words behind the option */

typedef struct ConfGone {
        const char *old; /* spellings, as in ConfKey, also of variables */
        ConfTakes takes;
        const char *why; /* goes on "--x has no effect: …" */
} ConfGone;

extern const ConfGone conf_gone[]; /* ends with a NULL `old` */
