/* SPDX-License-Identifier: Apache-2.0 */
/* What mars-scheduler can be told. */
#include "daemons/conf/keys.h"
#include "io/token.h"

#define AT(KIND, field) CONF_AT(ConfScheduler, KIND, field)

enum { SECOND = 1000000, HOUR = 3600 }; /* in microseconds; in seconds */

static const ConfKey keys[] = {
        CONF_KEY_HOST(ConfScheduler),
        CONF_KEY_ADVERTISE(ConfScheduler),
        CONF_KEY_ENDPOINT(ConfScheduler),
        {
                .name   = "port",
                .letter = 'p',
                AT(PORT, port),
                .value  = "7103",
                .unset  = "none",
                .own    = true,
                .old    = "--ports",
                .env    = "MARS_BIND_PORT",
                .doc    = "Listen at this TCP port. none: only at the unix socket.",
                .reason = "No service of the usual lists has it, and it is always the same, so that others need not be "
                          "told.",
        },
        {
                .name = "socket",
                AT(PATH, socket),
                .value  = "/run/mars/scheduler.sock",
                .unset  = "none",
                .own    = true,
                .doc    = "Listen at this unix socket, for clients and workers of this machine. none: only at TCP.",
                .reason = "The kernel says who connects, so that no key is needed.",
        },
        CONF_KEY_KEY_FILE(ConfScheduler),
        CONF_KEY_TOKEN_FILE(ConfScheduler),
        CONF_KEY_METRICS(ConfScheduler),
        CONF_KEY_PLAIN_HTTP(ConfScheduler),
        {
                .group = "State",
                .name  = "state_dir",
                AT(PATH, state_dir),
                .value  = "/var/lib/mars/scheduler",
                .unset  = "none",
                .own    = true,
                .doc    = "Keep the journal of sessions, requests and names in this directory, so that they outlive "
                          "the scheduler. none: they do not. Without being told, what is started by hand keeps it in "
                          "~/.local/state/mars, one for each place where a scheduler listens.",
                .reason = "It is what the service manager makes, private, as the service's state directory.",
        },
        {
                .group = "Time",
                .name  = "heartbeat",
                AT(SECONDS, heartbeat_usec),
                .value  = "1",
                .live   = true,
                .least  = SECOND / 100,
                .most   = 60 * SECOND,
                .doc    = "Let each worker say this often, in seconds, that it lives.",
                .reason = "A thousand workers are then a thousand small messages a second.",
        },
        {
                .name = "suspect",
                AT(SECONDS, suspect_usec),
                .value  = "3",
                .live   = true,
                .least  = SECOND / 50,
                .most   = (uint64_t) HOUR * SECOND,
                .doc    = "Give a worker nothing new after so many seconds of silence.",
                .reason = "Two messages may be lost or late.",
        },
        {
                .name = "dead",
                AT(SECONDS, dead_usec),
                .value  = "10",
                .live   = true,
                .old    = "-Dscheduler.status_timeout",
                .least  = SECOND / 25,
                .most   = (uint64_t) HOUR * SECOND,
                .doc    = "Compute on others what a worker had, after so many seconds of silence.",
                .reason = "Long pauses of a machine in trouble are shorter, and users notice not much more.",
        },
        {
                .name = "lease",
                AT(SECONDS, lease_usec),
                .value  = "30",
                .live   = true,
                .least  = SECOND,
                .most   = 24 * (uint64_t) HOUR * SECOND,
                .doc    = "Keep what a client has for so many seconds after it is gone, in case it comes back.",
                .reason = "It outlasts the restart of a router, and memory is not held long for nobody.",
        },
        {
                .group = "Limits",
                .name  = "max_sessions",
                AT(COUNT, max_sessions),
                .value  = "1024",
                .least  = 1,
                .most   = 1 << 20,
                .live   = true,
                .doc    = "Refuse further sessions when so many are open.",
                .reason = "Each is a connection, and the service may have several thousand descriptors.",
        },
        {
                .name = "max_requests",
                AT(COUNT, max_requests),
                .value  = "1024",
                .least  = 1,
                .most   = 1 << 20,
                .live   = true,
                .doc    = "Refuse further requests of a session when so many of it are under way.",
                .reason = "A program that forgets to wait is told so before it fills memory.",
        },
        {
                .name = "withdrawn_users",
                AT(TEXT, withdrawn_users),
                .value  = "none",
                .unset  = "none",
                .live   = true,
                .doc    = "Let nobody in any more who shows the token of one of these users, and end their sessions: "
                          "names, with commas or blanks between. Tokens of others are as good as before.",
                .reason = "Tokens of users are derived from that of the cluster, and are good as long as it is.",
        },
        {
                .name = "strict_verify",
                AT(FLAG, strict_verify),
                .value  = "no",
                .doc    = "Let requests fail that make or read a part of a result of which two workers have computed "
                          "different bits. no: it is logged (MARS_NONDETERMINISM) and counted, and what was there "
                          "first is kept.",
                .reason = "One of the two is right, and who waits for a result may know which; for tests it is a "
                          "failure.",
        },
        CONF_KEY_LOG_LEVEL(ConfScheduler),
};

static int finish(void *values, Arena *arena, Error *err) {
        ConfScheduler *c = values;

        if (c->heartbeat_usec >= c->suspect_usec || c->suspect_usec >= c->dead_usec)
                return error_set(err, ERROR_VALUE,
                                 "heartbeat, suspect, dead: each must be longer than the one before: give 1, 3 and 10, "
                                 "for instance");
        if (!c->socket && !c->endpoint && c->port < 0)
                return error_set(err, ERROR_VALUE, "port, socket: both are none, so nobody could connect: give one");
        if (token_withdrawn_check(c->withdrawn_users, err) < 0)
                return error_prefix(err, ERROR_VALUE, "withdrawn_users");
        return conf_finish_listen(c->host, c->advertise, c->endpoint, c->port, &c->listen, &c->announce, arena, err);
}

const ConfTable conf_scheduler = {
        .program    = "mars-scheduler",
        .section    = "scheduler",
        .summary    = "Takes requests from clients, plans them, and has them computed by workers.",
        .key        = keys,
        .n_keys     = ELEMENTSOF(keys),
        .size_bytes = sizeof(ConfScheduler),
        .finish     = finish,
};
