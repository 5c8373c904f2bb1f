/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The keys that programs share, each written once, as rows for their tables. A program's struct has the fields of the
 * rows that it takes; `S` is its type. */
#include <stddef.h>

#include "daemons/conf/inside.h"

/* .kind and .offset of a field, whose type is the kind's or else this does not compile. */
#define CONF_AT(S, KIND, field)                                                                                        \
        .kind   = CONF_##KIND,                                                                                         \
        .offset = offsetof(S, field) +                                                                                 \
                  0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((S *) 0)->field), CONF_FIELD_##KIND) ? 1    \
                                                                                                                : -1])

/* Where TCP is listened at. Whoever is not on this machine needs a key, so the default lets nobody else in. */
#define CONF_KEY_HOST(S)                                                                                               \
        {                                                                                                              \
                .group = "Network", .name = "host", .letter = 'H', CONF_AT(S, HOST, host), .value = "auto",            \
                .unset = "auto", .own = true, .env = "MARS_BIND_HOST",                                                 \
                .doc    = "Listen at this name or IP address. auto: at the one of advertise, or else at 127.0.0.1.",   \
                .reason = "Beyond this machine somebody must have wanted it: a key is needed there.",                  \
        }
#define CONF_KEY_ADVERTISE(S)                                                                                          \
        {                                                                                                              \
                .name = "advertise", .letter = 'a', CONF_AT(S, HOST, advertise), .value = "auto", .unset = "auto",     \
                .own = true, .old = "-Dworker.advertise_addr", .env = "MARS_CONTAINER_IP",                             \
                .doc    = "Tell others that we are found at this name or IP address. auto: the one that is listened "  \
                          "at, or the name of the machine where all are.",                                             \
                .reason = "Where one listens is where one is found, unless addresses are translated on the way.",      \
        }
#define CONF_KEY_ENDPOINT(S)                                                                                           \
        {                                                                                                              \
                .name = "endpoint", .letter = 'e', CONF_AT(S, ADDRESS, endpoint), .value = "none", .unset = "none",    \
                .own = true, .doc = "Listen at this host:port, instead of at host and port.",                          \
                .reason = "What host and port say is the same in two words.",                                          \
        }
#define CONF_KEY_SCHEDULERS(S)                                                                                         \
        {                                                                                                              \
                .name = "schedulers", .letter = 's', CONF_AT(S, ADDRESSES, schedulers),                                \
                .value = "unix:/run/mars/scheduler.sock", .old = "--supervisors", .env = "MARS_SUPERVISOR_ADDRESS",    \
                .doc    = "Join the scheduler at one of these addresses: they are tried in turn until one answers.",   \
                .reason = "On one machine the scheduler is found where its package puts it, with nothing to set.",     \
        }
#define CONF_KEY_KEY_FILE(S)                                                                                           \
        {                                                                                                              \
                .group = "Who may come in", .name = "key_file", CONF_AT(S, PATH, key_file),                            \
                .value  = CONF_DIR "/cluster.key", .unset = "none",                                                    \
                .doc    = "The key that all daemons of the cluster share (marsctl keygen makes one). With it all of "  \
                          "TCP is encrypted, and whoever has it may come in; without it no daemon listens beyond "     \
                          "this machine. none: not even if there is one.",                                             \
                .reason = "A file that root owns and the group mars may read, beside the configuration.",              \
        }
#define CONF_KEY_TOKEN_FILE(S)                                                                                         \
        {                                                                                                              \
                .name = "token_file", CONF_AT(S, PATH, token_file), .value = CONF_DIR "/token",                        \
                .doc    = "The token that is shown at TCP connections within this machine where there is no key: "     \
                          "ports say nothing about who connects.",                                                     \
                .reason = "A file beside the key, with the same owner and mode.",                                      \
        }
#define CONF_KEY_METRICS(S)                                                                                            \
        {                                                                                                              \
                .name = "metrics", CONF_AT(S, ADDRESS, metrics), .value = "none", .unset = "none", .own = true,        \
                .doc    = "Answer GET /metrics over HTTP at this host:port, for Prometheus, to whoever shows the "     \
                          "token. none: nowhere; mars-web has the figures of all daemons.",                            \
                .reason = "A port that nobody has asked for is one more to look after.",                               \
        }
#define CONF_KEY_PLAIN_HTTP(S)                                                                                         \
        {                                                                                                              \
                .name = "plain_http", CONF_AT(S, FLAG, plain_http), .value = "no",                                     \
                .doc    = "Serve HTTP without encryption beyond this machine.",                                        \
                .reason = "Everyone on the way could read results and tokens.",                                        \
        }
#define CONF_KEY_LOG_LEVEL(S)                                                                                          \
        {                                                                                                              \
                .group = "Messages", .name = "log_level", CONF_AT(S, CHOICE, log_level), .value = "info",              \
                .choices = conf_levels, .live = true, .old = "--level",                                                \
                .doc    = "Log messages of this level and of more urgent ones.",                                       \
                .reason = "At info an idle daemon is silent, and each line is a change of state.",                     \
        }

extern const ConfChoice conf_levels[]; /* of syslog, with the names of the original */

/* host, advertise, endpoint and port as listen and announce; port is -1 where TCP is not wanted. */
int conf_finish_listen(const char *host, const char *advertise, const char *endpoint, int port, const char **ret_listen,
                       const char **ret_announce, Arena *arena, Error *err);
/* host:port, with brackets if needed; NULL when out of memory. */
const char *conf_join(Arena *arena, const char *host, int port);
