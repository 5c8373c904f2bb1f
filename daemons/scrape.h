/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GET /metrics of a daemon that otherwise speaks no HTTP, at an address of its own: for Prometheus, and nothing else is
 * there. Whoever asks shows the cluster's token, also on this machine. A browser has none that it could show by itself,
 * so no page of another host can ask through its reader, whatever name it has found for us. */
#include <stdio.h>

#include "daemons/httpd.h"

typedef struct Scrape Scrape;

typedef struct ScrapeConfig {
        const char *listen;                    /* host:port; NULL: nowhere */
        bool plain_http;                       /* also where others than this machine reach it */
        const char *(*token)(void *userdata);  /* NULL: there is none so far, and nobody is let in */
        int (*put)(void *userdata, FILE *f);   /* the figures: 0 or a negative code */
        void *userdata;
} ScrapeConfig;

/* *ret NULL: it is to listen nowhere. */
int scrape_new(Scrape **ret, sd_event *event, const ScrapeConfig *config, Error *err);
Scrape *scrape_free(Scrape *scrape);
DEFINE_CLEANUP(Scrape *, scrape_free)
