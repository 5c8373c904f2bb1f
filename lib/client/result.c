/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "client/result.h"

int result_new(Result **ret, Engine *engine, TensorId id, Error *err) {
        Result *result = malloc(sizeof(*result));

        if (!result) {
                engine_release(engine, id);
                return error_oom(err, sizeof(*result));
        }
        *result = (Result) { .n_ref = 1, .engine = engine_ref(engine), .id = id };
        *ret    = result;
        return 0;
}

Result *result_ref(Result *result) {
        atomic_fetch_add_explicit(&result->n_ref, 1, memory_order_relaxed);
        return result;
}

Result *result_unref(Result *result) {
        if (result && atomic_fetch_sub(&result->n_ref, 1) == 1) {
                engine_release(result->engine, result->id);
                engine_unref(result->engine);
                free(result);
        }
        return NULL;
}

void results_free(Result *list) {
        while (list) {
                Result *next = list->next;

                result_unref(list);
                list = next;
        }
}

Result *tensor_result(mars_tensor *tensor, const Engine *engine) {
        Result *found = NULL;

        pthread_mutex_lock(&expr_lock);
        for (Result *r = tensor->results; r && !found; r = r->next)
                if ((!engine || r->engine == engine) && !engine_closed(r->engine))
                        found = result_ref(r);
        pthread_mutex_unlock(&expr_lock);
        return found;
}

void tensor_add_result(mars_tensor *tensor, Result *result) {
        Result *surplus = result, *closed = NULL;
        bool done       = false, there = false;

        pthread_mutex_lock(&expr_lock);
        for (Result **at = &tensor->results; *at;) {
                Result *r = *at;

                there |= r->engine == result->engine;
                if (engine_closed(r->engine)) { /* what closed sessions left behind goes on this occasion */
                        *at     = r->next;
                        r->next = closed;
                        closed  = r;
                } else
                        at = &r->next;
        }
        if (!there && atomic_load(&tensor->n_need) > 0) {
                result->next    = tensor->results;
                tensor->results = result;
                surplus         = NULL;
                done            = expr_is_done(tensor->expr);
        }
        pthread_mutex_unlock(&expr_lock);

        results_free(closed);
        result_unref(surplus);
        if (done)
                expr_forget_inputs(tensor->expr);
}
