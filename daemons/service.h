/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What all daemons do alike: a loop that ends with SIGTERM or SIGINT, lines for the journal, listening at what the
 * service manager hands over or the configuration names, and telling the service manager how it goes. */
#include "daemons/lines.h"
#include "io/link.h"

/* In the environment: a descriptor, the reading end of a pipe. When its other end is closed the daemon ends. For those
 * who start daemons as their own (mars.deploy.local): nothing of theirs stays behind when they are killed. */
#define SERVICE_LIFELINE "MARS_LIFELINE"

/* In the environment: how the process before this one has ended, in the words of systemd's $SERVICE_RESULT. The keeper
 * says it, and the units do. */
#define SERVICE_ENDED "MARS_ENDED"
#define SERVICE_OOM   "oom-kill"

/* Descriptors with names that begin so are not sockets: who made the service is asked for them (service_kept()). */
#define SERVICE_MEMORY "mars-memory-"

typedef struct ServiceKept {
        int fd[4];            /* more than a daemon has kept */
        unsigned n;
        char name[64];        /* of the first; the others have the same */
} ServiceKept;

typedef struct Service {
        sd_event *event;
        Listener *listener[8];
        unsigned n_listeners;
        char folder[128];     /* of the socket, where there is a lifeline; "": none */
        const char *address;  /* that others are told: of the first listener */
        char announced[192];  /* it, where others know the machine by another one than it listens at */
        ServiceKept kept;     /* what the service manager kept for the process before us; taken over by who needs it */
        bool (*stop)(void *userdata); /* or NULL: it is told to stop; true: it ends by itself, soon */
        void *stop_userdata;
        bool stopping;
        void (*reload)(void *userdata); /* or NULL: SIGHUP: it is to read its configuration again (told.h) */
        void *reload_userdata;
} Service;

typedef struct ServiceConfig {
        const char *socket;   /* a unix socket, or NULL */
        const char *listen;   /* host:port, or NULL */
        const char *announce; /* the host that others are told, or NULL */
        mode_t socket_mode;
        const Tls *tls;       /* NULL: there is no key, and nobody beyond this machine is listened to, */
        bool open;            /* unless who comes has to show something else */
        ListenerAccepted *accepted;
        int log_level;
} ServiceConfig;

/* Signals are blocked from here on: before any thread is started. */
int service_begin(Service *service, Error *err);
/* accepted(userdata, fd) for each connection. Addresses that are not of this machine alone are refused without a
 * key. */
int service_listen(Service *service, const ServiceConfig *config, void *userdata, Error *err);
/* The first unix socket that is listened at, or NULL. */
const char *service_local(const Service *service);
/* Whom a door believes nothing that its socket says: mars-web's user, where it has one of its own. */
void service_distrust(Door *door);
/* Says READY, runs the loop until it ends, says STOPPING. The exit status. */
int service_run(Service *service);
/* The service manager keeps the descriptor under the name, for the next process of the service. Nothing where there is
 * no service manager. */
int service_keep(const char *name, int fd);
void service_keep_no_more(const char *name);
/* Asks the service manager whether we are told to stop in order to be started again: then it keeps what it was given.
 * False also where nobody can say. Waits for a second at most. */
bool service_is_restart(void);
/* Whether the kernel has killed the process before this one for want of memory. */
bool service_was_killed(void);
void service_end(Service *service);
/* The key that TCP goes through (io/tls.h), as the configuration names it: `path` NULL is "none", `is_default` looks
 * where keys are. *ret NULL: there is none. */
int service_key(Tls **ret, const char *path, bool is_default, TlsRole role, Error *err);
void service_status(const char *text);
/* The path of a socket, or NULL with a line in the log: the default one has no directory where nothing is installed. */
const char *service_socket(const char *path, bool is_default);
void service_log_level(int level); /* of syslog: what is less important is not said */
void service_log(int level, const char *text);
void service_log_about(int level, const LineAbout *about, const char *text); /* about: NULL: nothing that has a field */
