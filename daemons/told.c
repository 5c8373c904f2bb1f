/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemons/service.h"
#include "daemons/told.h"

/* Line by line. */
static void log_mistakes(char *text) {
        for (char *line = text, *end; line && *line; line = end + 1) {
                end = strchrnul(line, '\n');
                if (*end == '\0')
                        end--; /* there is no next one */
                else
                        *end = '\0';
                service_log(LOG_ERR, line);
        }
}

static int read_again(const Conf *running, Conf **ret) {
        _cleanup_(freep) char *mistakes = NULL;
        size_t n;
        FILE *bad = open_memstream(&mistakes, &n);
        int r     = bad ? conf_reload(ret, running, bad) : -ENOMEM;

        if (bad)
                fclose(bad);
        if (r < 0 && mistakes && mistakes[0])
                log_mistakes(mistakes);
        else if (r < 0)
                service_log(LOG_ERR, strerrordesc_np(-r) ?: "the configuration cannot be read");
        return r;
}

bool told_again(Told *told) {
        Conf *conf = NULL;
        Error err  = {};
        struct timespec t;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &t);
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long) t.tv_sec * 1000000 + (unsigned long long) t.tv_nsec / 1000);
        r = read_again(told->conf, &conf);
        if (r == 0) {
                for (uint32_t k = 0; k < conf_notes(conf).n; k++)
                        service_log(LOG_NOTICE, conf_notes(conf).item[k]);
                conf_free(told->own);
                told->conf = told->own = conf;
                service_log_level(told->log_level(conf_values(conf)));
        }
        if (told->tls && tls_reload(told->tls, &err) < 0)
                service_log(LOG_ERR, err.text);
        service_log(LOG_INFO, r == 0 ? "the configuration was read again"
                                     : "the configuration is as it was: what was read has mistakes");
        sd_notify(0, "READY=1");
        return r == 0;
}

int told_main(int argc, char **argv, const ConfTable *table, int (*log_level)(const void *values),
              int (*serve)(const Conf *conf, Error *err)) {
        _cleanup_(conf_freep) Conf *conf = NULL;
        Error err = {};
        int r     = conf_load(&conf, table, argc, argv, stdout, stderr);

        if (r != 0)
                return conf_exit_status(r);
        service_log_level(log_level(conf_values(conf)));
        for (uint32_t k = 0; k < conf_notes(conf).n; k++)
                service_log(LOG_WARNING, conf_notes(conf).item[k]);
        r = serve(conf, &err);
        if (r < 0)
                service_log(LOG_ERR, err.text);
        return r < 0 ? EXIT_FAILURE : r;
}
