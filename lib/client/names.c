/* SPDX-License-Identifier: Apache-2.0 */
/* Results by name. What is opened is a tensor that nothing can compute: it is there, in that session.
 *
 * To the engine a time is an integer (client/times.h), so its name says what it is: "<M8[ns] wind" is a date that users
 * know as "wind". Their own names do not begin like that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/result.h"
#include "client/session.h"
#include "client/times.h"

enum { MAX_NAME = 255, CLOSE = 3, N_NEAR = 5 }; /* letters that may differ; names that an error lists */

/* The users' part of a name, and the type that the rest says; MARS_DTYPE_NONE: there is no rest. */
static const char *name_parts(const char *whole, unsigned *ret_type) {
        const char *end = strchr(whole, ' ');
        char code[16];

        *ret_type = MARS_DTYPE_NONE;
        if (whole[0] != '<' || !end || (size_t) (end - whole) >= sizeof(code))
                return whole;
        memcpy(code, whole, (size_t) (end - whole));
        code[end - whole] = '\0';
        return type_from_name(code, ret_type) && type_is_time(*ret_type) ? end + 1
                                                                         : (*ret_type = MARS_DTYPE_NONE, whole);
}

static int name_check(const char *name, Error *err) {
        unsigned type;

        if (!name || !name[0] || strlen(name) > MAX_NAME || strchr(name, '\n'))
                return error_set(err, ERROR_VALUE, "a name is a line of text of at most %d bytes", MAX_NAME);
        name_parts(name, &type);
        if (type != MARS_DTYPE_NONE)
                return error_set(err, ERROR_VALUE, "a name does not begin with a dtype");
        return 0;
}

/* Letters to be put, taken out or changed. */
static size_t distance(const char *a, const char *b) {
        const size_t n = strlen(b);
        size_t row[MAX_NAME + 2];

        for (size_t k = 0; k <= n; k++)
                row[k] = k;
        for (size_t i = 0; a[i]; i++) {
                size_t before = row[0];

                row[0] = i + 1;
                for (size_t k = 0; k < n; k++) {
                        const size_t above = row[k + 1];

                        row[k + 1] = MIN(MIN(above, row[k]) + 1, before + (a[i] != b[k]));
                        before     = above;
                }
        }
        return row[n];
}

/* The words for a name that nobody gave: those that it may have meant. */
static int unknown(const char *name, char *names, Error *err) {
        char near[MAX_ERROR_TEXT / 2] = "", *rest = NULL;
        uint32_t n = 0, n_all = 0;

        for (char *one = strtok_r(names, "\n", &rest); one; one = strtok_r(NULL, "\n", &rest)) {
                const size_t at = strlen(near);
                unsigned type;
                const char *known = name_parts(one, &type);

                n_all++;
                if (n < N_NEAR && strlen(known) <= MAX_NAME &&
                    (distance(name, known) <= CLOSE || strncmp(name, known, CLOSE) == 0) &&
                    at + strlen(known) + 5 < sizeof(near)) {
                        snprintf(near + at, sizeof(near) - at, "%s'%s'", n > 0 ? ", " : "", known);
                        n++;
                }
        }
        return n > 0 ? error_set(err, MARS_ERROR_NO_NAME, "there is no result '%.200s'; there is %s", name, near)
                     : error_set(err, MARS_ERROR_NO_NAME, "there is no result '%.200s' among %u names", name, n_all);
}

static int ask(mars_session *session, WireName what, const char *name, TensorId *tensor, Engine **ret_engine,
               char **ret_names, Error *err) {
        _cleanup_(freep) char *names = NULL;
        int r                        = session_engine(session, ret_engine, err);

        if (r == 0)
                r = engine_name(*ret_engine, what, name, tensor, &names, err);
        if (r == MARS_ERROR_NO_NAME && name && names)
                r = unknown(name, names, err);
        if (r == 0 && ret_names)
                *ret_names = TAKE_PTR(names);
        return r;
}

/* What the engine calls the result that users call `name`: 0, or 1 if there is none. */
static int whole_name(mars_session *session, const char *name, char ret[static MAX_NAME + 1], Error *err) {
        _cleanup_(freep) char *names = NULL;
        char *rest                   = NULL;
        Engine *engine               = NULL;
        TensorId none                = 0;
        int r                        = name_check(name, err);

        if (r == 0)
                r = ask(session, NAME_LIST, NULL, &none, &engine, &names, err);
        if (r < 0)
                return r;
        for (char *one = strtok_r(names, "\n", &rest); one; one = strtok_r(NULL, "\n", &rest)) {
                unsigned type;

                if (strcmp(name_parts(one, &type), name) == 0 && strlen(one) <= MAX_NAME) {
                        memcpy(ret, one, strlen(one) + 1);
                        return 0;
                }
        }
        memcpy(ret, name, strlen(name) + 1); /* which is asked for, for the words */
        return 1;
}

int mars_save_as(mars_session *session, mars_tensor *tensor, const char *name, mars_error *err) {
        _cleanup_(result_unrefp) Result *result = NULL;
        Engine *engine                          = NULL;
        char whole[MAX_NAME + 1];
        TensorId id;
        int r = mars_execute(session, 1, &tensor, err);

        if (r == 0)
                r = session_engine(session, &engine, error_of(err));
        if (r < 0)
                return r;
        result = tensor_result(tensor, engine);
        if (!result)
                return error_set(error_of(err), ERROR_VALUE, "save_as: the session does not have the tensor's values");
        r = whole_name(session, name, whole, error_of(err));
        if (r < 0)
                return r;
        if (r > 0 && type_is_time(tensor->dtype) &&
            (size_t) snprintf(whole, sizeof(whole), "%s %s", type_code(tensor->dtype), name) >= sizeof(whole))
                return error_set(error_of(err), ERROR_VALUE, "the name of a time has at most %zu bytes",
                                 MAX_NAME - strlen(type_code(tensor->dtype)) - 1);
        id = result->id;
        return ask(session, NAME_SAVE, whole, &id, &engine, NULL, error_of(err));
}

int mars_open(mars_tensor **ret, mars_session *session, const char *name, mars_error *err) {
        Engine *engine = NULL;
        const Tiling *tiling;
        const Spec *spec;
        Result *result = NULL;
        Expr *e        = NULL;
        TensorId id    = 0;
        char whole[MAX_NAME + 1];
        unsigned type;
        int r = whole_name(session, name, whole, error_of(err));

        if (r >= 0)
                r = ask(session, NAME_OPEN, whole, &id, &engine, NULL, error_of(err));
        if (r == 0)
                r = result_new(&result, engine, id, error_of(err));
        if (r < 0)
                return r;
        r = engine_tensor(engine, id, &spec, &tiling, error_of(err));
        if (r > 0)
                r = error_set(error_of(err), ERROR_CLOSED, "the session is closed");
        if (r == 0)
                r = expr_new_leaf(&e, EXPR_NAMED, spec, error_of(err));
        if (r < 0) {
                result_unref(result);
                return r;
        }
        tensor_add_result(&e->out[0], result);
        name_parts(whole, &type);
        if (type != MARS_DTYPE_NONE && spec->dtype == DTYPE_I64)
                e->out[0].dtype = (uint8_t) type;
        *ret = &e->out[0];
        return 0;
}

int mars_names(char **ret, mars_session *session, mars_error *err) {
        Engine *engine = NULL;
        TensorId none  = 0;
        char *to;
        int r = ask(session, NAME_LIST, NULL, &none, &engine, ret, error_of(err));

        if (r < 0)
                return r;
        to = *ret;
        for (const char *at = *ret; *at;) { /* line by line, each from its users' part on */
                const size_t n = strcspn(at, "\n");
                const char *end = at + n + (at[n] == '\n');
                unsigned type;

                at = name_parts(at, &type);
                memmove(to, at, (size_t) (end - at));
                to += end - at;
                at = end;
        }
        *to = '\0';
        return 0;
}

int mars_remove(mars_session *session, const char *name, mars_error *err) {
        Engine *engine = NULL;
        TensorId none  = 0;
        char whole[MAX_NAME + 1];
        int r = whole_name(session, name, whole, error_of(err));

        return r < 0 ? r : ask(session, NAME_REMOVE, whole, &none, &engine, NULL, error_of(err));
}
