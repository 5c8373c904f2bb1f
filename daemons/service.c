/* SPDX-License-Identifier: Apache-2.0 */
/* Lines go to standard error with the prefix that the journal understands (sd-daemon(3)), and without it to a
 * terminal. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/service.h"

static int most_important = LOG_INFO; /* set once, at the start */

void service_log_level(int level) {
        most_important = level;
}

void service_log(int level, const char *text) {
        if (level > most_important)
                return;
        if (getenv("JOURNAL_STREAM"))
                fprintf(stderr, "<%d>%s\n", level, text);
        else
                fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

void service_status(const char *text) {
        sd_notifyf(0, "STATUS=%s", text);
}

int service_begin(Service *s, Error *err) {
        sigset_t stop;
        int r;

        *s = (Service) {};
        sigemptyset(&stop);
        sigaddset(&stop, SIGTERM);
        sigaddset(&stop, SIGINT);
        if (sigprocmask(SIG_BLOCK, &stop, NULL) < 0)
                return error_prefix(err, -errno, "signals");
        r = sd_event_new(&s->event);
        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGTERM, NULL, NULL); /* without a handler: ends the loop */
        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_set_watchdog(s->event, true);
        return r < 0 ? error_prefix(err, r, "the loop") : 0;
}

static int listen_at(Service *s, const char *address, const ServiceConfig *config, void *userdata, Error *err) {
        bool local;
        int r;

        if (s->n_listeners == ELEMENTSOF(s->listener))
                return error_set(err, ERROR_VALUE, "%zu sockets at most", ELEMENTSOF(s->listener));
        r = address_is_local(address, &local, err);
        if (r == 0 && !local)
                r = error_set(err, ERROR_SUPPORT,
                              "%s is not of this machine alone: connections between machines need keys, which this "
                              "version does not have yet; listen at 127.0.0.1", address);
        if (r == 0)
                r = listener_new(&s->listener[s->n_listeners], s->event, address, config->socket_mode, config->accepted,
                                 userdata, err);
        if (r == 0)
                s->n_listeners++;
        return r;
}

int service_listen(Service *s, const ServiceConfig *config, void *userdata, Error *err) {
        const int n_given = sd_listen_fds(true);
        char address[512];
        int r = 0;

        for (int k = 0; k < n_given && r == 0; k++) {
                if (s->n_listeners == ELEMENTSOF(s->listener))
                        return error_set(err, ERROR_VALUE, "%zu sockets at most", ELEMENTSOF(s->listener));
                r = listener_from_fd(&s->listener[s->n_listeners], s->event, SD_LISTEN_FDS_START + k, config->accepted,
                                     userdata, err);
                s->n_listeners += r == 0;
        }
        if (r == 0 && n_given <= 0 && config->listen)
                r = listen_at(s, config->listen, config, userdata, err);
        if (r == 0 && n_given <= 0 && config->socket) {
                snprintf(address, sizeof(address), "unix:%s", config->socket);
                r = listen_at(s, address, config, userdata, err);
        }
        if (r == 0 && s->n_listeners == 0)
                r = error_set(err, ERROR_VALUE, "there is nowhere to listen: give a socket or an address");
        if (r < 0)
                return r;
        s->address = listener_address(s->listener[0]);
        for (unsigned k = 0; k < s->n_listeners; k++) {
                snprintf(address, sizeof(address), "listening at %s", listener_address(s->listener[k]));
                service_log(LOG_INFO, address);
        }
        return 0;
}

int service_run(Service *s) {
        int r;

        sd_notify(0, "READY=1");
        r = sd_event_loop(s->event);
        sd_notify(0, "STOPPING=1");
        return r < 0 ? EXIT_FAILURE : r;
}

void service_end(Service *s) {
        while (s->n_listeners > 0)
                listener_free(s->listener[--s->n_listeners]);
        s->event = sd_event_unref(s->event);
}
