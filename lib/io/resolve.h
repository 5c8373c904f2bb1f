/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Asking the system for the address of a name (io/address.h) without waiting: a thread waits, and a descriptor becomes
 * readable when there is an answer. Nobody can stop a thread that asks: who does not want to wait any longer frees his
 * question, and the thread goes when the system has let it go. So that those of a system that never answers do not
 * gather, a process has MAX_RESOLVE_THREADS at most; what is asked beyond that is refused. */
#include "io/address.h"

enum { MAX_RESOLVE_THREADS = 16 }; /* more than name servers; their stacks are small */

typedef struct Resolve Resolve; /* a question */

/* -EAGAIN, with words: MAX_RESOLVE_THREADS wait already. */
int resolve_new(Resolve **ret, const char *text, Error *err);
/* Readable when there is an answer: a new one, which is the caller's, or -1 and errno. */
int resolve_fd(const Resolve *resolve);
/* The answer, as that of address_resolve(); -EAGAIN: there is none yet. */
int resolve_take(Resolve *resolve, Address *ret, Error *err);
Resolve *resolve_free(Resolve *resolve);
/* For who has no loop that could wait, or does not run it yet: address_resolve() within 10 s, or -ETIMEDOUT. */
int resolve_wait(const char *text, Address *ret, Error *err);
DEFINE_CLEANUP(Resolve *, resolve_free)
