/* SPDX-License-Identifier: Apache-2.0 */
/* The environment and the command line. An option is `--name value`, `--name=value`, `-n value`, `-nvalue`, or
 * `-Dsome.option=value` of the original; a later one overrides an earlier one. */
#include <string.h>

#include "daemons/conf/inside.h"

const ConfOption conf_options[] = {
        { "config-dir", 0, CONF_RUN, "PATH",
          "Read mars.conf, the program's own file and their drop-ins below PATH; none: read no files. "
          "Default: " CONF_DIR "." },
        { "instance", 0, CONF_RUN, "NAME",
          "Be one of several of this program on a machine: read program@NAME.conf after the other files. It sets what "
          "the others must not have, too: the port, the socket, directories." },
        { "check-config", 0, CONF_CHECK, NULL, "Say whether the configuration is good, or all that is wrong with it." },
        { "print-config", 0, CONF_PRINT, NULL,
          "Print a file with every key, what it means, its value and where that comes from." },
        { "help", 'h', CONF_HELP, NULL, "Print this." },
        { "version", 'V', CONF_VERSION, NULL, "Print the version." },
        {},
};

typedef struct Word {         /* one option of the command line with what belongs to it */
        const char *spelling; /* up to the '=', of our own */
        const char *value;    /* or NULL */
        const ConfKey *key;   /* at most one of the three */
        const ConfGone *gone;
        const ConfOption *option;
} Word;

static const ConfGone *find_gone(const char *spelling) {
        for (const ConfGone *g = conf_gone; g->old; g++)
                if (conf_has_word(g->old, spelling))
                        return g;
        return NULL;
}

static const ConfOption *find_option(const char *spelling) {
        for (const ConfOption *o = conf_options; o->name; o++)
                if ((spelling[1] == '-' && conf_same_name(o->name, spelling + 2)) ||
                    (o->letter && spelling[1] == o->letter && spelling[2] == '\0'))
                        return o;
        return NULL;
}

/* Whether argv[at] can be the value of the option before it. */
static bool is_value(const Conf *conf, int at) {
        return at < conf->argc && (conf->argv[at][0] != '-' || conf->argv[at][1] == '\0');
}

/* Cuts the spelling off and leaves what stands behind it in the same word in word->value. */
static int split_word(Conf *conf, int *at, Word *word) {
        const char *text   = conf->argv[*at - 1], *equals;
        size_t n           = strlen(text);
        const bool is_long = text[1] == '-', is_define = text[1] == 'D';

        if (is_define && text[2] == '\0' && is_value(conf, *at)) { /* -D some.option=value */
                text = arena_printf(conf->arena, "-D%s", conf->argv[(*at)++]);
                if (!text)
                        return ERROR_MEMORY;
                n = strlen(text);
        }
        equals = strchr(text, '=');
        if ((is_long || is_define) && equals) {
                n           = (size_t) (equals - text);
                word->value = equals + 1;
        } else if (!is_long && !is_define && text[2]) {
                n           = 2;
                word->value = text + 2 + (text[2] == '=');
        }
        word->spelling = arena_printf(conf->arena, "%.*s", (int) n, text);
        return word->spelling ? 0 : ERROR_MEMORY;
}

/* Of -D options the original read values as JSON, or else as they are. */
static int unquote(Conf *conf, Word *word) {
        size_t n = word->value ? strlen(word->value) : 0;

        if (strncmp(word->spelling, "-D", 2) != 0 || n < 2 || word->value[0] != '"' || word->value[n - 1] != '"')
                return 0;
        word->value = arena_printf(conf->arena, "%.*s", (int) n - 2, word->value + 1);
        return word->value ? 0 : ERROR_MEMORY;
}

/* The option at argv[*at], which moves behind it and its values. */
static int next_word(Conf *conf, int *at, Word *word) {
        const char *text = conf->argv[(*at)++];
        bool takes_one, takes_more;
        int r;

        *word = (Word) { .spelling = text };
        if (text[0] != '-' || text[1] == '\0' || strcmp(text, "--") == 0)
                return 0;
        r = split_word(conf, at, word);
        if (r < 0)
                return r;
        word->key = conf_find_spelling(conf->table, word->spelling);
        if (!word->key)
                word->option = find_option(word->spelling);
        if (!word->key && !word->option)
                word->gone = find_gone(word->spelling);
        takes_one = word->key || (word->option && word->option->argument) ||
                    (word->gone && word->gone->takes != CONF_NOTHING) ||
                    (!word->key && !word->option && !word->gone); /* one mistake, not two */
        if (word->spelling[1] == 'D')                             /* nothing without a '=' */
                takes_one = false;
        if (takes_one && !word->value && is_value(conf, *at))
                word->value = conf->argv[(*at)++];
        takes_more = word->gone && word->gone->takes == CONF_MANY;
        while (takes_more && is_value(conf, *at))
                (*at)++;
        return unquote(conf, word);
}

int conf_find_action(Conf *conf, ConfAction *ret) {
        Word word;

        *ret = CONF_RUN;
        for (int at = 1; at < conf->argc;) {
                int r = next_word(conf, &at, &word);

                if (r < 0)
                        return r;
                if (!word.option)
                        continue;
                if (word.option->argument && word.value && strcmp(word.option->name, "instance") == 0)
                        conf->instance = word.value;
                else if (word.option->argument && word.value)
                        conf->folder = strcmp(word.value, "none") == 0 ? NULL : word.value;
                if (word.option->action != CONF_RUN)
                        *ret = word.option->action;
                if (*ret == CONF_HELP || *ret == CONF_VERSION)
                        break;
        }
        return 0;
}

static int refuse_word(Conf *conf, const Word *word) {
        const char *name = word->spelling + strspn(word->spelling, "-");
        const ConfKey *near;

        if (word->spelling[0] != '-')
                return conf_mistake(conf, "'%s' is no option: %s --help lists them", word->spelling,
                                    conf->table->program);
        for (uint32_t k = 0; conf_tables[k]; k++)
                if (conf_tables[k] != conf->table && conf_find_spelling(conf_tables[k], word->spelling))
                        return word->spelling[1] == 'D' /* one set of options was given to all programs */
                                       ? conf_note(conf, "%s has no effect: it is for %s", word->spelling,
                                                   conf_tables[k]->program)
                                       : conf_mistake(conf, "%s: is an option of %s, not of %s", word->spelling,
                                                      conf_tables[k]->program, conf->table->program);
        near = conf_nearest(conf->table, name);
        for (const ConfOption *o = conf_options; o->name && strlen(name) > 1; o++) /* begun, and not ended */
                if (word->spelling[1] == '-' && strncmp(o->name, name, strlen(name)) == 0)
                        return conf_mistake(conf, "%s: no such option: give --%s", word->spelling, o->name);
        if (near) {
                char *spelling = arena_printf(conf->arena, "--%s", near->name);

                for (char *at = spelling; at && *at; at++)
                        *at = *at == '_' ? '-' : *at;
                return spelling ? conf_mistake(conf, "%s: no such option: give %s", word->spelling, spelling)
                                : ERROR_MEMORY;
        }
        return conf_mistake(conf, "%s: no such option: %s --help lists them", word->spelling, conf->table->program);
}

static int assign_word(Conf *conf, const Word *word) {
        const char *value = word->value ?: word->key->kind == CONF_FLAG ? "yes" : NULL, *expects;

        if (value)
                return conf_assign(conf, word->key, value, word->spelling, true);
        expects = conf_expects(conf->arena, word->key);
        return expects ? conf_mistake(conf, "%s: has no value: give %s", word->spelling, expects) : ERROR_MEMORY;
}

int conf_read_options(Conf *conf) {
        int r = 0;
        Word word;

        for (int at = 1; at < conf->argc && r == 0;) {
                r = next_word(conf, &at, &word);
                if (r < 0)
                        break;
                if (word.key)
                        r = assign_word(conf, &word);
                else if (word.gone)
                        r = conf_note(conf, "%s has no effect: %s", word.spelling, word.gone->why);
                else if (!word.option)
                        r = refuse_word(conf, &word);
                else if (word.option->argument && !word.value)
                        r = conf_mistake(conf, "%s: has no value: give %s", word.spelling,
                                         strcmp(word.option->name, "instance") == 0 ? "a name"
                                                                                    : "a directory, or none");
                else if (!word.option->argument && word.value)
                        r = conf_mistake(conf, "%s: takes no value", word.spelling);
        }
        return r;
}

/* Of a list of variables, those that are set to something, one after the other. */
static const char *next_variable(Conf *conf, const char **list, const char **ret_value) {
        const char *word;
        size_t n;

        while (*list && conf_next_word(list, &word, &n)) {
                char *name;

                if (word[0] == '-') /* a spelling of the command line */
                        continue;
                name = arena_printf(conf->arena, "$%.*s", (int) n, word);

                *ret_value = name ? getenv(name + 1) : NULL;
                if (!name || (*ret_value && (*ret_value)[0]))
                        return name;
        }
        *list = NULL;
        return NULL;
}

int conf_read_environment(Conf *conf) {
        const char *name, *value;
        int r = 0;

        for (uint32_t k = 0; k < conf->table->n_keys && r == 0; k++) {
                const char *list = conf->table->key[k].env;

                while (r == 0 && (name = next_variable(conf, &list, &value)))
                        r = conf_assign(conf, &conf->table->key[k], value, name, true);
                if (list)
                        return ERROR_MEMORY;
        }
        for (const ConfGone *g = conf_gone; g->old && r == 0; g++) {
                const char *list = g->old;

                while (r == 0 && (name = next_variable(conf, &list, &value)))
                        r = conf_note(conf, "%s has no effect: %s", name, g->why);
                if (list && r == 0)
                        return ERROR_MEMORY;
        }
        return r;
}
