/* SPDX-License-Identifier: Apache-2.0 */
/* mars-keeper: what the service manager does for a daemon, where there is none: it starts one program, keeps the
 * descriptors that the program asks it to keep, and starts it again with them when it dies.
 *
 *         mars-keeper -- PROGRAM [ARGUMENT]...
 *
 * The program speaks as to systemd: sd_notify(3) with FDSTORE=1, FDSTOREREMOVE=1 and FDNAME=, everything else is handed
 * on to our own NOTIFY_SOCKET; descriptors come back as in sd_listen_fds_with_names(3). A program that ends by itself,
 * that is told to end, or that was never ready is not started again; else it is after a pause that grows with each
 * death and shrinks with each life that lasts; and it is told when the kernel has killed the one before it for want of
 * memory, which is counted in its control group. SIGTERM, SIGINT and SIGHUP go to the program. When our lifeline
 * (service.h) is cut the program is ended, and when we are killed the kernel ends it.
 *
 * One thread and one poll(): while it waits for its program it holds nothing but the descriptors. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/system.h"
#include "daemons/keeper-help.h"
#include "daemons/service.h"

enum {
        MAX_KEPT      = 64,        /* descriptors */
        MAX_NAME      = 255,       /* bytes of a name, as systemd has it */
        MAX_WORDS     = 4096,      /* bytes of a message */
        MAX_PATH      = 8192,      /* bytes: of a control group */
        MAX_COME      = 16,        /* descriptors with one */
        PAUSE_FIRST   = 20,        /* milliseconds before it is started again */
        PAUSE_MOST    = 5000,
        LIFE_MSEC     = 10 * 1000, /* a life that lasts: the next pause is the first one */
        END_MSEC      = 10 * 1000, /* for the program to end when our lifeline is cut */
};

typedef struct Kept {
        int fd;
        char name[MAX_NAME + 1];
} Kept;

typedef struct Keeper {
        char **argv;
        int notify, signals, lifeline; /* lifeline: -1: none */
        char address[32];              /* of notify, as NOTIFY_SOCKET says it */
        Kept kept[MAX_KEPT];
        unsigned n_kept;
        pid_t pid;                     /* of the program; 0: it does not run */
        bool ready, ending;
        char killed_file[MAX_PATH];    /* where the kernel counts whom it kills in the program's group; "": nowhere */
        uint64_t n_killed;             /* when the program was ready */
        bool killed;                   /* the last one was among them */
        uint64_t started_msec, pause_msec;
        uint64_t until_msec;           /* not running: when it is started; ending: when it is killed; 0: never */
} Keeper;

static uint64_t now_msec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

static void say(int level, const char *fmt, ...) _printf_(2, 3);
static void say(int level, const char *fmt, ...) {
        char text[512];
        va_list args;

        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        service_log(level, text);
}

/* ---- What the program says -------------------------------------------------------------------------------------- */

static void kept_remove(Keeper *k, const char *name) {
        for (unsigned at = 0; at < k->n_kept;)
                if (strcmp(k->kept[at].name, name) == 0) {
                        close(k->kept[at].fd);
                        k->kept[at] = k->kept[--k->n_kept];
                } else
                        at++;
}

/* Takes the descriptor. One that is kept already, whatever it was called, is not kept twice. */
static void kept_add(Keeper *k, const char *name, int fd) {
        struct stat new, old;

        for (unsigned at = 0; at < k->n_kept; at++)
                if (fstat(fd, &new) == 0 && fstat(k->kept[at].fd, &old) == 0 && new.st_dev == old.st_dev &&
                    new.st_ino == old.st_ino) {
                        close(fd);
                        return;
                }
        if (k->n_kept == MAX_KEPT) {
                say(LOG_WARNING, "%s is not kept: %d descriptors are", name, MAX_KEPT);
                close(fd);
                return;
        }
        k->kept[k->n_kept].fd = fd;
        snprintf(k->kept[k->n_kept++].name, sizeof(k->kept[0].name), "%s", name);
}

/* Before it is ready it may be on its way into a group still; once it is dead the kernel knows no group of it. */
static void program_ready(Keeper *k) {
        char pid[16];

        k->ready = true;
        snprintf(pid, sizeof(pid), "%d", k->pid);
        if (!system_killed_file(pid, "", k->killed_file, sizeof(k->killed_file)) ||
            !system_killed(k->killed_file, &k->n_killed))
                k->killed_file[0] = 0;
}

/* The value of `key` ("FDNAME=") in lines of KEY=VALUE, or NULL. */
static const char *value_of(const char *words, const char *key, char *ret, size_t size) {
        for (const char *at = words; *at; at += *at == '\n') {
                const size_t n = strcspn(at, "\n");

                if (strncmp(at, key, strlen(key)) == 0) {
                        snprintf(ret, size, "%.*s", (int) (n - strlen(key)), at + strlen(key));
                        return ret;
                }
                at += n;
        }
        return NULL;
}

/* Names go through an environment variable with colons between them. */
static bool is_name(const char *name) {
        for (const char *c = name; *c; c++)
                if (*c <= ' ' || *c == ':' || *c == 127)
                        return false;
        return name[0] != 0;
}

static void hear(Keeper *k, const char *words, int *fd, unsigned n_fd) {
        char text[MAX_NAME + 2], name[MAX_NAME + 2] = "stored";
        const bool about_fds = value_of(words, "FDSTORE=", text, sizeof(text)) != NULL;

        (void) value_of(words, "FDNAME=", name, sizeof(name));
        if (strlen(name) > MAX_NAME || !is_name(name))
                snprintf(name, sizeof(name), "stored");
        if (value_of(words, "FDSTOREREMOVE=", text, sizeof(text)))
                kept_remove(k, name);
        for (unsigned at = 0; at < n_fd; at++)
                if (about_fds)
                        kept_add(k, name, fd[at]);
                else
                        close(fd[at]); /* of a barrier: who waits for it is let go */
        if (value_of(words, "READY=", text, sizeof(text)) && strcmp(text, "1") == 0)
                program_ready(k);
        if (!about_fds && n_fd == 0 && !value_of(words, "FDSTOREREMOVE=", text, sizeof(text)))
                (void) sd_notify(0, words);
}

static void hear_notify(Keeper *k) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int) * MAX_COME) + CMSG_SPACE(sizeof(struct ucred))];
        } control;
        char words[MAX_WORDS + 1];
        struct iovec iov  = { words, MAX_WORDS };
        struct msghdr msg = { .msg_iov        = &iov,
                              .msg_iovlen     = 1,
                              .msg_control    = control.space,
                              .msg_controllen = sizeof(control.space) };
        ssize_t n         = recvmsg(k->notify, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        int fd[MAX_COME];
        unsigned n_fd = 0;
        pid_t from    = 0;

        if (n < 0)
                return;
        words[n] = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
                if (c->cmsg_level != SOL_SOCKET)
                        continue;
                if (c->cmsg_type == SCM_CREDENTIALS)
                        from = ((const struct ucred *) (const void *) CMSG_DATA(c))->pid;
                if (c->cmsg_type == SCM_RIGHTS) {
                        n_fd = (unsigned) ((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
                        memcpy(fd, CMSG_DATA(c), n_fd * sizeof(int));
                }
        }
        if (from == k->pid && k->pid > 0)
                hear(k, words, fd, n_fd);
        else
                while (n_fd > 0)
                        close(fd[--n_fd]);
}

/* ---- The program ------------------------------------------------------------------------------------------------ */

/* In the child: descriptors from SD_LISTEN_FDS_START on, the lifeline behind them. */
static int place_descriptors(Keeper *k, char *names, size_t size) {
        const int first_free = SD_LISTEN_FDS_START + MAX_KEPT;
        char text[32];
        size_t at = 0;
        int fd[MAX_KEPT], life = -1;

        if (k->lifeline >= 0)
                life = fcntl(k->lifeline, F_DUPFD, first_free);
        for (unsigned n = 0; n < k->n_kept; n++) { /* out of each other's way first */
                fd[n] = fcntl(k->kept[n].fd, F_DUPFD_CLOEXEC, first_free);
                if (fd[n] < 0)
                        return -errno;
                at += (size_t) snprintf(names + at, size - at, "%s%s", n > 0 ? ":" : "", k->kept[n].name);
        }
        for (unsigned n = 0; n < k->n_kept; n++)
                if (dup2(fd[n], SD_LISTEN_FDS_START + (int) n) < 0)
                        return -errno;
        snprintf(text, sizeof(text), "%d", life);
        if (k->lifeline >= 0 && (life < 0 || setenv(SERVICE_LIFELINE, text, true) < 0))
                return -errno;
        return 0;
}

static void become_program(Keeper *k, pid_t keeper) {
        char names[MAX_KEPT * (MAX_NAME + 1)] = "", text[32];
        sigset_t none;
        int r;

        sigemptyset(&none);
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != keeper || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                _exit(EXIT_FAILURE); /* or the keeper has gone just now */
        r = place_descriptors(k, names, sizeof(names));
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
        unsetenv("WATCHDOG_USEC");
        if (k->n_kept > 0) {
                snprintf(text, sizeof(text), "%d", getpid());
                setenv("LISTEN_PID", text, true);
                snprintf(text, sizeof(text), "%u", k->n_kept);
                setenv("LISTEN_FDS", text, true);
                setenv("LISTEN_FDNAMES", names, true);
        }
        unsetenv(SERVICE_ENDED);
        if (k->killed)
                setenv(SERVICE_ENDED, SERVICE_OOM, true);
        setenv("NOTIFY_SOCKET", k->address, true);
        if (r == 0)
                execvp(k->argv[0], k->argv);
        say(LOG_ERR, "%s cannot be started: %s", k->argv[0], strerrordesc_np(r < 0 ? -r : errno));
        _exit(EXIT_FAILURE);
}

static int start(Keeper *k) {
        const pid_t keeper = getpid();

        k->ready        = false;
        k->until_msec   = 0;
        k->started_msec = now_msec();
        k->pid          = fork();
        if (k->pid == 0)
                become_program(k, keeper);
        if (k->pid < 0) {
                k->pid = 0;
                return -errno;
        }
        return 0;
}

static bool ended_well(int status) {
        if (WIFEXITED(status))
                return WEXITSTATUS(status) == 0;
        return WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGHUP;
}

static bool killed_for_memory(const Keeper *k, int status) {
        uint64_t n;

        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && k->killed_file[0] &&
               system_killed(k->killed_file, &n) && n > k->n_killed;
}

/* The exit status of the keeper, or -1: it goes on. */
static int program_ended(Keeper *k, int status) {
        const uint64_t now = now_msec();
        char how[64];

        while (hear_notify(k), recv(k->notify, how, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
                ; /* what it said before it went */
        k->pid = 0;
        k->killed = killed_for_memory(k, status);
        if (ended_well(status) || k->ending)
                return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        if (WIFEXITED(status))
                snprintf(how, sizeof(how), "status %d", WEXITSTATUS(status));
        else
                snprintf(how, sizeof(how), "SIG%s%s", sigabbrev_np(WTERMSIG(status)) ?: "?",
                         k->killed ? ", by the kernel for want of memory" : "");
        if (!k->ready) {
                say(LOG_ERR, "%s has ended with %s before it was ready", k->argv[0], how);
                return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
        }
        k->pause_msec = now - k->started_msec >= LIFE_MSEC || k->pause_msec == 0
                                ? PAUSE_FIRST
                                : MIN(k->pause_msec * 2, (uint64_t) PAUSE_MOST);
        k->until_msec = now + k->pause_msec;
        say(LOG_WARNING, "%s has ended with %s: it is started again, with %u descriptors", k->argv[0], how, k->n_kept);
        return -1;
}

/* ---- The loop --------------------------------------------------------------------------------------------------- */

static int hear_signal(Keeper *k) {
        struct signalfd_siginfo s;
        int status, r = -1;

        if (read(k->signals, &s, sizeof(s)) != sizeof(s))
                return -1;
        if (s.ssi_signo != SIGCHLD) {
                k->ending |= s.ssi_signo != SIGHUP;
                if (k->pid > 0)
                        kill(k->pid, s.ssi_signo == SIGINT ? SIGTERM : (int) s.ssi_signo);
                return k->pid > 0 || !k->ending ? -1 : 0;
        }
        if (k->pid > 0 && waitpid(k->pid, &status, WNOHANG) == k->pid)
                r = program_ended(k, status);
        return r;
}

/* 0: whoever started us is gone, and nothing is to stay. */
static int lifeline_cut(Keeper *k) {
        k->ending = true;
        close(k->lifeline);
        k->lifeline = -1;
        if (k->pid == 0)
                return 0;
        kill(k->pid, SIGTERM);
        k->until_msec = now_msec() + END_MSEC;
        return -1;
}

static int wait_once(Keeper *k) {
        struct pollfd p[] = { { k->signals, POLLIN, 0 }, { k->notify, POLLIN, 0 }, { k->lifeline, POLLIN, 0 } };
        const uint64_t now = now_msec();
        const int timeout  = k->until_msec == 0 ? -1 : (int) (k->until_msec - MIN(now, k->until_msec));
        int r              = -1;

        if (poll(p, ELEMENTSOF(p), timeout) < 0 && errno != EINTR)
                return EXIT_FAILURE;
        if (p[1].revents)
                hear_notify(k);
        if (p[0].revents)
                r = hear_signal(k);
        if (r < 0 && p[2].revents && k->lifeline >= 0)
                r = lifeline_cut(k);
        if (r < 0 && k->until_msec > 0 && now_msec() >= k->until_msec) {
                k->until_msec = 0;
                if (k->pid > 0)
                        kill(k->pid, SIGKILL);
                else if (start(k) < 0)
                        k->until_msec = now_msec() + PAUSE_MOST;
        }
        return r;
}

/* A socket of no file: the kernel chooses its name. Who else writes to it is not our program. */
static int open_notify(Keeper *k) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t n                = sizeof(address.sun_family);
        const int yes              = 1;

        k->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (k->notify < 0 || setsockopt(k->notify, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0 ||
            bind(k->notify, (const struct sockaddr *) &address, n) < 0)
                return -errno;
        n = sizeof(address);
        if (getsockname(k->notify, (struct sockaddr *) &address, &n) < 0)
                return -errno;
        snprintf(k->address, sizeof(k->address), "@%.*s", (int) (n - sizeof(address.sun_family) - 1),
                 address.sun_path + 1);
        return 0;
}

static int keep(char **argv) {
        Keeper k          = { .argv = argv, .lifeline = -1 };
        const char *life  = getenv(SERVICE_LIFELINE);
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGCHLD);
        r = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : open_notify(&k);
        if (r == 0) {
                k.signals = signalfd(-1, &set, SFD_CLOEXEC);
                r         = k.signals < 0 ? -errno : 0;
        }
        if (r == 0 && life) {
                k.lifeline = (int) strtol(life, NULL, 10);
                r          = fcntl(k.lifeline, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
        }
        if (r == 0)
                r = start(&k);
        if (r < 0) {
                say(LOG_ERR, "%s", strerrordesc_np(-r));
                return EXIT_FAILURE;
        }
        do
                r = wait_once(&k);
        while (r < 0);
        return r;
}

int main(int argc, char **argv) {
        int at = 1;

        if (argc > 1 && keeper_help(argv[1], stdout))
                return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        at += argc > 1 && strcmp(argv[1], "--") == 0;
        if (at >= argc || argv[at][0] == '-') {
                fputs("mars-keeper: which program? mars-keeper -- PROGRAM [ARGUMENT]...\n", stderr);
                return 2;
        }
        return keep(argv + at);
}
