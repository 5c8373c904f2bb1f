/* SPDX-License-Identifier: Apache-2.0 */
/* What mars-web can be told. */
#include <string.h>

#include "daemons/conf/keys.h"

#define AT(KIND, field) CONF_AT(ConfWeb, KIND, field)

enum { PORT_WEB = 7104 };

static const ConfKey keys[] = {
        CONF_KEY_HOST(ConfWeb),
        CONF_KEY_ADVERTISE(ConfWeb),
        CONF_KEY_ENDPOINT(ConfWeb),
        {
                .name = "ui_port",
                AT(PORT, ui_port),
                .value = "auto",
                .unset = "auto",
                .own   = true,
                .old   = "-w --web-port",
                .doc   = "Serve pages and sessions over HTTP at this TCP port. auto: that of port, or else 7104.",
                .reason =
                        "No service of the usual lists has it, and it is always the same, so that people can learn it.",
        },
        {
                .name   = "port",
                .letter = 'p',
                AT(PORT, port),
                .value = "auto",
                .unset = "auto",
                .own   = true,
                .old   = "--ports",
                .env   = "MARS_BIND_PORT",
                .doc = "Without ui_port: its other name. With it: the port at which the original's daemons called each "
                       "other, which is taken so that its command lines work, and listened at by nobody.",
                .reason = "The web daemon calls the scheduler, so nobody has to call it.",
        },
        CONF_KEY_SCHEDULERS(ConfWeb),
        CONF_KEY_KEY_FILE(ConfWeb),
        {
                .name = "certificate",
                AT(PATH, certificate),
                .value  = "none",
                .unset  = "none",
                .doc    = "Serve HTTPS with this certificate (PEM, with those that it was issued by).",
                .reason = "Whom a browser trusts is for the administrator to say.",
        },
        {
                .name = "certificate_key",
                AT(PATH, certificate_key),
                .value  = "none",
                .unset  = "none",
                .doc    = "The private key of the certificate (PEM).",
                .reason = "There is none without a certificate.",
        },
        {
                .name = "public_url",
                AT(TEXT, public_url),
                .value  = "none",
                .unset  = "none",
                .doc    = "Where browsers find this daemon when a proxy stands before it: https://host, "
                          "https://host:port/path. Requests for that host, and of pages from there, are taken, too.",
                .reason = "A request for a host that we do not know may come from a page that means harm.",
        },
        CONF_KEY_PLAIN_HTTP(ConfWeb),
        CONF_KEY_LOG_LEVEL(ConfWeb),
};

/* What of the URL a browser says as Host and Origin. */
static int finish_public(ConfWeb *c, Arena *arena, Error *err) {
        const char *host = c->public_url ? strstr(c->public_url, "://") : NULL;
        size_t n_scheme, n;

        if (!c->public_url)
                return 0;
        n_scheme = host ? (size_t) (host - c->public_url) + 3 : 0;
        n        = strcspn(c->public_url + n_scheme, "/?#@\\ ");
        if (n == 0 || (strncmp(c->public_url, "https://", n_scheme) != 0 &&
                       strncmp(c->public_url, "http://", n_scheme) != 0) ||
            strpbrk(c->public_url, "?#@\\ "))
                return error_set(err, ERROR_VALUE, "public_url: '%s' is not https://host:port/path", c->public_url);
        c->public_host   = arena_printf(arena, "%.*s", (int) n, c->public_url + n_scheme);
        c->public_origin = arena_printf(arena, "%.*s", (int) (n_scheme + n), c->public_url);
        return c->public_host && c->public_origin ? 0 : error_oom(err, n);
}

static int finish(void *values, Arena *arena, Error *err) {
        ConfWeb *c    = values;
        int r         = finish_public(c, arena, err);
        int link_port = c->ui_port >= 0 ? c->port : -1;
        int http_port = c->ui_port >= 0 ? c->ui_port : c->port >= 0 ? c->port : PORT_WEB;

        if (r < 0)
                return r;
        if (!c->certificate != !c->certificate_key)
                return error_set(err, ERROR_VALUE,
                                 "certificate, certificate_key: one is of no use without the other: give "
                                 "both or none");
        if (link_port == http_port && link_port > 0)
                return error_set(err, ERROR_VALUE, "port, ui_port: both are %d: give two, or one of them", link_port);
        return conf_finish_listen(c->host, c->advertise, c->endpoint, http_port, &c->listen_http, &c->announce, arena,
                                  err);
}

const ConfTable conf_web = {
        .program    = "mars-web",
        .section    = "web",
        .summary    = "Shows the cluster in a browser and takes requests of clients over HTTP.",
        .key        = keys,
        .n_keys     = ELEMENTSOF(keys),
        .size_bytes = sizeof(ConfWeb),
        .finish     = finish,
};
