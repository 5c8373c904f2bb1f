/* SPDX-License-Identifier: Apache-2.0 */
/* mars-worker: configuration, listening, and the worker in between (worker.h). */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemons/conf/conf.h"
#include "daemons/metrics.h"
#include "daemons/scrape.h"
#include "daemons/service.h"
#include "daemons/told.h"
#include "daemons/worker/worker.h"

enum { HEARTBEAT_USEC = 1000 * 1000 };

static void on_ready(void *worker, bool joined) {
        char careful[WORKER_CAREFUL_TEXT], text[WORKER_CAREFUL_TEXT + 64];
        const char *but = worker_careful_text(worker, careful);

        snprintf(text, sizeof(text), "%s for a scheduler%s%s", joined ? "Works" : "Waits", but ? "; " : "", but ?: "");
        service_status(text);
}

/* The directories of a list as one text, with colons between. */
static char *join(ConfList list) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        if (!f)
                return NULL;
        for (uint32_t k = 0; k < list.n; k++)
                fprintf(f, "%s%s", k > 0 ? ":" : "", list.item[k]);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* The default directory is not there where nothing is installed. Then chunks go to a private one (io/spill.h). */
static const char *usable(const char *spill_dirs, bool is_default) {
        char text[512];

        if (!spill_dirs || !spill_dirs[0])
                return NULL;
        if (!is_default || access(spill_dirs, W_OK | X_OK) == 0)
                return spill_dirs;
        snprintf(text, sizeof(text), "spilling to a private directory, not to %s: %s", spill_dirs,
                 strerrordesc_np(errno));
        service_log(LOG_NOTICE, text);
        return NULL;
}

/* accepted() comes before the worker is made, which needs to know where it listens. */
static void accepted(void *userdata, int fd) {
        Worker *const *worker = userdata;

        worker_accept(*worker, fd);
}

static const char *token_of(void *userdata) {
        return ((const Worker *) userdata)->token;
}

static int put_metrics(void *userdata, FILE *f) {
        _cleanup_(freep) char *text = NULL, *list = NULL;
        Error err                   = {};
        int r                       = worker_answer(userdata, "figures", &text, &err);

        if (r == 0)
                r = asprintf(&list, "[%s]", text) < 0 ? -ENOMEM : metrics_workers(f, list);
        metrics_process(f);
        return r;
}

static int log_level_of(const void *values) {
        return ((const ConfWorker *) values)->log_level;
}

static int print(void *told, FILE *f) {
        return conf_print_json(((const Told *) told)->conf, f);
}

static void on_reload(void *told) {
        (void) told_again(told); /* the level of the log is all that a worker changes while it runs */
}

static int serve(const Conf *conf, Error *err) {
        const ConfWorker *config                  = conf_values(conf);
        _cleanup_(worker_freep) Worker *worker    = NULL;
        _cleanup_(tls_unrefp) Tls *tls            = NULL;
        _cleanup_(scrape_freep) Scrape *scrape    = NULL;
        _cleanup_(freep) char *spill_dirs         = join(config->spill_dirs);
        char host[256] = "worker";
        Told told      = { .conf = conf, .log_level = log_level_of };
        WorkerConfig worker_config = {
                .engine         = { .n_threads  = config->threads,
                                    .spill_dirs = usable(spill_dirs, !conf_origin(conf, "spill_dirs")),
                                    .pages      = (StorePages) config->hugepages,
                                    .page_bytes = config->hugepage_size,
                                    .shared     = config->share_memory,
                                    .budget     = { .cache_mem = config->cache_mem,
                                                    .phy_mem   = config->phy_mem,
                                                    .disk      = config->disk } },
                .schedulers     = config->schedulers.item,
                .n_schedulers   = config->schedulers.n,
                .name           = config->name ?: host,
                .token_path     = conf_origin(conf, "token_file") ? config->token_file : NULL,
                .heartbeat_usec = HEARTBEAT_USEC,
                .keep_usec      = config->keep_for_usec,
                .drain_usec     = config->drain_usec,
                .killed         = service_was_killed(),
                .careful_usec   = config->careful_usec,
                .print          = print,
                .print_userdata = &told,
        };
        Service service;
        int r;

        (void) sd_watchdog_enabled(false, &worker_config.watchdog_usec); /* before the loop takes the words away */
        r = service_begin(&service, err);
        gethostname(host, sizeof(host) - 1);
        if (r == 0 && !spill_dirs)
                r = error_oom(err, 0);
        if (r == 0)
                r = service_key(&tls, config->key_file, !conf_origin(conf, "key_file"), TLS_WORKER, err);
        worker_config.tls = tls;
        if (r == 0)
                r = service_listen(
                        &service,
                        &(ServiceConfig) { .socket      = service_socket(config->socket, !conf_origin(conf, "socket")),
                                           .listen      = config->listen,
                                           .announce    = config->announce,
                                           .socket_mode = 0660,
                                           .tls         = tls,
                                           .accepted    = accepted },
                        &worker, err);
        worker_config.socket          = service_local(&service);
        worker_config.socket_identity = worker_config.socket ? address_identity(worker_config.socket) : 0;
        if (r == 0)
                r = worker_new(&worker, service.event, &worker_config, service.address, &service.kept, service_log,
                               err);
        if (r == 0)
                r = scrape_new(&scrape, service.event,
                               &(ScrapeConfig) { .listen     = config->metrics,
                                                 .plain_http = config->plain_http,
                                                 .token      = token_of,
                                                 .put        = put_metrics,
                                                 .userdata   = worker },
                               err);
        if (r == 0) {
                worker->ready           = on_ready;
                worker->userdata        = worker;
                service.stop            = worker_stop;
                service.stop_userdata   = worker;
                told.tls                = tls;
                service.reload          = on_reload;
                service.reload_userdata = &told;
                on_ready(worker, false);
                r = service_run(&service);
        }
        scrape = scrape_free(scrape);
        worker = worker_free(worker);
        service_end(&service);
        conf_free(told.own);
        return r;
}

int main(int argc, char **argv) {
        return told_main(argc, argv, &conf_worker, log_level_of, serve);
}
