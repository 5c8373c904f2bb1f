/* SPDX-License-Identifier: Apache-2.0 */
/* From text to a field and back: what conf_text() prints, conf_parse() reads to an equal value. Each kind is a row of
 * kinds[]; a refusal quotes the text, and then says what would be right. */
#include <arpa/inet.h>
#include <glob.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "daemons/conf/inside.h"

typedef struct ConfRow {
        size_t field_bytes;
        int (*parse)(const ConfParse *parse, const ConfKey *key, const char *text, void *field, Error *err);
        const char *(*print)(Arena *arena, const ConfKey *key, const void *field); /* of one that is set */
        bool (*is_set)(const void *field);
        const char *placeholder;
        const char *expects; /* NULL: depends on the key */
} ConfRow;

enum { USEC_PER_MSEC = 1000, USEC_PER_SEC = 1000000 };

enum { QUOTE_MAX = 300 }; /* of what is refused, so that what would be right has room behind it */

static bool is_word(const char *text, const char *chars) {
        return text[0] != '\0' && text[strspn(text, chars)] == '\0';
}

#define DIGITS "0123456789"

/* An integer without a sign, and nothing else. */
static bool read_number(const char *text, uint64_t *ret) {
        if (!is_word(text, DIGITS))
                return false;
        errno = 0;
        *ret  = strtoull(text, NULL, 10);
        return errno == 0;
}

static int keep(const ConfParse *parse, const char *text, void *field) {
        const char *copy = arena_copy(parse->arena, text, strlen(text) + 1);

        if (!copy)
                return ERROR_MEMORY;
        *(const char **) field = copy;
        return 0;
}

static const char *print_text(Arena *arena, const ConfKey *key _unused_, const void *field) {
        (void) arena;
        return *(const char *const *) field;
}

static bool text_is_set(const void *field) {
        return *(const char *const *) field != NULL;
}

static int parse_text(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field, Error *err) {
        if (text[0] == '\0')
                return error_set(err, ERROR_VALUE, "is empty");
        return keep(parse, text, field);
}

/* ---- Hosts and addresses ---- */

/* A copy without the brackets that an IPv6 address may have. */
static int parse_host(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field, Error *err) {
        struct in6_addr six;
        struct in_addr four;
        size_t n = strlen(text);
        const char *host;

        if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
                text++;
                n -= 2;
        }
        host = arena_printf(parse->arena, "%.*s", (int) n, text);
        if (!host)
                return ERROR_MEMORY;
        if (strchr(host, ':')) {
                if (inet_pton(AF_INET6, host, &six) != 1)
                        return error_set(err, ERROR_VALUE, "'%s' is neither a name nor an IP address", host);
        } else if (is_word(host, DIGITS ".")) {
                if (inet_pton(AF_INET, host, &four) != 1)
                        return error_set(err, ERROR_VALUE, "'%s' is not an IP address", host);
        } else if (n > CONF_MAX_HOST ||
                   !is_word(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._" DIGITS))
                return error_set(err, ERROR_VALUE, "'%s' is neither a name nor an IP address", host);
        *(const char **) field = host;
        return 0;
}

/* `text` is a copy of our own. */
static int check_address(const ConfParse *parse, const char *text, uint64_t least_port, Error *err) {
        const char *colon = strrchr(text, ':'), *host;
        uint64_t port;
        const char *copy;

        if (strncmp(text, "unix:", 5) == 0) {
                if (text[5] != '/')
                        return error_set(err, ERROR_VALUE, "'%s' has no absolute path", text);
                if (strlen(text + 5) > CONF_MAX_SOCKET)
                        return error_set(err, ERROR_VALUE,
                                         "the path of '%s' is longer than the %d bytes that a socket's "
                                         "may have",
                                         text, CONF_MAX_SOCKET);
                return 0;
        }
        if (strstr(text, "://"))
                return error_set(err, ERROR_VALUE, "'%s' is a URL", text);
        if (!colon || colon == text)
                return error_set(err, ERROR_VALUE, colon ? "'%s' has no host" : "'%s' has no port", text);
        if (!read_number(colon + 1, &port) || port < least_port || port > UINT16_MAX)
                return error_set(err, ERROR_VALUE, "'%s' in '%s' is not a port", colon + 1, text);
        copy = arena_printf(parse->arena, "%.*s", (int) (colon - text), text);
        if (!copy)
                return ERROR_MEMORY;
        if (strchr(copy, ':') && copy[0] != '[')
                return error_set(err, ERROR_VALUE, "'%s' is an IPv6 address without brackets", text);
        return parse_host(parse, NULL, copy, &host, err);
}

static int parse_address(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field,
                         Error *err) {
        int r = strncmp(text, "unix:", 5) == 0 ? error_set(err, ERROR_VALUE, "'%s' is a unix socket", text)
                                               : check_address(parse, text, 0, err); /* port 0: any that is free */

        return r < 0 ? r : keep(parse, text, field);
}

/* ---- Lists ---- */

static bool list_is_set(const void *field) {
        return ((const ConfList *) field)->n > 0;
}

static const char *print_list(Arena *arena, const ConfList *list, char separator) {
        const char *text = list->item[0];

        for (uint32_t k = 1; k < list->n && text; k++)
                text = arena_printf(arena, "%s%c%s", text, separator, list->item[k]);
        return text;
}

/* Items with separators between; blanks around them do not count. */
static int split(const ConfParse *parse, const char *text, char separator, ConfItems *items, Error *err) {
        for (const char *at = text;; at++) {
                size_t n = strcspn(at, (char[]) { separator, '\0' }), end = n;
                const char *from = at;
                char *item;

                for (; n > 0 && from[0] == ' '; n--)
                        from++;
                for (; n > 0 && from[n - 1] == ' ';)
                        n--;
                if (n == 0)
                        return error_set(err, ERROR_VALUE, text[0] ? "'%s' has an empty part" : "is empty", text);
                item = arena_alloc(parse->arena, n + 1);
                if (!item || vec_push(items, item) < 0)
                        return ERROR_MEMORY;
                memcpy(item, from, n);
                at += end;
                if (*at == '\0')
                        return 0;
        }
}

static int list_from(const ConfParse *parse, const ConfItems *items, void *field) {
        const char **item = arena_copy(parse->arena, items->data, items->n * sizeof(*items->data));

        if (!item)
                return ERROR_MEMORY;
        *(ConfList *) field = (ConfList) { item, items->n };
        return 0;
}

static int parse_addresses(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field,
                           Error *err) {
        ConfItems items = {};
        int r           = split(parse, text, ',', &items, err);

        for (uint32_t k = 0; k < items.n && r == 0; k++)
                r = check_address(parse, items.data[k], 1, err);
        if (r == 0)
                r = list_from(parse, &items, field);
        vec_free(&items);
        return r;
}

static const char *print_addresses(Arena *arena, const ConfKey *key _unused_, const void *field) {
        return print_list(arena, field, ',');
}

/* ---- Paths ---- */

static int absolute(const ConfParse *parse, const char *path, const char **ret, Error *err) {
        char *here;

        *ret = path;
        if (path[0] == '/')
                return 0;
        if (path[0] == '\0')
                return error_set(err, ERROR_VALUE, "is empty");
        if (!parse->relative)
                return error_set(err, ERROR_VALUE, "'%s' is relative to whatever the working directory will be", path);
        here = get_current_dir_name();
        if (!here)
                return error_set(err, ERROR_VALUE, "'%s' is relative to a working directory that cannot be read", path);
        *ret = arena_printf(parse->arena, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
        free(here);
        return *ret ? 0 : ERROR_MEMORY;
}

static int parse_path(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field, Error *err) {
        int r = absolute(parse, text, &text, err);

        return r < 0 ? r : keep(parse, text, field);
}

/* The files that a pattern matches, in the order of their names. */
static int expand(const ConfParse *parse, const char *pattern, ConfItems *paths, Error *err) {
        glob_t found = {};
        int r        = glob(pattern, GLOB_ONLYDIR, NULL, &found);

        if (r == GLOB_NOSPACE)
                r = ERROR_MEMORY;
        else if (r != 0)
                r = error_set(err, ERROR_VALUE, "'%s' matches no directory", pattern);
        for (size_t k = 0; k < found.gl_pathc && r == 0; k++) {
                const char *path = arena_copy(parse->arena, found.gl_pathv[k], strlen(found.gl_pathv[k]) + 1);

                r = path ? vec_push(paths, path) : ERROR_MEMORY;
        }
        globfree(&found);
        return r;
}

static int parse_paths(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field, Error *err) {
        ConfItems items = {}, paths = {};
        int r = split(parse, text, ':', &items, err);

        for (uint32_t k = 0; k < items.n && r == 0; k++) {
                const char *path;

                r = absolute(parse, items.data[k], &path, err);
                if (r == 0)
                        r = strpbrk(path, "*?[") ? expand(parse, path, &paths, err) : vec_push(&paths, path);
        }
        if (r == 0 && paths.n > MAX_SPILL_DIRS)
                r = error_set(err, ERROR_VALUE, "'%s' are %u directories, of at most %d", text, paths.n,
                              MAX_SPILL_DIRS);
        if (r == 0)
                r = list_from(parse, &paths, field);
        vec_free(&items);
        vec_free(&paths);
        return r;
}

static const char *print_paths(Arena *arena, const ConfKey *key _unused_, const void *field) {
        return print_list(arena, field, ':');
}

/* ---- Numbers ---- */

static int parse_port(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field, Error *err) {
        uint64_t port;

        (void) parse;
        if (!read_number(text, &port) || port > UINT16_MAX)
                return error_set(err, ERROR_VALUE, "'%s' is not a port", text);
        *(int *) field = (int) port;
        return 0;
}

static const char *print_port(Arena *arena, const ConfKey *key _unused_, const void *field) {
        return arena_printf(arena, "%d", *(const int *) field);
}

static bool port_is_set(const void *field) {
        return *(const int *) field >= 0;
}

static uint64_t most(const ConfKey *key) {
        return key->most ?: key->kind == CONF_COUNT ? UINT32_MAX : UINT64_MAX;
}

static int parse_count(const ConfParse *parse, const ConfKey *key, const char *text, void *field, Error *err) {
        uint64_t count;

        (void) parse;
        if (!read_number(text, &count))
                return error_set(err, ERROR_VALUE, "'%s' is not a number", text);
        if (count < key->least || count > most(key))
                return error_set(err, ERROR_VALUE, "%s is too %s", text, count < key->least ? "few" : "many");
        *(uint32_t *) field = (uint32_t) count;
        return 0;
}

static const char *print_count(Arena *arena, const ConfKey *key _unused_, const void *field) {
        return arena_printf(arena, "%" PRIu32, *(const uint32_t *) field);
}

static bool count_is_set(const void *field) {
        return *(const uint32_t *) field > 0;
}

/* Whether the total of which a share is one is known is the reader's business, not ours. */
static int parse_size(const ConfParse *parse, const ConfKey *key, const char *text, void *field, Error *err) {
        uint64_t bytes;
        int r;

        if (!key->share && strchr(text, '%'))
                return error_set(err, ERROR_VALUE, "'%s' is a share of something unknown", text);
        r = size_parse(text, key->share ? UINT64_MAX : 0, &bytes, err);
        return r < 0 ? r : keep(parse, text, field);
}

static int parse_bytes(const ConfParse *parse, const ConfKey *key, const char *text, void *field, Error *err) {
        uint64_t bytes;
        int r = strchr(text, '%') ? error_set(err, ERROR_VALUE, "'%s' is a share of something unknown", text)
                                  : size_parse(text, 0, &bytes, err);

        (void) parse;
        if (r < 0)
                return r;
        if (bytes < key->least || bytes > most(key))
                return error_set(err, ERROR_VALUE, "'%s' is too %s", text, bytes < key->least ? "little" : "much");
        *(uint64_t *) field = bytes;
        return 0;
}

/* Exactly: in the largest unit that has no rest. */
static const char *print_bytes(Arena *arena, const ConfKey *key _unused_, const void *field) {
        uint64_t bytes = *(const uint64_t *) field;
        unsigned unit  = 0;

        for (; unit < strlen("kmgtpe") && bytes > 0 && bytes % KiB == 0; unit++)
                bytes /= KiB;
        return arena_printf(arena, "%" PRIu64 "%.*s", bytes, unit > 0, &"?kmgtpe"[unit]);
}

static bool number_is_set(const void *field) {
        return *(const uint64_t *) field > 0;
}

static int parse_seconds(const ConfParse *parse, const ConfKey *key, const char *text, void *field, Error *err) {
        static const struct {
                const char *word;
                uint64_t usec;
        } units[] = {
                { "", USEC_PER_SEC },
                { "s", USEC_PER_SEC },
                { "ms", USEC_PER_MSEC },
                { "us", 1 },
                { "min", 60 * (uint64_t) USEC_PER_SEC },
                { "h", 3600 * (uint64_t) USEC_PER_SEC },
        };
        uint64_t whole = 0, part = 0, scale = 1, usec;
        size_t n = strspn(text, DIGITS);
        char digits[24];
        const char *unit = text + n;

        (void) parse;
        if (n == 0 || n >= sizeof(digits))
                return error_set(err, ERROR_VALUE, "'%s' is not a time", text);
        memcpy(digits, text, n);
        digits[n] = '\0';
        if (!read_number(digits, &whole))
                return error_set(err, ERROR_VALUE, "'%s' is too long", text);
        if (*unit == '.')
                for (unit++; *unit >= '0' && *unit <= '9'; unit++)
                        if (scale < USEC_PER_SEC) { /* digits below a microsecond are cut */
                                part = part * 10 + (uint64_t) (*unit - '0');
                                scale *= 10;
                        }
        unit += strspn(unit, " ");
        for (size_t k = 0; k < ELEMENTSOF(units); k++)
                if (strcmp(unit, units[k].word) == 0) {
                        if (__builtin_mul_overflow(whole, units[k].usec, &usec) ||
                            __builtin_add_overflow(usec, part * units[k].usec / scale, &usec) || usec > most(key))
                                return error_set(err, ERROR_VALUE, "'%s' is too long", text);
                        if (usec < key->least)
                                return error_set(err, ERROR_VALUE, "'%s' is too short", text);
                        *(uint64_t *) field = usec;
                        return 0;
                }
        return error_set(err, ERROR_VALUE, "'%s' is not a time", text);
}

static const char *print_seconds(Arena *arena, const ConfKey *key _unused_, const void *field) {
        uint64_t usec = *(const uint64_t *) field;
        char part[8];
        int n;

        n = snprintf(part, sizeof(part), "%06" PRIu64, usec % USEC_PER_SEC);
        while (n > 0 && part[n - 1] == '0')
                part[--n] = '\0';
        return arena_printf(arena, "%" PRIu64 "%s%s", usec / USEC_PER_SEC, n > 0 ? "." : "", part);
}

/* ---- Words ---- */

static const ConfChoice flag_words[] = { { "yes", true },    { "no", false }, { "true", true },
                                         { "false", false }, { "on", true },  { "off", false },
                                         { "1", true },      { "0", false },  {} };

static const ConfChoice *find_choice(const ConfChoice *choices, const char *word) {
        for (const ConfChoice *c = choices; c->word; c++)
                if (strcasecmp(c->word, word) == 0)
                        return c;
        return NULL;
}

static int parse_choice(const ConfParse *parse, const ConfKey *key, const char *text, void *field, Error *err) {
        const ConfChoice *c = find_choice(key->choices, text);

        (void) parse;
        if (!c)
                return error_set(err, ERROR_VALUE, "'%s' is none of the words", text);
        *(int *) field = c->value;
        return 0;
}

static const char *print_choice(Arena *arena, const ConfKey *key, const void *field) {
        const ConfChoice *c = key->choices;

        (void) arena;
        while (c->word && c->value != *(const int *) field)
                c++;
        return c->word;
}

static int parse_flag(const ConfParse *parse, const ConfKey *key _unused_, const char *text, void *field, Error *err) {
        const ConfChoice *c = find_choice(flag_words, text);

        (void) parse;
        if (!c)
                return error_set(err, ERROR_VALUE, "'%s' is neither yes nor no", text);
        *(bool *) field = c->value;
        return 0;
}

static const char *print_flag(Arena *arena, const ConfKey *key _unused_, const void *field) {
        (void) arena;
        return *(const bool *) field ? "yes" : "no";
}

static bool always_set(const void *field _unused_) {
        return true;
}

/* ---- All kinds ---- */

static const ConfRow kinds[] = {
        [CONF_TEXT]      = { sizeof(CONF_FIELD_TEXT), parse_text, print_text, text_is_set, "TEXT", "a text" },
        [CONF_HOST]      = { sizeof(CONF_FIELD_HOST), parse_host, print_text, text_is_set, "HOST",
                             "a name or an IP address, without a port" },
        [CONF_ADDRESS]   = { sizeof(CONF_FIELD_ADDRESS), parse_address, print_text, text_is_set, "HOST:PORT",
                             "host:port or [IPv6 address]:port" },
        [CONF_ADDRESSES] = { sizeof(CONF_FIELD_ADDRESSES), parse_addresses, print_addresses, list_is_set, "ADDRESS,…",
                             "host:port, [IPv6 address]:port or unix:/path, several with commas between" },
        [CONF_PORT]      = { sizeof(CONF_FIELD_PORT), parse_port, print_port, port_is_set, "PORT",
                             "a number from 1 to 65535, 0 for any that is free" },
        [CONF_COUNT]     = { sizeof(CONF_FIELD_COUNT), parse_count, print_count, count_is_set, "N", NULL },
        [CONF_SIZE]      = { sizeof(CONF_FIELD_SIZE), parse_size, print_text, text_is_set, "SIZE", NULL },
        [CONF_BYTES]     = { sizeof(CONF_FIELD_BYTES), parse_bytes, print_bytes, number_is_set, "SIZE", NULL },
        [CONF_SECONDS]   = { sizeof(CONF_FIELD_SECONDS), parse_seconds, print_seconds, number_is_set, "SECONDS", NULL },
        [CONF_FLAG]      = { sizeof(CONF_FIELD_FLAG), parse_flag, print_flag, always_set, "yes|no", "yes or no" },
        [CONF_CHOICE]    = { sizeof(CONF_FIELD_CHOICE), parse_choice, print_choice, always_set, NULL, NULL },
        [CONF_PATH]      = { sizeof(CONF_FIELD_PATH), parse_path, print_text, text_is_set, "PATH", "an absolute path" },
        [CONF_PATHS]     = { sizeof(CONF_FIELD_PATHS), parse_paths, print_paths, list_is_set, "PATH:…",
                             "absolute paths with colons between" },
};

/* The words of a choice, each value once: `between` them, and `last` before the last one. */
static const char *join_words(Arena *arena, const ConfChoice *choices, const char *between, const char *last) {
        const char *text          = "";
        const ConfChoice *pending = NULL;

        for (const ConfChoice *c = choices; c->word && text; c++) {
                bool seen = false;

                for (const ConfChoice *before = choices; before < c; before++)
                        seen |= before->value == c->value;
                if (seen)
                        continue;
                if (pending)
                        text = arena_printf(arena, "%s%s%s", text, text[0] ? between : "", pending->word);
                pending = c;
        }
        return text && pending ? arena_printf(arena, "%s%s%s", text, text[0] ? last : "", pending->word) : NULL;
}

const char *conf_placeholder(Arena *arena, const ConfKey *key) {
        return kinds[key->kind].placeholder ?: join_words(arena, key->choices, "|", "|");
}

static const char *expects_of_key(Arena *arena, const ConfKey *key) {
        const char *from, *to;

        switch (key->kind) {
        case CONF_COUNT:
                return arena_printf(arena, "a number from %" PRIu64 " to %" PRIu64, key->least, most(key));
        case CONF_SIZE:
                return key->share ? "a size such as 512m, 1.5g or 50%" : "a size such as 512m or 1.5g";
        case CONF_BYTES:
                return "a size such as 2m or 1g";
        case CONF_SECONDS:
                from = print_seconds(arena, key, &(uint64_t) { key->least });
                to   = print_seconds(arena, key, &(uint64_t) { most(key) });
                if (!from || !to)
                        return NULL;
                return arena_printf(arena, "a time such as 2, 0.5, 200ms or 5min, from %s to %s s", from, to);
        default:
                return join_words(arena, key->choices, ", ", " or ");
        }
}

const char *conf_expects(Arena *arena, const ConfKey *key) {
        const char *text = kinds[key->kind].expects ?: expects_of_key(arena, key);

        return text && key->unset ? arena_printf(arena, "%s, or %s", text, key->unset) : text;
}

int conf_parse(const ConfParse *parse, const ConfKey *key, const char *text, void *values, Error *err) {
        const ConfRow *row = &kinds[key->kind];
        void *field        = (char *) values + key->offset;
        const char *expects;
        int r;

        if (key->unset && strcmp(text, key->unset) == 0) {
                memset(field, 0, row->field_bytes);
                if (key->kind == CONF_PORT)
                        *(int *) field = -1;
                return 0;
        }
        r = row->parse(parse, key, text, field, err);
        if (r != ERROR_VALUE || !err)
                return r;
        expects = conf_expects(parse->arena, key);
        return expects ? error_set(err, ERROR_VALUE, "%.*s: give %s", QUOTE_MAX, err->text, expects) : ERROR_MEMORY;
}

const char *conf_text(Arena *arena, const ConfKey *key, const void *values) {
        const ConfRow *row = &kinds[key->kind];
        const void *field  = (const char *) values + key->offset;

        return key->unset && !row->is_set(field) ? key->unset : row->print(arena, key, field);
}
