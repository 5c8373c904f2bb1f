/* SPDX-License-Identifier: Apache-2.0 */
/* mars-scheduler: configuration, listening, and the scheduler in between (scheduler.h). */
#include <stdio.h>
#include <syslog.h>

#include "daemons/conf.h"
#include "io/token.h"
#include "daemons/scheduler.h"
#include "daemons/service.h"

static int serve(const Conf *conf, Error *err) {
        const ConfScheduler *config = conf_values(conf);
        _cleanup_(scheduler_freep) Scheduler *scheduler = NULL;
        _cleanup_(tls_unrefp) Tls *tls                  = NULL;
        _cleanup_(freep) char *token                    = NULL;
        Service service;
        int r = service_begin(&service, err);

        if (r == 0)
                r = service_key(&tls, config->key_file, !conf_origin(conf, "key_file"), TLS_WORKER, err);
        if (r == 0 && config->listen && !tls) {
                r = token_find_or_make(&token, conf_origin(conf, "token_file") ? config->token_file : NULL, err);
                if (r > 0)
                        r = error_set(err, ERROR_VALUE, "there is no token");
        }
        if (r == 0)
                r = scheduler_new(&scheduler, service.event,
                                  &(SchedulerConfig) { .token          = token,
                                                       .tls            = tls,
                                                       .heartbeat_usec = config->heartbeat_usec,
                                                       .dead_usec      = config->dead_usec,
                                                       .lease_usec     = config->lease_usec,
                                                       .max_sessions   = config->max_sessions,
                                                       .max_requests   = config->max_requests },
                                  service_log, err);
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
                r = service_run(&service);
        scheduler = scheduler_free(scheduler);
        service_end(&service);
        return r;
}

int main(int argc, char **argv) {
        _cleanup_(conf_freep) Conf *conf = NULL;
        Error err = {};
        int r     = conf_load(&conf, &conf_scheduler, argc, argv, stdout, stderr);

        if (r != 0)
                return conf_exit_status(r);
        service_log_level(((const ConfScheduler *) conf_values(conf))->log_level);
        for (uint32_t k = 0; k < conf_notes(conf).n; k++)
                service_log(LOG_WARNING, conf_notes(conf).item[k]);
        r = serve(conf, &err);
        if (r < 0)
                service_log(LOG_ERR, err.text);
        return r < 0 ? EXIT_FAILURE : r;
}
