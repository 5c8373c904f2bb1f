/* SPDX-License-Identifier: Apache-2.0 */
/* The book of a session, when links break: what is said again changes nothing, what was not heard is told once, and
 * what nobody knows of is let go. The client of tests/sim breaks its link in the middle of everything else. */
#include <stdlib.h>

#include "sched/book.h"

#include "harness.h"

enum { COMMITTED = 10 };

/* A request that has finished with these results; its client may not know it. */
static Asked *finished(Book *b, uint64_t request, uint32_t n, const uint64_t *tensor) {
        Asked *a = NULL;

        ck_assert_int_eq(book_ask(b, request, &a), 0);
        a->finished  = true;
        a->n_tensors = n;
        a->tensor    = calloc(n + 1, sizeof(*a->tensor));
        for (uint32_t k = 0; k < n; k++) {
                a->tensor[k] = tensor[k];
                ck_assert_int_eq(book_hold(b, tensor[k]), 0);
        }
        return a;
}

static void later(Book *b, LaterKind kind, uint64_t request, uint64_t mark) {
        ck_assert_int_eq(book_later(b, &(Later) { .kind = kind, .mark = mark, .request = request }), 0);
}

static void said(Book *b, LaterKind kind, uint64_t request) {
        Later l;

        ck_assert(book_say(b, COMMITTED, &l));
        ck_assert_int_eq(l.kind, kind);
        ck_assert_uint_eq(l.request, request);
}

static void nothing_said(Book *b) {
        Later l;

        ck_assert(!book_say(b, COMMITTED, &l));
}

static void end(Book *b) {
        for (uint32_t k = 0; k < b->requests.capacity; k++)
                asked_free((Asked *) (uintptr_t) b->requests.entry[k].value);
        book_done(b);
}

TEST(request_that_is_said_again_is_the_same_one) {
        Book b   = {};
        Asked *a = NULL, *again = NULL;

        book_begin(&b, false);
        ck_assert_int_eq(book_ask(&b, 7, &a), 0);
        ck_assert_int_eq(book_ask(&b, 7, &again), BOOK_KNOWN);
        ck_assert_ptr_null(again);
        a->finished = true;
        ck_assert_int_eq(book_ask(&b, 7, &again), BOOK_KNOWN); /* until the client knows the outcome */
        ck_assert(book_knows(&b, 7, &again));
        book_forget(&b, again);
        ck_assert(!book_knows(&b, 7, &again));
        end(&b);
}

TEST(answer_is_said_when_it_is_on_disk) {
        Book b = {};
        Later l;

        book_begin(&b, false);
        finished(&b, 1, 0, NULL);
        later(&b, LATER_FINISHED, 1, COMMITTED + 1);
        nothing_said(&b);
        ck_assert(book_say(&b, COMMITTED + 1, &l));
        nothing_said(&b);
        end(&b);
}

/* It was not on disk when its link broke: over the next one it is told, once. */
TEST(answer_of_a_link_that_broke_is_not_said_over_the_next_one) {
        Book b             = {};
        BookResumed what   = {};
        Error err          = {};
        const uint64_t one = 1;

        book_begin(&b, false);
        finished(&b, 1, 0, NULL);
        later(&b, LATER_FINISHED, 1, COMMITTED);
        later(&b, LATER_ADOPTED, 2, COMMITTED);
        book_leave(&b);
        later(&b, LATER_ADOPTED, 3, COMMITTED); /* nobody is there */
        book_begin(&b, true);
        later(&b, LATER_WELCOME, 0, COMMITTED);
        later(&b, LATER_FINISHED, 1, COMMITTED); /* it has not said what it knows */
        said(&b, LATER_WELCOME, 0);
        nothing_said(&b);
        ck_assert_int_eq(book_resume(&b, NULL, 0, &one, 1, &what, &err), 0);
        ck_assert_int_eq(book_resume_end(&b, &one, 1, COMMITTED), 0);
        said(&b, LATER_FINISHED, 1);
        nothing_said(&b);
        book_resumed_done(&what);
        end(&b);
}

TEST(data_is_spared_when_the_disk_has_it_and_over_a_new_link_is_still_there_until_then) {
        Book b             = {};
        BookResumed what   = {};
        Error err          = {};
        const uint64_t two = 2;
        uint32_t at        = 0;
        uint64_t tensor;

        book_begin(&b, false);
        ck_assert_int_eq(book_later(&b, &(Later) { .kind = LATER_SPARED, .mark = COMMITTED + 1, .tensor = 30 }), 0);
        nothing_said(&b);
        book_leave(&b);
        book_begin(&b, true);
        ck_assert_int_eq(book_resume(&b, NULL, 0, &two, 1, &what, &err), 0);
        ck_assert_int_eq(book_resume_end(&b, NULL, 0, COMMITTED), 0);
        ck_assert(!book_unsaid(&b, &at, &tensor)); /* what the old link was to say is part of what it is told now */
        later(&b, LATER_KEPT, 0, COMMITTED);
        ck_assert_int_eq(book_later(&b, &(Later) { .kind = LATER_SPARED, .mark = COMMITTED + 1, .tensor = 31 }), 0);
        said(&b, LATER_KEPT, 0);
        ck_assert(book_unsaid(&b, &at, &tensor));
        ck_assert_uint_eq(tensor, 31);
        ck_assert(!book_unsaid(&b, &at, &tensor));
        nothing_said(&b);
        book_resumed_done(&what);
        end(&b);
}

TEST(outcome_that_the_client_knows_is_not_said_after_all) {
        Book b = {};

        book_begin(&b, false);
        book_forget(&b, finished(&b, 1, 0, NULL));
        later(&b, LATER_FINISHED, 1, COMMITTED);
        later(&b, LATER_ADOPTED, 2, COMMITTED);
        said(&b, LATER_ADOPTED, 2);
        end(&b);
}

/* Of tensor 30 the client has one reference and will hear of another; it has let go of 31 over the link that broke. */
TEST(resume_lets_go_of_what_the_client_has_not_and_will_not_hear_of) {
        Book b           = {};
        BookResumed what = {};
        Error err        = {};
        Asked *waits     = NULL;

        book_begin(&b, false);
        finished(&b, 1, 2, (uint64_t[]) { 30, 31 });
        finished(&b, 2, 1, (uint64_t[]) { 30 });
        ck_assert_int_eq(book_ask(&b, 3, &waits), 0);
        ck_assert_int_eq(book_ask(&b, 4, &waits), 0);
        book_leave(&b);
        book_begin(&b, true);
        ck_assert_int_eq(book_resume(&b, (uint64_t[]) { 30, 1 }, 2, (uint64_t[]) { 2, 3 }, 2, &what, &err), 0);
        ck_assert_uint_eq(what.known.n, 1);
        ck_assert_uint_eq(what.known.data[0], 1);
        ck_assert_uint_eq(what.unwanted.n, 1);
        ck_assert_uint_eq(what.unwanted.data[0], 4);
        ck_assert(book_find(&b, 4)->unwanted);
        ck_assert_uint_eq(what.gone.n, 2);
        ck_assert_uint_eq(what.gone.data[0], 31);
        ck_assert_uint_eq(what.gone.data[1], 1);
        ck_assert_uint_eq(map_get(&b.refs, 30), 2);
        ck_assert_uint_eq(map_get(&b.refs, 31), 0);
        book_resumed_done(&what);
        end(&b);
}

/* Canceling what nobody waits for may let others finish, in the middle of it. */
TEST(what_finishes_while_the_client_resumes_is_told_and_kept) {
        Book b             = {};
        BookResumed what   = {};
        Error err          = {};
        Asked *waits       = NULL;
        const uint64_t one = 1;

        book_begin(&b, true);
        ck_assert_int_eq(book_ask(&b, 1, &waits), 0);
        ck_assert_int_eq(book_resume(&b, NULL, 0, &one, 1, &what, &err), 0);
        waits->finished = true;
        ck_assert_int_eq(book_hold(&b, 40), 0);
        later(&b, LATER_FINISHED, 1, COMMITTED);
        ck_assert_int_eq(book_resume_end(&b, &one, 1, COMMITTED), 0);
        said(&b, LATER_FINISHED, 1);
        nothing_said(&b);
        ck_assert_uint_eq(map_get(&b.refs, 40), 1);
        book_resumed_done(&what);
        end(&b);
}

TEST(an_answer_to_what_was_wanted_before_is_none_to_what_is_wanted_now) {
        ck_assert(book_answers(7, 7));
        ck_assert(!book_answers(7, 6));
        ck_assert(book_answers(7, 0)); /* of a client that says no numbers */
}

TEST(what_cannot_be_true_is_refused_and_changes_nothing) {
        Book b           = {};
        BookResumed what = {};
        Error err        = {};

        book_begin(&b, false);
        finished(&b, 1, 1, (uint64_t[]) { 30 });
        ck_assert_int_eq(book_release(&b, 31, &err), ERROR_CORRUPT);
        ck_assert_int_eq(book_resume(&b, NULL, 0, NULL, 0, &what, &err), ERROR_CORRUPT); /* it has begun just now */
        book_begin(&b, true);
        ck_assert_int_eq(book_resume(&b, (uint64_t[]) { 30 }, 1, NULL, 0, &what, &err), ERROR_CORRUPT);
        ck_assert_int_eq(book_resume(&b, (uint64_t[]) { 30, 2 }, 2, NULL, 0, &what, &err), ERROR_CLOSED);
        ck_assert_int_eq(book_resume(&b, (uint64_t[]) { 30, 0 }, 2, NULL, 0, &what, &err), ERROR_CLOSED);
        ck_assert_ptr_nonnull(book_find(&b, 1));
        ck_assert_uint_eq(map_get(&b.refs, 30), 1);
        ck_assert_int_eq(book_release(&b, 30, &err), 0);
        ck_assert_int_eq(book_release(&b, 30, &err), ERROR_CORRUPT);
        book_resumed_done(&what);
        end(&b);
}
