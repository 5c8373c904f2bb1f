/* SPDX-License-Identifier: Apache-2.0 */
/* --help and the manual page, out of the table of commands. */
#include <string.h>

#include "daemons/ctl/ctl.h"
#include "daemons/conf/roff.h"
#include "mars.h"

enum { COLUMN = 28 }; /* where the words of a row begin */

typedef struct Option {
        const char *text; /* as it is typed; the part behind a blank is an argument */
        const char *doc;
} Option;

static const Option options[] = {
        { "-s, --scheduler ADDRESS", "Where the scheduler is: unix:/PATH, HOST:PORT or http://HOST:PORT of mars-web" },
        { "--json", "Print what the scheduler answers as it is, in JSON." },
        { "-h, --help", "Print this." },
        { "-V, --version", "Print the version." },
        { "--manual", "Print the manual page, in roff." },
        {},
};

static void put_row(FILE *out, const char *name, const char *argument, const char *doc) {
        const int n = fprintf(out, "  %s%s%s", name, argument ? " " : "", argument ?: "");

        fprintf(out, "%*s%s\n", n + 1 < COLUMN ? COLUMN - n : 2, "", doc);
}

void ctl_help(FILE *out) {
        fputs("Usage: marsctl [OPTION]... COMMAND [ARGUMENT]\n\n"
              "Shows what a cluster of Mars does, and ends what it should not do.\n\n"
              "Commands\n",
              out);
        for (const Command *c = ctl_commands; c->name; c++)
                put_row(out, c->name, c->argument, c->summary);
        fputs("\nOptions\n", out);
        for (const Option *o = options; o->text; o++)
                put_row(out, o->text, NULL, o->doc);
        fputs("\nWithout -s the scheduler is looked for at unix:/run/mars/scheduler.sock, then at 127.0.0.1:7103.\n",
              out);
}

static void put_definition(FILE *out, const char *name, const char *argument) {
        fputs(".TP\n\\fB", out);
        roff_put(out, name);
        fputs("\\fR", out);
        if (argument) {
                fputs(" \\fI", out);
                roff_put(out, argument);
                fputs("\\fR", out);
        }
        fputc('\n', out);
}

void ctl_manual(FILE *out) {
        fprintf(out,
                ".TH marsctl 1 \"\" \"Mars %s\" \"Mars\"\n"
                ".SH NAME\nmarsctl \\- look into a cluster of the Mars array engine\n"
                ".SH SYNOPSIS\n.B marsctl\n[\\fIOPTION\\fR]\\&... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]\n"
                ".SH DESCRIPTION\nShows what a cluster does, and ends what it should not do.\n"
                "It speaks to the scheduler at its socket, which root and the group of the socket may open, or over "
                "TCP\n"
                "with the key of the cluster, or with a token where there is no key. Where only the web daemon can be\n"
                "reached it speaks through that, with the token: all commands work there.\n"
                ".SH COMMANDS\n",
                MARS_VERSION);
        for (const Command *c = ctl_commands; c->name; c++) {
                put_definition(out, c->name, c->argument);
                roff_put(out, c->summary);
                fputc('\n', out);
                if (c->doc) {
                        roff_put(out, c->doc);
                        fputc('\n', out);
                }
        }
        fputs(".SH OPTIONS\n", out);
        for (const Option *o = options; o->text; o++) {
                const char *argument = strrchr(o->text, ' ');
                const bool has_one   = argument && argument[1] != '-';
                char name[64];

                snprintf(name, sizeof(name), "%.*s", (int) (has_one ? (size_t) (argument - o->text) : strlen(o->text)),
                         o->text);
                put_definition(out, name, has_one ? argument + 1 : NULL);
                roff_put(out, o->doc);
                fputc('\n', out);
        }
        fputs(".PP\nWithout \\fB\\-s\\fR the scheduler is looked for at \\fIunix:/run/mars/scheduler.sock\\fR, then "
              "at\n"
              "\\fI127.0.0.1:7103\\fR.\n"
              ".SH ENVIRONMENT\n"
              ".TP\n.B MARS_TOKEN\nThe token that is shown at TCP connections, in place of the one in a file.\n"
              ".TP\n.B MARS_KEY_FILE\nThe file of the key, in place of those below; \\(lqnone\\(rq: no key.\n"
              ".TP\n.B MARS_CA_FILE\nThe authorities that are believed when https servers show certificates, in place "
              "of the system's.\n"
              ".SH FILES\n"
              ".TP\n.I ~/.config/mars/token\n.TQ\n.I /etc/mars/token\nThe token: the first that is there.\n"
              ".TP\n.I ~/.config/mars/cluster.key\n.TQ\n.I /etc/mars/cluster.key\nThe key that all machines of a "
              "cluster share: the first that is there. With it TCP is encrypted.\n"
              ".SH EXIT STATUS\n"
              ".TP\n.B 0\nIt was done.\n"
              ".TP\n.B 1\nIt could not be done; standard error says why.\n"
              ".TP\n.B 2\nThe command line is wrong.\n"
              ".SH EXAMPLES\n"
              "End the request that has been running too long:\n"
              ".IP\n.EX\nmarsctl tasks\nmarsctl cancel 17\n.EE\n"
              ".PP\nHow much every worker has in its cache, for a program:\n"
              ".IP\n.EX\nmarsctl \\-\\-json workers | jq \\(aq.[].used_bytes\\(aq\n.EE\n"
              ".SH SEE ALSO\n.BR mars\\-scheduler (8),\n.BR mars\\-worker (8),\n.BR mars.conf (5)\n",
              out);
}
