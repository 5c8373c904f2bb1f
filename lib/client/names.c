/* SPDX-License-Identifier: Apache-2.0 */
/* Results by name. What is opened is a tensor that nothing can compute: it is there, in that session. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/result.h"
#include "client/session.h"
#include "client/times.h"

enum { MAX_NAME = 255, CLOSE = 3, N_NEAR = 5 }; /* letters that may differ; names that an error lists */

static int name_check(const char *name, Error *err) {
        if (!name || !name[0] || strlen(name) > MAX_NAME || strchr(name, '\n'))
                return error_set(err, ERROR_VALUE, "a name is a line of text of at most %d bytes", MAX_NAME);
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

                n_all++;
                if (n < N_NEAR && strlen(one) <= MAX_NAME &&
                    (distance(name, one) <= CLOSE || strncmp(name, one, CLOSE) == 0) &&
                    at + strlen(one) + 5 < sizeof(near)) {
                        snprintf(near + at, sizeof(near) - at, "%s'%s'", n > 0 ? ", " : "", one);
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

        if (r == 0 && what != NAME_LIST)
                r = name_check(name, err);
        if (r == 0)
                r = engine_name(*ret_engine, what, name, tensor, &names, err);
        if (r == MARS_ERROR_NO_NAME && names)
                r = unknown(name, names, err);
        if (r == 0 && ret_names)
                *ret_names = TAKE_PTR(names);
        return r;
}

int mars_save_as(mars_session *session, mars_tensor *tensor, const char *name, mars_error *err) {
        _cleanup_(result_unrefp) Result *result = NULL;
        Engine *engine                          = NULL;
        TensorId id;
        int r;

        if (type_is_time(tensor->dtype)) /* names are of the engine, which does not know of times */
                return error_set(error_of(err), ERROR_SUPPORT,
                                 "save_as: names keep no units: save astype('int64'), and cast what is opened to %s",
                                 type_name(tensor->dtype));
        r = mars_execute(session, 1, &tensor, err);
        if (r == 0)
                r = session_engine(session, &engine, error_of(err));
        if (r < 0)
                return r;
        result = tensor_result(tensor, engine);
        if (!result)
                return error_set(error_of(err), ERROR_VALUE, "save_as: the session does not have the tensor's values");
        id = result->id;
        return ask(session, NAME_SAVE, name, &id, &engine, NULL, error_of(err));
}

int mars_open(mars_tensor **ret, mars_session *session, const char *name, mars_error *err) {
        Engine *engine = NULL;
        const Tiling *tiling;
        const Spec *spec;
        Result *result = NULL;
        Expr *e        = NULL;
        TensorId id    = 0;
        int r          = ask(session, NAME_OPEN, name, &id, &engine, NULL, error_of(err));

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
        *ret = &e->out[0];
        return 0;
}

int mars_names(char **ret, mars_session *session, mars_error *err) {
        Engine *engine = NULL;
        TensorId none  = 0;

        return ask(session, NAME_LIST, NULL, &none, &engine, ret, error_of(err));
}

int mars_remove(mars_session *session, const char *name, mars_error *err) {
        Engine *engine = NULL;
        TensorId none  = 0;

        return ask(session, NAME_REMOVE, name, &none, &engine, NULL, error_of(err));
}
