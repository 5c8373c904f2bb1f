/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the keys that programs share. */
#include <limits.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/conf/keys.h"

const ConfChoice conf_levels[] = {
        { "debug", LOG_DEBUG },
        { "info", LOG_INFO },
        { "notice", LOG_NOTICE },
        { "warning", LOG_WARNING },
        { "warn", LOG_WARNING },
        { "error", LOG_ERR },
        { "err", LOG_ERR },
        { "critical", LOG_CRIT },
        { "fatal", LOG_CRIT },
        { "crit", LOG_CRIT },
        {},
};

const char *conf_join(Arena *arena, const char *host, int port) {
        return arena_printf(arena, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
}

/* The host of host:port, without brackets. */
static const char *host_of(Arena *arena, const char *address) {
        const char *colon = strrchr(address, ':');
        size_t n          = (size_t) (colon - address);

        return address[0] == '[' ? arena_printf(arena, "%.*s", (int) n - 2, address + 1)
                                 : arena_printf(arena, "%.*s", (int) n, address);
}

int conf_finish_listen(const char *host, const char *advertise, const char *endpoint, int port, const char **ret_listen,
                       const char **ret_announce, Arena *arena, Error *err) {
        char name[HOST_NAME_MAX + 1];

        *ret_listen = *ret_announce = NULL;
        if (endpoint)
                host = host_of(arena, endpoint);
        else if (port < 0)
                return 0;
        else if (!host)
                host = advertise ?: "127.0.0.1";
        *ret_listen = endpoint ?: host ? conf_join(arena, host, port) : NULL;
        if (!*ret_listen || !host)
                return ERROR_MEMORY;
        *ret_announce = advertise ?: host;
        if (strcmp(*ret_announce, "0.0.0.0") == 0 || strcmp(*ret_announce, "::") == 0) { /* all of the machine's */
                if (gethostname(name, sizeof(name)) < 0)
                        return error_set(err, ERROR_VALUE,
                                         "advertise: the machine has no name that others could use: give "
                                         "one");
                *ret_announce = arena_printf(arena, "%s", name);
        }
        return *ret_announce ? 0 : ERROR_MEMORY;
}
