/* SPDX-License-Identifier: Apache-2.0 */
/* What of a session is kept, and what is said of it (book.h). Of results that the client may not have heard of the
 * session has a reference, as it has of those that the client has; RESUME tells them apart. */
#include <stdlib.h>
#include <string.h>

#include "sched/book.h"

void asked_free(Asked *a) {
        if (!a)
                return;
        free(a->tensor);
        free(a->outcome);
        free(a);
}

void book_done(Book *b) {
        map_done(&b->requests);
        map_done(&b->refs);
        vec_free(&b->later);
}

void book_begin(Book *b, bool again) {
        b->there  = true;
        b->silent = again;
}

void book_leave(Book *b) {
        b->there   = false;
        b->later.n = 0;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

Asked *book_find(const Book *b, uint64_t request) {
        return (Asked *) (uintptr_t) map_get(&b->requests, request);
}

int book_ask(Book *b, uint64_t request, Asked **ret) {
        Asked *a = book_find(b, request);

        if (a)
                return BOOK_KNOWN;
        a = calloc(1, sizeof(*a));
        if (!a || map_set(&b->requests, request, (uintptr_t) a) < 0) {
                free(a);
                return -ENOMEM;
        }
        a->request = request;
        *ret       = a;
        return 0;
}

bool book_knows(const Book *b, uint64_t request, Asked **ret) {
        *ret = book_find(b, request);
        return *ret && (*ret)->finished;
}

void book_forget(Book *b, Asked *a) {
        map_remove(&b->requests, a->request);
        asked_free(a);
}

/* ---- References -------------------------------------------------------------------------------------------------- */

int book_hold(Book *b, uint64_t tensor) {
        return map_set(&b->refs, tensor, map_get(&b->refs, tensor) + 1);
}

int book_release(Book *b, uint64_t tensor, Error *err) {
        const uint64_t n = map_get(&b->refs, tensor);

        if (n == 0)
                return error_set(err, ERROR_CORRUPT, "tensor %llu is not its own", (unsigned long long) tensor);
        if (n > 1)
                return map_set(&b->refs, tensor, n - 1) < 0 ? error_oom(err, sizeof(n)) : 0;
        map_remove(&b->refs, tensor);
        return 0;
}

/* ---- What is said later ------------------------------------------------------------------------------------------ */

int book_later(Book *b, const Later *later) {
        if (!b->there || (b->silent && later->kind != LATER_WELCOME))
                return 0; /* it will say what it knows, and hear the rest */
        return vec_push(&b->later, *later);
}

bool book_say(Book *b, uint64_t committed, Later *ret) {
        while (b->later.n > 0 && b->later.data[0].mark <= committed) {
                const Asked *a;

                *ret = b->later.data[0];
                b->later.n--;
                memmove(b->later.data, b->later.data + 1, b->later.n * sizeof(*ret));
                a = ret->kind == LATER_FINISHED ? book_find(b, ret->request) : NULL;
                if (ret->kind != LATER_FINISHED || (a && a->finished))
                        return true;
        }
        return false;
}

bool book_unsaid(const Book *b, uint32_t *at, uint64_t *ret_tensor) {
        while (*at < b->later.n) {
                const Later *later = &b->later.data[(*at)++];

                if (later->kind != LATER_SPARED)
                        continue;
                *ret_tensor = later->tensor;
                return true;
        }
        return false;
}

/* ---- RESUME ------------------------------------------------------------------------------------------------------ */

void book_resumed_done(BookResumed *resumed) {
        vec_free(&resumed->known);
        vec_free(&resumed->unwanted);
        vec_free(&resumed->gone);
}

/* How often the session keeps each tensor: as often as the client names it, and once for each result of an outcome that
 * it has not heard. */
static int tensors_kept(const Book *b, const uint64_t *tensor, uint32_t n_tensor, Map *kept, Error *err) {
        int r = n_tensor % 2 == 0 ? 0 : error_set(err, ERROR_CORRUPT, "half a pair");

        for (uint32_t k = 0; k < n_tensor && r == 0; k += 2) {
                const uint64_t id = tensor[k], n = tensor[k + 1];

                if (n == 0 || n > map_get(&b->refs, id))
                        r = error_set(err, ERROR_CLOSED, "tensor %llu is not there any more", (unsigned long long) id);
                else if (map_set(kept, id, n) < 0)
                        r = error_oom(err, sizeof(n));
        }
        return r;
}

static int outcomes_kept(const Book *b, const uint64_t *request, uint32_t n, Map *kept, Map *waited, Error *err) {
        for (uint32_t k = 0; k < n; k++) {
                const Asked *a = book_find(b, request[k]);

                if (map_get(waited, request[k]) != 0)
                        continue;
                if (map_set(waited, request[k], 1) < 0)
                        return error_oom(err, sizeof(*a));
                for (uint32_t i = 0; a && i < a->n_tensors; i++)
                        if (map_set(kept, a->tensor[i], map_get(kept, a->tensor[i]) + 1) < 0)
                                return error_oom(err, sizeof(*a));
        }
        return 0;
}

static int requests_left(const Book *b, const Map *waited, BookResumed *ret) {
        int r = 0;

        for (uint32_t k = 0; k < b->requests.capacity && r == 0; k++) {
                Asked *a = (Asked *) (uintptr_t) b->requests.entry[k].value;

                if (!a || map_get(waited, a->request) != 0)
                        continue;
                r = a->finished   ? vec_push(&ret->known, a->request)
                    : a->unwanted ? 0
                                  : vec_push(&ret->unwanted, a->request);
        }
        return r;
}

static int tensors_left(const Book *b, const Map *kept, BookResumed *ret) {
        int r = 0;

        for (uint32_t k = 0; k < b->refs.capacity && r == 0; k++) {
                const uint64_t id = b->refs.entry[k].key, n = b->refs.entry[k].value,
                               n_kept = n > 0 ? map_get(kept, id) : 0;

                assert(n_kept <= n);
                if (n == n_kept)
                        continue;
                r = vec_push(&ret->gone, id);
                if (r == 0)
                        r = vec_push(&ret->gone, n - n_kept);
        }
        return r;
}

int book_resume(Book *b, const uint64_t *tensor, uint32_t n_tensor, const uint64_t *request, uint32_t n_request,
                BookResumed *ret, Error *err) {
        _cleanup_(map_done) Map kept = {}, waited = {};
        int r;

        if (!b->silent)
                return error_set(err, ERROR_CORRUPT, "RESUME of a session that has begun just now");
        r = tensors_kept(b, tensor, n_tensor, &kept, err);
        if (r == 0)
                r = outcomes_kept(b, request, n_request, &kept, &waited, err);
        if (r < 0)
                return r;
        if (requests_left(b, &waited, ret) < 0 || tensors_left(b, &kept, ret) < 0)
                return error_oom(err, sizeof(*ret));
        for (uint32_t k = 0; k < ret->unwanted.n; k++)
                book_find(b, ret->unwanted.data[k])->unwanted = true;
        for (uint32_t k = 0; k < ret->gone.n; k += 2) {
                const uint64_t id = ret->gone.data[k], n = map_get(&b->refs, id) - ret->gone.data[k + 1];

                if (n == 0)
                        map_remove(&b->refs, id);
                else if (map_set(&b->refs, id, n) < 0)
                        assert(false); /* it is there */
        }
        return 0;
}

int book_resume_end(Book *b, const uint64_t *request, uint32_t n_request, uint64_t mark) {
        int r = 0;

        b->silent = false;
        for (uint32_t k = 0; k < n_request && r == 0; k++) {
                const Asked *a = book_find(b, request[k]);

                if (a && a->finished)
                        r = book_later(b, &(Later) { .kind = LATER_FINISHED, .mark = mark, .request = a->request });
        }
        return r;
}

bool book_answers(uint64_t wanted, uint64_t given) {
        return given == 0 || given == wanted;
}
