/* SPDX-License-Identifier: Apache-2.0 */
/* Lines go to standard error with the prefix that the journal understands (sd-daemon(3)), and without it to a
 * terminal; those that are about something go to the journal with fields. */
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "daemons/service.h"

static int most_important = LOG_INFO; /* set once, at the start */

void service_log_level(int level) {
        most_important = level;
}

/* Whether stderr is the journal's: who started us may have left the variable and sent stderr elsewhere. */
static bool is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long device, inode;
        struct stat is;

        return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 && fstat(STDERR_FILENO, &is) == 0 &&
               is.st_dev == device && is.st_ino == inode;
}

typedef struct Fields {
        char text[6][MAX_LINE_BYTES + 32];
        struct iovec at[6];
        int n;
} Fields;

_printf_(2, 3) static void field(Fields *f, const char *fmt, ...) {
        va_list args;

        va_start(args, fmt);
        vsnprintf(f->text[f->n], sizeof(f->text[0]), fmt, args);
        va_end(args);
        f->at[f->n] = (struct iovec) { f->text[f->n], strlen(f->text[f->n]) };
        f->n++;
}

/* With fields, by which one can ask for what is about a session, a request or a worker. */
static bool to_journal(int level, const LineAbout *about, const char *text) {
        Fields f = {};

        field(&f, "MESSAGE=%s", text);
        field(&f, "PRIORITY=%d", level);
        if (about->event)
                field(&f, "MESSAGE_ID=%s", about->event);
        if (about->session != 0)
                field(&f, "MARS_SESSION=%llu", (unsigned long long) about->session);
        if (about->request != 0)
                field(&f, "MARS_REQUEST=%llu", (unsigned long long) about->request);
        if (about->is_worker)
                field(&f, "MARS_WORKER=%u", about->worker);
        return sd_journal_sendv(f.at, f.n) >= 0;
}

void service_log_about(int level, const LineAbout *about, const char *text) {
        const bool journal = level <= most_important && is_journal();

        if (level > most_important || (journal && about && to_journal(level, about, text)))
                return;
        if (journal)
                fprintf(stderr, "<%d>%s\n", level, text);
        else
                fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

void service_log(int level, const char *text) {
        service_log_about(level, NULL, text);
}

void service_status(const char *text) {
        sd_notifyf(0, "STATUS=%s", text);
}

/* ---- Ending ------------------------------------------------------------------------------------------------------ */

enum { MANAGER_USEC = 1000 * 1000 }; /* it answers sooner, or not at all */

static int stop_fd = -1, reload_fd = -1; /* of the one service of the process: where its signal handler writes */

/* On whatever thread: libraries start theirs before main(), so signals cannot be blocked in all of them. */
static void on_signal(int signal) {
        const uint64_t one = 1;
        const int e        = errno;

        if (write(signal == SIGHUP ? reload_fd : stop_fd, &one, sizeof(one)) < 0)
                errno = e; /* it is full: it has been said */
        errno = e;
}

static int on_cut(sd_event_source *source, _unused_ int fd, _unused_ uint32_t revents, _unused_ void *userdata) {
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* Who is told twice ends at once. */
static int on_stop(sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        Service *s = userdata;
        uint64_t n;

        if (read(fd, &n, sizeof(n)) != sizeof(n))
                return 0;
        if (!s->stopping && n == 1 && s->stop && s->stop(s->stop_userdata)) {
                s->stopping = true;
                return 0;
        }
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata) {
        const Service *s = userdata;
        uint64_t n;

        if (read(fd, &n, sizeof(n)) == sizeof(n) && s->reload)
                s->reload(s->reload_userdata);
        return 0;
}

/* The other end of the pipe is closed when whoever started us is gone, by whatever cause. */
static int watch_lifeline(Service *s, Error *err) {
        const char *text = getenv(SERVICE_LIFELINE);
        char *end;
        long fd;
        int r;

        if (!text)
                return 0;
        fd = strtol(text, &end, 10);
        if (end == text || *end || fd < 0 || fd > INT_MAX || fcntl((int) fd, F_SETFD, FD_CLOEXEC) < 0)
                return error_set(err, ERROR_VALUE, SERVICE_LIFELINE "=%s: no descriptor that is open", text);
        r = sd_event_add_io(s->event, NULL, (int) fd, EPOLLIN | EPOLLHUP, on_cut, s);
        return r < 0 ? error_prefix(err, r, SERVICE_LIFELINE) : 0;
}

int service_begin(Service *s, Error *err) {
        const struct sigaction stop = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
        const struct sigaction none = { .sa_handler = SIG_IGN };
        int r;

        *s        = (Service) {};
        stop_fd   = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        reload_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (stop_fd < 0 || reload_fd < 0 || sigaction(SIGTERM, &stop, NULL) < 0 ||
            sigaction(SIGINT, &stop, NULL) < 0 || sigaction(SIGHUP, &stop, NULL) < 0 ||
            sigaction(SIGPIPE, &none, NULL) < 0)
                return error_prefix(err, -errno, "signals");
        r = sd_event_new(&s->event);
        if (r >= 0)
                r = sd_event_add_io(s->event, NULL, stop_fd, EPOLLIN, on_stop, s);
        if (r >= 0)
                r = sd_event_add_io(s->event, NULL, reload_fd, EPOLLIN, on_reload, s);
        if (r >= 0)
                r = sd_event_set_watchdog(s->event, true);
        return r < 0 ? error_prefix(err, r, "the loop") : watch_lifeline(s, err);
}

void service_distrust(Door *door) {
        const struct passwd *web = getpwnam("mars-web");

        door->relays = web && web->pw_uid != geteuid();
        if (door->relays)
                door->relay_uid = web->pw_uid;
}

int service_key(Tls **ret, const char *path, bool is_default, TlsRole role, Error *err) {
        const int r = tls_new(ret, is_default ? NULL : path ?: "none", role, err);

        return MIN(r, 0);
}

/* Who reaches such an address is not known by anything but a key. */
static int check_reach(const char *address, const ServiceConfig *config, Error *err) {
        bool local;
        int r = address_is_local(address, &local, err);

        if (r < 0 || local || config->tls || config->open)
                return r;
        return error_set(err, -EACCES,
                         "%s is not of this machine alone, and there is no key: whoever reaches it could come in. Make "
                         "one with\n"
                         "        marsctl keygen\n"
                         "and let the other machines have it:\n"
                         "        scp -p " KEY_PATH " NODE:" KEY_PATH,
                         address);
}

static int listen_at(Service *s, const char *address, const ServiceConfig *config, void *userdata, Error *err) {
        int r;

        if (s->n_listeners == ELEMENTSOF(s->listener))
                return error_set(err, ERROR_VALUE, "%zu sockets at most", ELEMENTSOF(s->listener));
        r = listener_new(&s->listener[s->n_listeners], s->event, address, config->socket_mode, config->accepted,
                         userdata, err);
        if (r < 0)
                return r;
        s->n_listeners++;
        /* A name may mean anything: what counts is where it listens. Nobody is let in before the loop runs. */
        return check_reach(listener_address(s->listener[s->n_listeners - 1]), config, err);
}

const char *service_socket(const char *path, bool is_default) {
        const char *end = path && is_default ? strrchr(path, '/') : NULL;
        char folder[512], text[1024];

        if (!end)
                return path;
        snprintf(folder, sizeof(folder), "%.*s", (int) (end - path), path);
        if (access(folder, W_OK | X_OK) == 0)
                return path;
        snprintf(text, sizeof(text), "not listening at %s: %s", path, strerrordesc_np(errno));
        service_log(LOG_NOTICE, text);
        return NULL;
}

/* At the host that others know us by, with the port that we got. */
static int announce(Service *s, const char *host, Error *err) {
        const char *port = strrchr(s->address = listener_address(s->listener[0]), ':');
        bool local;
        int r;

        if (!host || strncmp(s->address, "unix:", 5) == 0)
                return 0;
        snprintf(s->announced, sizeof(s->announced), strchr(host, ':') ? "[%s]%s" : "%s%s", host, port);
        r = address_is_local(s->announced, &local, err);
        if (r < 0)
                return error_prefix(err, r, "what others are told (advertise)");
        s->address = s->announced;
        return 0;
}

/* True: it is no socket. */
static bool take_kept(Service *s, int fd, const char *name) {
        ServiceKept *kept = &s->kept;

        if (strncmp(name, SERVICE_MEMORY, strlen(SERVICE_MEMORY)) != 0)
                return false;
        if (kept->n == 0)
                snprintf(kept->name, sizeof(kept->name), "%s", name);
        if (kept->n == ELEMENTSOF(kept->fd) || strcmp(kept->name, name) != 0)
                close(fd); /* of a life before the last one */
        else
                kept->fd[kept->n++] = fd;
        return true;
}

static void names_free(char ***names) {
        for (char **name = *names; name && *name; name++)
                free(*name);
        free(*names);
}

/* The service manager has handed over sockets, but none for an address that others are to reach. One of this machine
 * alone is not missed: there are the others. */
static bool is_missing(const Service *s, const char *address) {
        Error err = {};
        bool local;

        for (unsigned k = 0; k < s->n_listeners; k++)
                if (strcmp(listener_address(s->listener[k]), address) == 0)
                        return false;
        return address_is_local(address, &local, &err) < 0 || !local;
}

int service_listen(Service *s, const ServiceConfig *config, void *userdata, Error *err) {
        _cleanup_(names_free) char **names = NULL;
        int n_given = sd_listen_fds_with_names(true, &names), n_all = n_given;
        char address[512];
        int r = 0;

        for (int k = 0; k < n_all && r == 0; k++) {
                if (take_kept(s, SD_LISTEN_FDS_START + k, names[k])) {
                        n_given--;
                        continue;
                }
                if (s->n_listeners == ELEMENTSOF(s->listener))
                        return error_set(err, ERROR_VALUE, "%zu sockets at most", ELEMENTSOF(s->listener));
                r = listener_from_fd(&s->listener[s->n_listeners], s->event, SD_LISTEN_FDS_START + k, config->accepted,
                                     userdata, err);
                s->n_listeners += r == 0;
                if (r == 0)
                        r = check_reach(listener_address(s->listener[s->n_listeners - 1]), config, err);
        }
        if (r == 0 && config->listen && (n_given <= 0 || is_missing(s, config->listen)))
                r = listen_at(s, config->listen, config, userdata, err);
        if (r == 0 && n_given <= 0 && config->socket) {
                if (getenv(SERVICE_LIFELINE) && strrchr(config->socket, '/'))
                        snprintf(s->folder, sizeof(s->folder), "%.*s",
                                 (int) (strrchr(config->socket, '/') - config->socket), config->socket);
                snprintf(address, sizeof(address), "unix:%s", config->socket);
                r = listen_at(s, address, config, userdata, err);
        }
        if (r == 0 && s->n_listeners == 0)
                r = error_set(err, ERROR_VALUE, "there is nowhere to listen: give a socket or an address");
        if (r < 0)
                return r;
        r = announce(s, config->announce, err);
        if (r < 0)
                return r;
        for (unsigned k = 0; k < s->n_listeners; k++) {
                snprintf(address, sizeof(address), "listening at %s", listener_address(s->listener[k]));
                service_log(LOG_INFO, address);
        }
        return 0;
}

const char *service_local(const Service *s) {
        for (unsigned k = 0; k < s->n_listeners; k++)
                if (strncmp(listener_address(s->listener[k]), "unix:", 5) == 0)
                        return listener_address(s->listener[k]);
        return NULL;
}

int service_keep(const char *name, int fd) {
        char words[128];
        int r;

        snprintf(words, sizeof(words), "FDSTORE=1\nFDNAME=%s", name);
        r = sd_pid_notify_with_fds(0, 0, words, &fd, 1);
        return r < 0 ? r : 0;
}

void service_keep_no_more(const char *name) {
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

#define MANAGER "org.freedesktop.systemd1"

/* The job that our unit is in: /org/freedesktop/systemd1/job/…; NULL: none, or nobody says. The caller frees it. */
static char *find_job(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *unit = NULL, *job = NULL;
        const char *path = NULL;
        uint32_t id      = 0;
        int r;

        r = sd_bus_call_method(bus, MANAGER, "/org/freedesktop/systemd1", MANAGER ".Manager", "GetUnitByPID", NULL,
                               &unit, "u", 0);
        if (r >= 0)
                r = sd_bus_message_read(unit, "o", &path);
        if (r >= 0)
                r = sd_bus_get_property(bus, MANAGER, path, MANAGER ".Unit", "Job", NULL, &job, "(uo)");
        if (r >= 0)
                r = sd_bus_message_read(job, "(uo)", &id, &path);
        return r >= 0 && id != 0 ? strdup(path) : NULL;
}

bool service_is_restart(void) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(freep) char *job = NULL, *type = NULL;

        if (!getenv("INVOCATION_ID") || sd_bus_open_system(&bus) < 0 ||
            sd_bus_set_method_call_timeout(bus, MANAGER_USEC) < 0)
                return false;
        job = find_job(bus);
        return job && sd_bus_get_property_string(bus, MANAGER, job, MANAGER ".Job", "JobType", NULL, &type) >= 0 &&
               strcmp(type, "restart") == 0;
}

bool service_was_killed(void) {
        const char *how = getenv(SERVICE_ENDED);

        return how && strcmp(how, SERVICE_OOM) == 0;
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
        while (s->kept.n > 0)
                close(s->kept.fd[--s->kept.n]);
        s->event = sd_event_unref(s->event);
        if (s->folder[0])
                rmdir(s->folder); /* of a cluster of this machine: the last one of its daemons takes it along */
        close(stop_fd);
        close(reload_fd);
        stop_fd = reload_fd = -1;
}
