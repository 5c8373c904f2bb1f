/* SPDX-License-Identifier: Apache-2.0 */
/* mars-scheduler: configuration, listening, and the scheduler in between (scheduler.h). */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemons/conf/conf.h"
#include "daemons/metrics.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scrape.h"
#include "daemons/service.h"
#include "daemons/told.h"
#include "io/token.h"

/* Told: there. By the service manager: where it says. By hand: with the user's own state, one for each place where a
 * scheduler listens. NULL: nowhere. */
static int state_directory(const Conf *conf, char **ret, Error *err) {
        const ConfScheduler *config = conf_values(conf);
        const char *given = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        const char *place = config->listen ?: config->socket;
        int n             = 0;

        *ret = NULL;
        if (conf_origin(conf, "state_dir")) {
                *ret = config->state_dir ? strdup(config->state_dir) : NULL;
                return config->state_dir && !*ret ? error_oom(err, strlen(config->state_dir)) : 0;
        }
        if (given) /* the last of them, where there are several */
                n = asprintf(ret, "%s", strrchr(given, ':') ? strrchr(given, ':') + 1 : given);
        else if ((state && state[0] == '/') || (home && home[0] == '/'))
                n = asprintf(ret, "%s%s/mars/scheduler-%s", state && state[0] == '/' ? state : home,
                             state && state[0] == '/' ? "" : "/.local/state", place ?: "");
        if (n < 0)
                return error_oom(err, PATH_MAX);
        for (char *c = *ret && !given ? strrchr(*ret, '\0') - (place ? strlen(place) : 0) : NULL; c && *c; c++)
                if (*c == '/')
                        *c = '-';
        return 0;
}

/* Shown by who comes over TCP without a key, and by all who are relayed. Where nobody comes over TCP so, one that is
 * not there is missed by the relayed only. */
static int find_token(const Conf *conf, const Tls *tls, char **ret, Error *err) {
        const ConfScheduler *config = conf_values(conf);
        const char *named           = conf_origin(conf, "token_file") ? config->token_file : NULL;
        const bool needed           = config->listen && !tls;
        Error why                   = {};
        int r = needed || !getenv(SERVICE_LIFELINE) ? token_find_or_make(ret, named, &why)
                                                    : token_find(ret, named, &why);

        if (r == 0)
                return 0;
        if (r > 0)
                error_set(&why, ERROR_VALUE, "there is no token");
        if (needed) {
                *err = why;
                return why.code;
        }
        error_prefix(&why, why.code, "nobody can come in over http");
        service_log(LOG_NOTICE, why.text);
        return 0;
}

static int log_level_of(const void *values) {
        return ((const ConfScheduler *) values)->log_level;
}

typedef struct Running {
        Told told;
        Scheduler *scheduler;
} Running;

static int print(void *told, FILE *f) {
        return conf_print_json(((const Told *) told)->conf, f);
}

static const char *token_of(void *userdata) {
        return ((const Scheduler *) userdata)->config.token;
}

/* What workers do they say themselves, and mars-web says all of it. */
static int put_metrics(void *userdata, FILE *f) {
        _cleanup_(freep) char *text = NULL;
        Error err                   = {};
        int r                       = scheduler_answer(userdata, NULL, "status", &text, &err);

        if (r == 0)
                r = metrics_cluster(f, text);
        metrics_process(f);
        return r;
}

static void on_reload(void *userdata) {
        Running *running = userdata;
        const ConfScheduler *now;

        if (!told_again(&running->told))
                return;
        now = conf_values(running->told.conf);
        running->scheduler->config.heartbeat_usec = now->heartbeat_usec;
        running->scheduler->config.suspect_usec   = now->suspect_usec;
        running->scheduler->config.dead_usec      = now->dead_usec;
        running->scheduler->config.lease_usec     = now->lease_usec;
        running->scheduler->config.max_sessions   = now->max_sessions;
        running->scheduler->config.max_requests   = now->max_requests;
        scheduler_withdraw(running->scheduler, now->withdrawn_users);
}

static int serve(const Conf *conf, Error *err) {
        const ConfScheduler *config = conf_values(conf);
        _cleanup_(scheduler_freep) Scheduler *scheduler = NULL;
        _cleanup_(tls_unrefp) Tls *tls                  = NULL;
        _cleanup_(scrape_freep) Scrape *scrape          = NULL;
        _cleanup_(freep) char *token = NULL, *state_dir = NULL;
        Running running = { .told = { .conf = conf, .log_level = log_level_of } };
        Service service;
        int r = service_begin(&service, err);

        if (r == 0)
                r = service_key(&tls, config->key_file, !conf_origin(conf, "key_file"), TLS_WORKER, err);
        if (r == 0)
                r = find_token(conf, tls, &token, err);
        if (r == 0)
                r = state_directory(conf, &state_dir, err);
        if (r == 0)
                r = scheduler_new(&scheduler, service.event,
                                  &(SchedulerConfig) { .token          = token,
                                                       .withdrawn      = config->withdrawn_users,
                                                       .tls            = tls,
                                                       .state_dir      = state_dir,
                                                       .brief          = getenv(SERVICE_LIFELINE) != NULL,
                                                       .heartbeat_usec = config->heartbeat_usec,
                                                       .suspect_usec   = config->suspect_usec,
                                                       .dead_usec      = config->dead_usec,
                                                       .lease_usec     = config->lease_usec,
                                                       .max_sessions   = config->max_sessions,
                                                       .max_requests   = config->max_requests,
                                                       .strict_verify  = config->strict_verify,
                                                       .print          = print,
                                                       .print_userdata = &running.told },
                                  service_log_about, err);
        if (r == 0)
                r = service_listen(
                        &service,
                        &(ServiceConfig) { .socket      = service_socket(config->socket, !conf_origin(conf, "socket")),
                                           .listen      = config->listen,
                                           .announce    = config->announce,
                                           .socket_mode = 0660,
                                           .tls         = tls,
                                           .accepted    = scheduler_accept },
                        scheduler, err);
        if (r == 0)
                r = scrape_new(&scrape, service.event,
                               &(ScrapeConfig) { .listen     = config->metrics,
                                                 .plain_http = config->plain_http,
                                                 .token      = token_of,
                                                 .put        = put_metrics,
                                                 .userdata   = scheduler },
                               err);
        if (r == 0) {
                running.told.tls        = tls;
                running.scheduler       = scheduler;
                service.reload          = on_reload;
                service.reload_userdata = &running;
                r                       = service_run(&service);
        }
        scrape    = scrape_free(scrape);
        scheduler = scheduler_free(scheduler);
        if (state_dir && getenv(SERVICE_LIFELINE) && r >= 0)
                journal_remove(state_dir);
        service_end(&service);
        conf_free(running.told.own);
        return r;
}

int main(int argc, char **argv) {
        return told_main(argc, argv, &conf_scheduler, log_level_of, serve);
}
