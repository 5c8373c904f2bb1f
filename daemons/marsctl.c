/* SPDX-License-Identifier: Apache-2.0 */
/* marsctl: the administrator's program (ctl.h). */
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemons/ctl/ctl.h"
#include "mars.h"

const Command ctl_commands[] = {
        { .name = "status", .summary = "Show the cluster on one screen.", .run = ctl_status },
        { .name    = "workers",
          .summary = "List the workers: what they compute, hold and have spilled.",
          .doc     = "PAGES is the kind of pages of the cache.",
          .run     = ctl_workers },
        { .name    = "sessions",
          .summary = "List the sessions: whose they are, and what they hold.",
          .run     = ctl_sessions },
        { .name     = "tasks",
          .argument = "[REQUEST]",
          .summary  = "List the requests under way, with their progress; or tasks of one.",
          .doc      = "TASKS DONE counts those that are known so far: where shapes depend on data, more follow. Of a "
                      "REQUEST the tasks are shown that are not done, 256 at most: those that workers have, then "
                      "those that wait. Their names are REQUEST.NUMBER.",
          .run      = ctl_tasks },
        { .name     = "why",
          .argument = "REQUEST|TASK",
          .summary  = "Say what a request, or one of its tasks, waits for.",
          .doc      = "Of a request that is the first task, in the order of the plan, that is not done: what it makes, "
                      "who has it, and how many tasks of the plan are done, with workers, or wait. Of a task, as "
                      "marsctl tasks REQUEST names it, it is an input, a worker, memory, a disk or a thread; the "
                      "worker that has it is asked, too.",
          .run      = ctl_why },
        { .name    = "top",
          .summary = "Show status, workers and tasks again every second, until Ctrl-C.",
          .doc     = "With --json, three lines each time.",
          .run     = ctl_top },
        { .name     = "cancel",
          .argument = "REQUEST",
          .summary  = "End a request that marsctl tasks lists.",
          .doc      = "The program that waits for it gets the error \"canceled by the administrator\". "
                      "Over the socket, root, the scheduler's user and the user of the program may.",
          .run      = ctl_cancel_request },
        { .name     = "drain",
          .argument = "WORKER",
          .summary  = "Give a worker no more tasks, and let others take its chunks.",
          .doc      = "marsctl workers shows when it is empty. Over the socket, root and the scheduler's user may.",
          .run      = ctl_drain_worker },
        { .name     = "undrain",
          .argument = "WORKER",
          .summary  = "Give a worker that was drained tasks again.",
          .run      = ctl_undrain_worker },
        { .name     = "retire",
          .argument = "WORKER",
          .summary  = "Drain a worker, and end it when it is empty.",
          .doc      = "While its chunks find no room with others it stays, and the scheduler's log says why.",
          .run      = ctl_retire_worker },
        { .name    = "hugepages",
          .summary = "Show which pages this machine has and each worker uses, and what to set.",
          .run     = ctl_hugepages },
        { .name     = "keygen",
          .argument = "[PATH]",
          .summary  = "Write a new key for the daemons of several machines.",
          .doc      = "PATH is /etc/mars/cluster.key by default; a file that is there already is left alone. "
                      "It is for all machines of a cluster, copied to the same place on each.",
          .alone    = true,
          .run      = ctl_keygen },
        { .name     = "token",
          .argument = "[USER]",
          .summary  = "Show where the token is that is shown at TCP connections; make one if there is none.",
          .doc      = "With USER: print a token for that user, who has with it what is his own, and is told of nothing "
                      "else: no other's sessions, results, logs. It belongs at ~/.config/mars/token or in MARS_TOKEN.",
          .alone    = true,
          .run      = ctl_token },
        { .name     = "web",
          .argument = "[URL]",
          .summary  = "Print a link that signs a browser in at mars-web, once, within an hour.",
          .doc      = "URL is that of -s, else http://127.0.0.1:7104. The token must be one that marsctl finds. The "
                      "link that was made before is none any more.",
          .alone    = true,
          .run      = ctl_web },
        {},
};

_printf_(1, 2) static int usage(const char *fmt, ...) {
        va_list args;

        fputs("marsctl: ", stderr);
        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fputs("; marsctl --help tells more\n", stderr);
        return CTL_USAGE;
}

static int run(Ctl *ctl, const Command *command, const char *argument) {
        Error err = {};
        int r     = command->alone ? 0 : ctl_open(ctl, &err);

        if (r == 0)
                r = command->run(ctl, argument, stdout, &err);
        if (fflush(stdout) != 0 && r == 0)
                r = error_prefix(&err, -errno, "output");
        if (r != 0)
                fprintf(stderr, "marsctl: %s\n", err.text);
        return r < 0 ? EXIT_FAILURE : r;
}

int main(int argc, char **argv) {
        enum { JSON = 256, MANUAL };
        static const struct option options[] = {
                { "scheduler", required_argument, NULL, 's' },
                { "json", no_argument, NULL, JSON },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "manual", no_argument, NULL, MANUAL },
                {},
        };
        const Command *command = ctl_commands;
        Ctl ctl                = {};
        int status;

        setlocale(LC_CTYPE, "");
        for (int c; (c = getopt_long(argc, argv, "s:hV", options, NULL)) >= 0;)
                switch (c) {
                case 's':
                        ctl.place = optarg;
                        break;
                case JSON:
                        ctl.json = true;
                        break;
                case 'h':
                        ctl_help(stdout);
                        return 0;
                case 'V':
                        puts("marsctl " MARS_VERSION);
                        return 0;
                case MANUAL:
                        ctl_manual(stdout);
                        return 0;
                default:
                        return CTL_USAGE; /* getopt has said it */
                }
        if (optind == argc)
                return usage("no command");
        while (command->name && strcmp(command->name, argv[optind]) != 0)
                command++;
        if (!command->name)
                return usage("'%s' is no command", argv[optind]);
        if (argc - optind - 1 > (command->argument != NULL))
                return usage("%s takes %s", command->name, command->argument ? "one argument" : "no argument");
        if (command->argument && command->argument[0] != '[' && optind + 1 == argc)
                return usage("%s needs an argument: %s", command->name, command->argument);
        status = run(&ctl, command, argv[optind + 1]);
        ctl_done(&ctl);
        return status;
}
