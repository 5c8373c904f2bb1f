/* SPDX-License-Identifier: Apache-2.0 */
/* mars-web: configuration, listening, and the server in between (web/web.h). It holds nothing that anybody would miss:
 * it may be killed and started at any time. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemons/conf/conf.h"
#include "daemons/service.h"
#include "daemons/told.h"
#include "daemons/web/web.h"

#define KEPT_PORT "http"

static int log_level_of(const void *values) {
        return ((const ConfWeb *) values)->log_level;
}

static int print(void *told, FILE *f) {
        return conf_print_json(((const Told *) told)->conf, f);
}

typedef struct Running {
        Told told;
        Web *web;
} Running;

static int check_reach(const ConfWeb *config, const char *address, Error *err) {
        return config->certificate || config->plain_http
                       ? 0
                       : httpd_check_reach(address, "give certificate and certificate_key", err);
}

/* A certificate that was renewed is used for connections that come. */
static void on_reload(void *userdata) {
        Running *running     = userdata;
        const ConfWeb *config = conf_values(running->told.conf);
        Tls *https           = NULL;
        Error err            = {};

        (void) told_again(&running->told);
        if (!config->certificate)
                return;
        if (tls_new_server(&https, config->certificate, config->certificate_key, &err) < 0)
                service_log(LOG_ERR, err.text);
        else {
                tls_unref(running->web->config.https);
                running->web->config.https = https;
        }
}

static int listen_and_run(Service *service, const ConfWeb *config, Web *web, Error *err) {
        char status[256];
        char link[LOGIN_LINK_MAX];
        int r = check_reach(config, config->listen_http, err);

        if (r == 0)
                r = service_listen(service,
                                   &(ServiceConfig) { .listen   = config->listen_http,
                                                      .announce = config->announce,
                                                      .open     = true,
                                                      .accepted = web_accept },
                                   web, err);
        for (unsigned k = 0; k < service->n_listeners && r == 0; k++)
                r = check_reach(config, listener_address(service->listener[k]), err);
        if (r < 0)
                return r;
        web_set_host(web, service->address);
        /* Who started us without a service manager keeps the port for the next of us. */
        if (getenv(SERVICE_LIFELINE) && !getenv("LISTEN_FDS"))
                (void) service_keep(KEPT_PORT, listener_fd(service->listener[0]));
        snprintf(status, sizeof(status), "Serves at %s://%s", config->certificate ? "https" : "http",
                 service->address);
        service_status(status);
        if (login_link(web, NULL, "", link) == 0)
                web_log(web, LOG_NOTICE, "sign in with this link, once: %s", link);
        return service_run(service);
}

static int serve(const Conf *conf, Error *err) {
        const ConfWeb *config           = conf_values(conf);
        _cleanup_(web_freep) Web *web   = NULL;
        _cleanup_(tls_unrefp) Tls *tls  = NULL;
        WebConfig to_serve              = { .scheduler    = config->schedulers.item,
                                            .n_schedulers = config->schedulers.n,
                                            .public_host  = config->public_host,
                                            .public_origin = config->public_origin,
                                            .log          = service_log,
                                            .print        = print };
        Running running                 = { .told = { .conf = conf, .log_level = log_level_of } };
        Service service;
        int r = service_begin(&service, err);

        if (r == 0)
                r = service_key(&tls, config->key_file, !conf_origin(conf, "key_file"), TLS_CLIENT, err);
        if (r == 0)
                r = config->certificate ? tls_new_server(&to_serve.https, config->certificate,
                                                         config->certificate_key, err)
                                        : 0;
        to_serve.tls = running.told.tls = tls;
        to_serve.print_userdata = &running.told;
        if (r == 0)
                r = web_new(&web, service.event, &to_serve, err);
        if (r == 0) {
                service.reload          = on_reload;
                service.reload_userdata = &running;
                running.web             = web;
                r                       = listen_and_run(&service, config, web, err);
        }
        web = web_free(web);
        service_end(&service);
        conf_free(running.told.own);
        return r;
}

int main(int argc, char **argv) {
        return told_main(argc, argv, &conf_web, log_level_of, serve);
}
