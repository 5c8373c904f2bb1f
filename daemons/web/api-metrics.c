/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics of mars-web: the figures of the scheduler, of every worker, and its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/metrics.h"
#include "daemons/web/api.h"
#include "daemons/web/feed.h"

/* Of one who asks: what has come. */
typedef struct Asked {
        Request *request;
        char *overview;
} Asked;

static void put_own(FILE *f, const Web *web) {
        const MetricsOwn rows[] = {
                { "mars_web_connections", false, "Connections of mars-web.", httpd_connections(web->httpd) },
                { "mars_web_guests", false, "Of these, without a credential so far.", httpd_guests(web->httpd) },
                { "mars_web_streams", false, "Pages that hear what changes.", web->feed->n_streams },
                { "mars_web_questions_total", true, "What mars-web has asked daemons.", web->feed->n_asked },
                { "mars_web_questions_failed_total", true, "Of these, that were not answered.", web->feed->n_failed },
        };

        metrics_own(f, rows, ELEMENTSOF(rows));
        metrics_process(f);
}

static void answer(const Asked *a, const char *workers) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        int r   = f ? metrics_cluster(f, a->overview) : -ENOMEM;

        if (r == 0)
                r = metrics_workers(f, workers);
        if (r == 0)
                put_own(f, a->request->web);
        if (f && fclose(f) != 0)
                r = -ENOMEM;
        if (r == 0)
                request_answer(a->request, MHD_HTTP_OK, METRICS_TYPE, text, n);
        else
                request_refuse(a->request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        free(text);
}

static bool is_seen(Request *request, const Seen *seen) {
        if (seen->status != MHD_HTTP_OK)
                request_refuse(request, seen->status, "%s", seen->text ?: "");
        return seen->status == MHD_HTTP_OK;
}

static void asked_free(Asked *a) {
        free(a->overview);
        free(a);
}

static void on_workers(void *userdata, const Seen *seen) {
        Asked *a = userdata;

        if (is_seen(a->request, seen))
                answer(a, seen->text);
        asked_free(a);
}

static void on_overview(void *userdata, const Seen *seen) {
        Asked *a     = userdata;
        Error err    = {};
        Topic *topic = NULL;

        if (is_seen(a->request, seen)) {
                a->overview = strdup(seen->text);
                topic       = a->overview ? topic_find(a->request, "workers", &err) : NULL;
                if (!topic)
                        request_refuse(a->request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        }
        if (topic)
                topic_see(topic, on_workers, a);
        else
                asked_free(a);
}

void api_metrics(Request *request) {
        Asked *a     = calloc(1, sizeof(*a));
        Error err    = {};
        Topic *topic = topic_find(request, "overview", &err);

        if (!a || !topic) {
                free(a);
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", topic ? "out of memory" : err.text);
                return;
        }
        a->request = request;
        topic_see(topic, on_overview, a);
}
