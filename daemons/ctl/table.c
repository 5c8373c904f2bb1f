/* SPDX-License-Identifier: Apache-2.0 */
/* Names come from whoever connected, so what would move a terminal's cursor is shown as '?'. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/size.h"
#include "daemons/ctl/ctl.h"

enum { GAP = 2 }; /* blanks between columns */

int ctl_parse(struct json_object **ret, const char *text, Error *err) {
        enum json_tokener_error why;

        *ret = json_tokener_parse_verbose(text, &why);
        return *ret ? 0
                    : error_set(err, ERROR_CORRUPT, "what the scheduler answers is no JSON: %s",
                                json_tokener_error_desc(why));
}

/* The next character of the text and how many columns it takes; at its end false. */
static bool next_character(const char **at, wchar_t *ret, int *ret_columns) {
        mbstate_t state = {};
        size_t n        = mbrtowc(ret, *at, strlen(*at), &state);

        if (!**at)
                return false;
        if (n == 0 || n > strlen(*at)) { /* no character in this locale */
                *ret = L'?';
                n    = 1;
        }
        if (!iswprint((wint_t) *ret))
                *ret = L'?';
        *at += n;
        *ret_columns = MAX(wcwidth(*ret), 0);
        return true;
}

static int text_columns(const char *text) {
        wchar_t c;
        int sum = 0;

        for (int n; next_character(&text, &c, &n);)
                sum += n;
        return sum;
}

static void put_cell(FILE *out, const char *text, int width, bool right) {
        const int blanks = MAX(width - text_columns(text), 0);
        wchar_t c;

        if (right)
                fprintf(out, "%*s", blanks, "");
        for (int n; next_character(&text, &c, &n);)
                fprintf(out, "%lc", (wint_t) c);
        if (!right)
                fprintf(out, "%*s", blanks, "");
}

/* ---- Cells ------------------------------------------------------------------------------------------------------ */

static const char *seconds_text(Arena *arena, double s) {
        const unsigned long minutes = (unsigned long) (s / 60);

        if (s < 60)
                return arena_printf(arena, "%.1f s", s);
        if (minutes < 60)
                return arena_printf(arena, "%lu min %02lu s", minutes, (unsigned long) s % 60);
        if (minutes < 48 * 60)
                return arena_printf(arena, "%lu h %02lu min", minutes / 60, minutes % 60);
        return arena_printf(arena, "%lu days %lu h", minutes / 60 / 24, minutes / 60 % 24);
}

const char *cell_text(Arena *arena, const Column *column, struct json_object *row) {
        struct json_object *value = NULL, *of = NULL;
        char size[SIZE_TEXT_MAX], of_size[SIZE_TEXT_MAX];
        const char *text;

        if (!json_object_object_get_ex(row, column->key, &value) || !value ||
            (column->of && !json_object_object_get_ex(row, column->of, &of)))
                return "-";
        text = json_object_get_string(value);
        switch (column->kind) {
        case CELL_TEXT:
        case CELL_COUNT:
                return arena_printf(arena, "%s", text[0] ? text : "-");
        case CELL_HEAD:
                return arena_printf(arena, "%.*s", (int) strcspn(text, ";"), text[0] ? text : "-");
        case CELL_PART:
                return arena_printf(arena, "%s.%s", text, json_object_get_string(of));
        case CELL_BYTES:
                return arena_printf(arena, "%s", size_print(json_object_get_uint64(value), size));
        case CELL_OF:
                return arena_printf(arena, "%s of %s", text, json_object_get_string(of));
        case CELL_BYTES_OF:
                return arena_printf(arena, "%s of %s", size_print(json_object_get_uint64(value), size),
                                    size_print(json_object_get_uint64(of), of_size));
        case CELL_SECONDS:
                return seconds_text(arena, json_object_get_double(value));
        }
        return NULL;
}

/* ---- Tables ----------------------------------------------------------------------------------------------------- */

static int by_number(const char *key, struct json_object *a, struct json_object *b) {
        struct json_object *x = NULL, *y = NULL;
        int64_t m, n;

        json_object_object_get_ex(a, key, &x);
        json_object_object_get_ex(b, key, &y);
        m = json_object_get_int64(x);
        n = json_object_get_int64(y);
        return m < n ? -1 : m > n;
}

/* Numbers of the rows in their order: there are few, and mostly they come in it, or backwards. */
static void order_rows(struct json_object *rows, const char *key, size_t n, size_t order[]) {
        for (size_t k = 0; k < n; k++) {
                struct json_object *row = json_object_array_get_idx(rows, k);
                size_t at               = k;

                for (; at > 0 && by_number(key, json_object_array_get_idx(rows, order[at - 1]), row) > 0; at--)
                        order[at] = order[at - 1];
                order[at] = k;
        }
}

int ctl_table(FILE *out, const Column *column, uint32_t n_columns, struct json_object *rows, const char *none) {
        const size_t n                      = json_object_array_length(rows);
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const char **cell                   = arena ? arena_new_array(arena, const char *, (n + 1) * n_columns) : NULL;
        size_t *order                       = arena ? arena_new_array(arena, size_t, n + 1) : NULL;
        int *width                          = arena ? arena_new_array(arena, int, n_columns) : NULL;

        if (!cell || !order || !width)
                return ERROR_MEMORY;
        if (n == 0) {
                fprintf(out, "%s\n", none);
                return 0;
        }
        order_rows(rows, column[0].key, n, order);
        for (uint32_t k = 0; k < n_columns; k++) {
                cell[k] = column[k].title;
                for (size_t row = 0; row < n; row++) {
                        const char **at = &cell[(row + 1) * n_columns + k];

                        *at = cell_text(arena, &column[k], json_object_array_get_idx(rows, order[row]));
                        if (!*at)
                                return ERROR_MEMORY;
                        width[k] = MAX(width[k], text_columns(*at));
                }
                width[k] = MAX(width[k], text_columns(cell[k]));
        }
        for (size_t row = 0; row <= n; row++)
                for (uint32_t k = 0; k < n_columns; k++) {
                        const bool last = k + 1 == n_columns, right = column[k].kind > CELL_HEAD;

                        put_cell(out, cell[row * n_columns + k], last && !right ? 0 : width[k], right);
                        fprintf(out, "%*s", last ? 0 : GAP, "");
                        if (last)
                                fputc('\n', out);
                }
        return 0;
}
