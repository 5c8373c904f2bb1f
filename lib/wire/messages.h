/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every message that goes between clients, the scheduler and workers, in one table: the structs below, how they are
 * encoded, decoded, printed and fuzzed all come from it. docs/PROTOCOL.md says who sends what when.
 *
 * M(KIND, number, field fields) names a message; in its fields, F(TYPE, name, most) is a value of at most `most` (of
 * a list or text: at most so many entries or bytes). Numbers are never used again; a field is never taken out. */

#define WIRE_MESSAGES(M)                                                                                               \
        /* The first message of a connection, and its answer. */                                                       \
        M(HELLO, 1, hello)                                                                                             \
        M(WELCOME, 2, welcome)                                                                                         \
        M(REFUSED, 3, refused)                                                                                         \
        M(ALIVE, 4, alive)                                                                                             \
        M(VIA, 5, via) /* before HELLO */                                                                              \
        /* scheduler to worker */                                                                                      \
        M(PEER, 16, peer)                                                                                              \
        M(PLAN, 17, plan)                                                                                              \
        M(RUN, 18, run)                                                                                                \
        M(RECALL, 19, recall)                                                                                          \
        M(DROP, 20, drop)                                                                                              \
        M(FORGET, 21, forget)                                                                                          \
        M(TAKE, 22, take)                                                                                              \
        M(LEAVE, 23, leave)                                                                                            \
        M(EXPECT, 24, expect)                                                                                          \
        M(WITHDRAW, 25, withdraw)                                                                                      \
        M(DIGEST, 26, digest)                                                                                          \
        /* worker to scheduler */                                                                                      \
        M(DONE, 32, done)                                                                                              \
        M(FAILED, 33, failed)                                                                                          \
        M(RECALLED, 34, recalled)                                                                                      \
        M(FORGOTTEN, 35, forgotten)                                                                                    \
        M(STATUS, 36, status)                                                                                          \
        M(HOLDS, 37, holds)                                                                                            \
        M(TAKEN, 38, taken)                                                                                            \
        M(LEAVING, 39, leaving)                                                                                        \
        M(LOST, 40, lost)                                                                                              \
        M(UNREACHED, 41, unreached)                                                                                    \
        M(DIGESTED, 42, digested)                                                                                      \
        /* client to scheduler */                                                                                      \
        M(SUBMIT, 48, submit)                                                                                          \
        M(CANCEL, 49, cancel)                                                                                          \
        M(RELEASE, 50, release)                                                                                        \
        M(ADOPT, 51, adopt)                                                                                            \
        M(ASK, 52, ask)                                                                                                \
        M(GIVEN, 53, given)                                                                                            \
        M(RESUME, 54, resume)                                                                                          \
        M(KNOWN, 55, known)                                                                                            \
        M(NAME, 56, name)                                                                                              \
        M(BYE, 57, bye)                                                                                                \
        /* marsctl to scheduler */                                                                                     \
        M(DRAIN, 58, drain)                                                                                            \
        /* scheduler to client */                                                                                      \
        M(FINISHED, 64, finished)                                                                                      \
        M(PROGRESS, 65, progress)                                                                                      \
        M(ADOPTED, 66, adopted)                                                                                        \
        M(ANSWER, 67, answer)                                                                                          \
        M(NAMED, 69, named)                                                                                            \
        M(WANTED, 68, wanted)                                                                                          \
        M(GRANT, 70, grant) /* to users */                                                                             \
        M(SPARED, 71, spared)                                                                                          \
        /* chunks: client or worker to worker, and back */                                                             \
        M(GET, 80, get)                                                                                                \
        M(CHUNK, 81, chunk)                                                                                            \
        M(GONE, 82, gone)                                                                                              \
        M(PUT, 83, put)                                                                                                \
        M(STORED, 84, stored)                                                                                          \
        M(AT, 85, at)                                                                                                  \
        M(LET, 86, let)

#define WIRE_HELLO(F)                                                                                                  \
        F(U32, role, 16)            /* WireRole */                                                                     \
        F(U32, version, UINT32_MAX) /* WIRE_VERSION */                                                                 \
        F(TEXT, build, 64)          /* plans are made on both sides: of workers it must be the same */                 \
        F(TEXT, token, 256)                                                                                            \
        F(TEXT, name, 256)    /* who it is, for people */                                                              \
        F(TEXT, address, 256) /* of a worker: where it serves chunks */                                                \
        F(U32, n_threads, 1 << 16)                                                                                     \
        F(U64, cache_bytes, UINT64_MAX)                                                                                \
        F(U64, memory_bytes, UINT64_MAX)    /* of chunks and scratch */                                                \
        F(U64, task_bytes, UINT64_MAX)      /* PlanLeaves: what lets all of its threads have a task */                 \
        F(U64, identity, UINT64_MAX)        /* of a worker's memory: who has it is the same one; 0: it dies with it */ \
        F(U64, session, UINT64_MAX)         /* of a client that comes back; 0: a new one */                            \
        F(TEXT, key, 256)                   /* of that session */                                                      \
        F(TEXT, socket, 256)                /* of a worker: where it also is, for its own machine, */                  \
        F(U64, socket_identity, UINT64_MAX) /* and which file that is: address_identity() */                           \
        F(U64, start, UINT64_MAX) /* of a worker's process: whoever says it again has not ended; 0: not said */        \
        F(U32, keeps, 1)          /* of a client: it keeps what it gives until it is told SPARED */
#define WIRE_VIA(F) F(TEXT, peer, 128)         /* on whose behalf its sender speaks, for people */
#define WIRE_WELCOME(F)                                                                                                \
        F(U32, number, UINT32_MAX)      /* of the worker, or of the session */                                         \
        F(U64, epoch, UINT64_MAX)       /* of the scheduler: each start has a larger one */                            \
        F(U64, task_bytes, UINT64_MAX)  /* PlanLeaves */                                                               \
        F(U64, cache_bytes, UINT64_MAX) /* of all workers */                                                           \
        F(U32, n_threads, UINT32_MAX)                                                                                  \
        F(TEXT, version, 64)                                                                                           \
        F(TEXT, key, 256)              /* with which the client may come back to its session, */                       \
        F(U64, lease_usec, UINT64_MAX) /* for so long after its link broke */                                          \
        F(TEXT, token, 256)            /* for workers: what clients show who are relayed (VIA) */                      \
        F(TEXT, user, 32)              /* of marsctl and mars-web: whose token it was; "": that of the cluster */
#define WIRE_REFUSED(F)                                                                                                \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)
#define WIRE_ALIVE(F) F(U64, time, UINT64_MAX) /* whatever the sender likes */

#define WIRE_PEER(F)                                                                                                   \
        F(U32, worker, MAX_WORKERS)                                                                                    \
        F(TEXT, address, 256)                                                                                          \
        F(TEXT, socket, 256)           /* HELLO's */                                                                   \
        F(U64, socket_identity, UINT64_MAX)
#define WIRE_PLAN(F)                                                                                                   \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U64, first_id, UINT64_MAX)   /* of the chunks that it makes */                                               \
        F(U64, task_bytes, UINT64_MAX) /* PlanLeaves */                                                                \
        F(U64, alone_bytes, UINT64_MAX)                                                                                \
        F(U32, n_task, UINT32_MAX)     /* the plan must come out with so many tasks */                                 \
        F(U32, n_chunk, UINT32_MAX)    /* and chunks, */                                                               \
        F(U64, check, UINT64_MAX)      /* and be the same: plan_check() */                                             \
        F(BYTES, graph, MAX_BODY_BYTES)                                                                                \
        F(BYTES, leaves, MAX_BODY_BYTES) /* WireTensor of each stored leaf */                                          \
        F(U64, session, UINT64_MAX)      /* whose it is: sessions share the threads evenly; 0: nobody's */
#define WIRE_RUN(F)                                                                                                    \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U32S, task, 1 << 22)  /* task, position; … */                                                              \
        F(U32S, fetch, 1 << 22) /* chunk, worker; … */
#define WIRE_RECALL(F)                                                                                                 \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U32S, task, 1 << 22)         /* task, position; … */
#define WIRE_DROP(F)                                                                                                   \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U32, n, UINT32_MAX)
#define WIRE_FORGET(F)                                                                                                 \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U32, drop, 2)                /* PlanDrop */
#define WIRE_TAKE(F)                                                                                                   \
        F(U64, chunk, UINT64_MAX)      /* to be had from another worker, and kept */                                   \
        F(U32, from, UINT16_MAX)       /* WORKER_NONE: whether it is there */                                          \
        F(U64, size_bytes, UINT64_MAX) /* at most */
#define WIRE_WITHDRAW(F) F(TEXT, users, 4096) /* whom workers do not let in any more: token_withdrawn() */
#define WIRE_EXPECT(F)                                                                                                 \
        F(U64, chunk, UINT64_MAX)      /* the first of those that a client will give (PUT) */                          \
        F(U32, n, 1 << 22)                                                                                             \
        F(U64, size_bytes, UINT64_MAX) /* of each at most */
#define WIRE_LEAVE(F)                                                                                                  \
        F(I32, code, 4096)             /* 0: nothing is left there; or why something is */                             \
        F(TEXT, text, MAX_ERROR_TEXT)

#define WIRE_DONE(F)                                                                                                   \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U32S, task, 1 << 22)                                                                                         \
        F(I64S, length, 1 << 22)       /* of each output of unknown length, in their order */
#define WIRE_FAILED(F)                                                                                                 \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U32, task, UINT32_MAX)                                                                                       \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)
#define WIRE_RECALLED(F)                                                                                               \
        F(U64, plan, UINT64_MAX)                                                                                       \
        F(U32S, task, 1 << 22)
#define WIRE_FORGOTTEN(F) F(U64, plan, UINT64_MAX)
#define WIRE_STATUS(F)                                                                                                 \
        F(U64, used_bytes, UINT64_MAX) /* chunks in memory or on their way into it: at most cache_bytes */             \
        F(U64, away_bytes, UINT64_MAX)                                                                                 \
        F(U64, n_chunks, UINT64_MAX)                                                                                   \
        F(U64, n_done, UINT64_MAX)     /* tasks so far */                                                              \
        F(U32, n_running, UINT32_MAX)                                                                                  \
        F(TEXT, pages, 512)            /* which pages the store has */                                                 \
        F(U64, scratch_bytes, UINT64_MAX) /* what running tasks have besides */                                        \
        F(U64, pinned_bytes, UINT64_MAX)  /* of used_bytes */                                                          \
        F(U64, resident_bytes, UINT64_MAX) /* of the process */                                                        \
        F(U64, cpu_usec, UINT64_MAX)      /* of the process, so far; and bytes of chunks: */                           \
        F(U64, received_bytes, UINT64_MAX)                                                                             \
        F(U64, sent_bytes, UINT64_MAX)                                                                                 \
        F(U64, disk_read_bytes, UINT64_MAX)                                                                            \
        F(U64, disk_written_bytes, UINT64_MAX)

#define WIRE_HOLDS(F)                                                                                                  \
        F(U64S, chunk, 1 << 20)                                                                                        \
        F(U64S, size_bytes, 1 << 20)   /* of each */                                                                   \
        F(U32, last, 1)                /* and that is all */
#define WIRE_TAKEN(F)                                                                                                  \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U32, asked, 1)               /* the answer to a TAKE; 0: a client gave it */                                 \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)
#define WIRE_LEAVING(F) F(U32, on, 1) /* 0: it stays after all */
#define WIRE_LOST(F) F(U64, chunk, UINT64_MAX) /* that it had, and that its disk has no more */
#define WIRE_UNREACHED(F)                                                                                              \
        F(U64, chunk, UINT64_MAX)     /* that it was to get, and does not try to get any more, */                      \
        F(U32, from, MAX_WORKERS)     /* from there: it does not reach it */                                           \
        F(TEXT, text, MAX_ERROR_TEXT) /* why */
#define WIRE_DIGEST(F) F(U64, chunk, UINT64_MAX) /* somebody else has made it, too */
#define WIRE_DIGESTED(F)                                                                                               \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U64, digest, UINT64_MAX)     /* chunk_digest() */                                                            \
        F(I32, code, 4096)             /* 0; or it has none: it is not there, or damaged */                            \
        F(TEXT, text, MAX_ERROR_TEXT)                                                                                  \
        F(TEXT, level, 32)             /* the CPU level of its operators */

#define WIRE_SUBMIT(F)                                                                                                 \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(BYTES, graph, MAX_BODY_BYTES)
#define WIRE_CANCEL(F)                                                                                                 \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(U64, session, UINT64_MAX)    /* of marsctl and mars-web: not 0: that is to end, instead */
#define WIRE_RELEASE(F) F(U64S, tensor, 1 << 20)
#define WIRE_ADOPT(F)                                                                                                  \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(BYTES, tensor, MAX_BODY_BYTES) /* WireTensor */
#define WIRE_ASK(F)                                                                                                    \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(TEXT, what, 256)
#define WIRE_GIVEN(F)                                                                                                  \
        F(U64, tensor, UINT64_MAX)                                                                                     \
        F(I32, code, 4096)             /* 0: all that was wanted is STORED */                                          \
        F(TEXT, text, MAX_ERROR_TEXT)                                                                                  \
        F(U64, number, UINT64_MAX)     /* of the last WANTED of it that came */
#define WIRE_RESUME(F) /* what the client has, and all that it waits for */                                            \
        F(U64S, tensor, 1 << 22)       /* tensor, references; … */                                                     \
        F(U64S, request, 1 << 20)
#define WIRE_KNOWN(F) F(U64S, request, 1 << 20) /* whose FINISHED has come */
#define WIRE_BYE(F) F(U64, time, UINT64_MAX)    /* whatever it likes: a session, or a worker, ends for good */
#define WIRE_NAME(F)                                                                                                   \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(U32, what, 16)               /* WireName */                                                                  \
        F(TEXT, name, 255)             /* a line of text */                                                            \
        F(U64, tensor, UINT64_MAX)     /* SAVE: what is named */                                                       \
        F(U32, again, 1)               /* it was said before, and the answer did not come */
#define WIRE_DRAIN(F)                                                                                                  \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(U32, worker, MAX_WORKERS)                                                                                    \
        F(U32, how, 16)                /* WireDrain */
#define WIRE_FINISHED(F)                                                                                               \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(U64, n_done, UINT64_MAX)     /* tasks */                                                                     \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)                                                                                  \
        F(BYTES, tensors, MAX_BODY_BYTES) /* WireTensor of each */
#define WIRE_PROGRESS(F)                                                                                               \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(U64, n_done, UINT64_MAX)                                                                                     \
        F(U64, n_total, UINT64_MAX)                                                                                    \
        F(U32, no_worker, 1) /* 1: nothing is done since there is none */
#define WIRE_ADOPTED(F)                                                                                                \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)                                                                                  \
        F(BYTES, tensor, MAX_BODY_BYTES) /* WireTensor: where its chunks are expected */
#define WIRE_ANSWER(F)                                                                                                 \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_BODY_BYTES)                                                                                  \
        F(U64, cost_usec, UINT64_MAX)  /* that it took to answer: who asks often asks less often then */

#define WIRE_NAMED(F)                                                                                                  \
        F(U64, request, UINT64_MAX)                                                                                    \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)                                                                                  \
        F(BYTES, tensor, MAX_BODY_BYTES) /* OPEN: WireTensor */                                                        \
        F(TEXT, names, MAX_BODY_BYTES) /* LIST, or where there is none: all of the user's, one a line */
#define WIRE_WANTED(F)                                                                                                 \
        F(U64, tensor, UINT64_MAX)     /* whose data it gave */                                                        \
        F(U32S, chunk, 1 << 22)        /* chunk of the tensor, worker that is to have it; … */                         \
        F(U64, number, UINT64_MAX)     /* which GIVEN says again: answers to earlier ones are none to this */
#define WIRE_SPARED(F)                 /* to clients that keep what they give */                                       \
        F(U32, but, 1)                 /* 0: these are wanted no more; 1: all but these */                             \
        F(U64S, tensor, 1 << 22)
#define WIRE_GRANT(F)                  /* of a tensor that is named next */                                            \
        F(U64, first, UINT64_MAX)      /* its chunks, */                                                               \
        F(U32, n, UINT32_MAX)                                                                                          \
        F(TEXT, proof, 64) /* with which workers know them for the user's */
#define WIRE_GET(F)                                                                                                    \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U64, most, UINT64_MAX)  /* bytes that the receiver has room for */                                           \
        F(U32, how, 16)           /* WireHow */                                                                        \
        F(U64, first, UINT64_MAX) /* of a user: GRANT's */                                                             \
        F(U32, n, UINT32_MAX)                                                                                          \
        F(TEXT, proof, 64)
#define WIRE_CHUNK(F)                                                                                                  \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U64, digest, UINT64_MAX)     /* of the payload: chunk_digest() */
#define WIRE_GONE(F)                                                                                                   \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)
#define WIRE_PUT(F)                                                                                                    \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U64, size_bytes, UINT64_MAX) /* the receiver asks for them (GET) when it has room */                         \
        F(U64, first, UINT64_MAX)      /* of a user: GRANT's */                                                        \
        F(U32, n, UINT32_MAX)                                                                                          \
        F(TEXT, proof, 64)
#define WIRE_STORED(F)                                                                                                 \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(I32, code, 4096)                                                                                             \
        F(TEXT, text, MAX_ERROR_TEXT)
#define WIRE_AT(F) /* the chunk is to be read where it lies, until LET */                                              \
        F(U64, chunk, UINT64_MAX)                                                                                      \
        F(U32, file, 16)               /* which of those that came over this link; the next one: it comes with this */ \
        F(U64, offset, UINT64_MAX)                                                                                     \
        F(U64, size_bytes, UINT64_MAX)
#define WIRE_LET(F) F(U64, chunk, UINT64_MAX) /* it is read no more */
