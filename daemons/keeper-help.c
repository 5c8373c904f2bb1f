/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemons/keeper-help.h"
#include "mars.h"

static const char usage[] =
        "Usage: mars-keeper -- PROGRAM [ARGUMENT]...\n\n"
        "Starts the program, keeps what it asks to keep, and starts it again with that when it crashes.\n\n"
        "  -h, --help       Print this.\n"
        "  -V, --version    Print the version.\n"
        "      --manual     Print the manual page, in roff.\n";

static const char manual[] =
        ".TH mars\\-keeper 8 \"\" \"Mars " MARS_VERSION "\" \"Mars\"\n"
        ".SH NAME\nmars\\-keeper \\- keep the memory of a worker of the Mars array engine over its crashes\n"
        ".SH SYNOPSIS\n.B mars\\-keeper\n\\fB\\-\\-\\fR \\fIPROGRAM\\fR [\\fIARGUMENT\\fR]\\&...\n"
        ".SH DESCRIPTION\n"
        "Starts a program, and starts it again when it crashes. In between it keeps the descriptors that the program\n"
        "has asked it to keep: the memory files of a worker, and with them all results in them.\n"
        ".PP\n"
        "It is for machines without a service manager, for containers, and for clusters that belong to one program\n"
        "(Python's \\fBmars.deploy.local\\fR uses it). Where systemd runs the daemons, systemd does all of this.\n"
        ".PP\n"
        "A program that ends with status 0, or by SIGTERM, SIGINT or SIGHUP, is not started again; nor is one that\n"
        "has ended before it was ready. Otherwise the first pause is 20 ms, each further one twice as long, up to 5\n"
        "s; after a life of 10 s it is the first one again.\n"
        ".PP\n"
        "SIGTERM and SIGHUP go to the program; SIGINT goes to it as SIGTERM. When the keeper is killed the kernel\n"
        "sends SIGTERM to the program.\n"
        ".SH OPTIONS\n"
        ".TP\n.BR \\-h \", \" \\-\\-help\nPrint a summary.\n"
        ".TP\n.BR \\-V \", \" \\-\\-version\nPrint the version.\n"
        ".TP\n.B \\-\\-manual\nPrint this page, in roff.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n.B NOTIFY_SOCKET\nThe program gets one of the keeper's own, and speaks as in \\fBsd_notify\\fR(3).\n"
        "FDSTORE=1, FDSTOREREMOVE=1 and FDNAME= are for the keeper; everything else is handed on to the keeper's own\n"
        "NOTIFY_SOCKET.\n"
        ".TP\n.BR LISTEN_FDS \", \" LISTEN_FDNAMES \", \" LISTEN_PID\nWhat is kept comes back to the program as in\n"
        "\\fBsd_listen_fds\\fR(3).\n"
        ".TP\n.B MARS_ENDED\nThe program gets it with the value\n.B oom\\-kill\nwhen the kernel has killed the one "
        "before it for want of\nmemory: killed it was, and the count of its control group says by whom.\n"
        ".TP\n.B MARS_LIFELINE\nA descriptor, the reading end of a pipe: when its other end is closed the program is "
        "told to end,\nand killed after 10 s. The program gets it, too.\n"
        ".SH EXIT STATUS\n"
        ".TP\n.B 2\nThe command line is wrong.\n"
        ".PP\nElse that of the program.\n"
        ".SH EXAMPLES\n"
        "A worker by hand, of which results survive a crash:\n"
        ".IP\n.EX\nmars\\-keeper \\-\\- mars\\-worker \\-s 192.0.2.1:7103\n.EE\n"
        ".SH SEE ALSO\n.BR mars\\-worker (8),\n.BR mars\\-scheduler (8),\n.BR sd_notify (3)\n";

bool keeper_help(const char *word, FILE *out) {
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
                fputs(usage, out);
        else if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
                fputs("mars-keeper " MARS_VERSION "\n", out);
        else if (strcmp(word, "--manual") == 0)
                fputs(manual, out);
        else
                return false;
        return true;
}
