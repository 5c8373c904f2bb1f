/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The book of a session: what its client was given and has asked for, and what of that it knows. Pure: a daemon reads
 * messages and writes journals around it, and the simulation does the same.
 *
 * A link is a stream: over one link nothing comes twice, or in another order. When it breaks, each side has heard a
 * beginning of what the other one has said, and neither knows which. So things are said again over the next link, and
 * that is all that ever comes twice:
 *
 *   client     RESUME, once, first: the tensors that it has, with the number of references, and all that it waits for.
 *              Then once more every request that was not answered
 *   scheduler  the outcomes that the client waits for
 *
 * Requests are told apart by the client's numbers, which it never gives twice. An answer belongs to the link over which
 * it was asked for: what was to be said over one, when the disk has it, is not said over the next, where the client has
 * asked again, or says that it knows. An outcome is kept until the client knows it. */
#include "base/error.h"
#include "base/map.h"
#include "base/vec.h"

struct Session; /* the caller's */

/* A request: under way; or finished, and the client may not know it yet. */
typedef struct Asked {
        uint64_t id;              /* the machine's number */
        uint64_t request;         /* the client's number */
        struct Session *session;  /* NULL: it has ended, and tasks are ending */
        uint64_t n_told, n_total; /* tasks done, and known, as of the last PROGRESS */
        bool told_none;           /* and that there was no worker */
        uint64_t since_usec;
        bool unwanted; /* nobody waits for it */
        bool finished; /* the rest is known: */
        uint64_t n_done;
        uint64_t *tensor; /* [n_tensors] with a reference of the session each */
        uint32_t n_tensors;
        Error *outcome; /* NULL: it has succeeded */
} Asked;

void asked_free(Asked *asked);

typedef enum LaterKind {
        LATER_WELCOME,
        LATER_FINISHED,
        LATER_ADOPTED,
        LATER_NAMED,
        LATER_SPARED, /* tensor: it was the client's data, and is gone */
        LATER_KEPT,   /* all of its data that is not gone, or not yet said to be (book_unsaid()) */
} LaterKind;

/* An answer that is kept back until what it says is on disk. */
typedef struct Later {
        LaterKind kind;
        uint64_t mark; /* of the journal: what must be on disk */
        uint64_t request, tensor;
} Later;

typedef struct Book {
        Map requests;     /* the client's number -> Asked * */
        Map refs;         /* tensor -> references that it holds */
        Vec(Later) later; /* for the link that is there */
        bool there;       /* there is a link, */
        bool silent;      /* and the client has not said yet what it knows (RESUME): it is told nothing */
} Book;

void book_done(Book *book);
void book_begin(Book *book, bool again); /* there is a link; again: RESUME will come over it */
void book_leave(Book *book);

/* ---- Requests */
enum { BOOK_KNOWN = 1 };

/* 0: a new one, which is written down; BOOK_KNOWN: it is said again, and there is nothing to do; -ENOMEM. */
int book_ask(Book *book, uint64_t request, Asked **ret) _must_check_;
Asked *book_find(const Book *book, uint64_t request);
bool book_knows(const Book *book, uint64_t request, Asked **ret); /* the client knows this outcome now: forget it */
void book_forget(Book *book, Asked *asked);                       /* and free it */

/* ---- References */
int book_hold(Book *book, uint64_t tensor) _must_check_;
int book_release(Book *book, uint64_t tensor, Error *err) _must_check_; /* one; ERROR_CORRUPT: it has none */

/* ---- What is said later */
int book_later(Book *book, const Later *later) _must_check_;
/* The next that can be said, now that all is on disk up to the mark `committed`. */
bool book_say(Book *book, uint64_t committed, Later *ret);
/* The next SPARED that cannot be said yet, from *at on, which is 0 at first: for its client the tensor still is. */
bool book_unsaid(const Book *book, uint32_t *at, uint64_t *ret_tensor);

/* ---- RESUME */

/* What follows of it, in the order in which it is to be done. References are taken off the book already. */
typedef struct BookResumed {
        Vec(uint64_t) known;    /* requests of which the client knows the outcome: forget them */
        Vec(uint64_t) unwanted; /* and that nobody waits for: marked, to be canceled */
        Vec(uint64_t) gone;     /* tensor, how many references are to be let go; … */
} BookResumed;

void book_resumed_done(BookResumed *resumed);
/* 0; ERROR_CORRUPT: it makes no sense; ERROR_CLOSED: it has what the session has not; -ENOMEM. Nothing has changed
 * then. */
int book_resume(Book *book, const uint64_t *tensor, uint32_t n_tensor, const uint64_t *request, uint32_t n_request,
                BookResumed *ret, Error *err);
/* When all of that is done: the outcomes of these requests are said again, with a mark each. */
int book_resume_end(Book *book, const uint64_t *request, uint32_t n_request, uint64_t mark) _must_check_;

/* Whether GIVEN answers the WANTED of that number, and not an earlier one of the same tensor, which may have wanted
 * less; 0: a client of the version before, which says none. */
bool book_answers(uint64_t wanted, uint64_t given);
