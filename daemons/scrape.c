/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "daemons/metrics.h"
#include "daemons/scrape.h"
#include "daemons/service.h"
#include "io/address.h"
#include "io/socket.h"
#include "io/token.h"

enum {
        MAX_GUESTS      = 16,
        MAX_CONNECTIONS = 256, /* each Prometheus has one; those that were cut off are there for a turn of the loop */
};

struct Scrape {
        ScrapeConfig config;
        Httpd *httpd;
        Listener *listener;
};

/* Takes the response. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response,
                              const char *header, const char *value) {
        enum MHD_Result r = MHD_NO;

        if (response && (!header || MHD_add_response_header(response, header, value) == MHD_YES) &&
            MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
            MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES)
                r = MHD_queue_response(connection, status, response);
        if (response)
                MHD_destroy_response(response);
        return r;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *words,
                              const char *header, const char *value) {
        return answer(connection, status,
                      MHD_create_response_from_buffer(strlen(words), (void *) (uintptr_t) words,
                                                      MHD_RESPMEM_PERSISTENT),
                      header, value);
}

static enum MHD_Result answer_figures(const Scrape *s, struct MHD_Connection *connection) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        int r   = f ? s->config.put(s->config.userdata, f) : -ENOMEM;

        if (f && fclose(f) != 0)
                r = -ENOMEM;
        if (r < 0) {
                free(text);
                return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n", NULL, NULL);
        }
        return answer(connection, MHD_HTTP_OK, MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE),
                      MHD_HTTP_HEADER_CONTENT_TYPE, METRICS_TYPE);
}

/* Once for the headers, and again for each part of a body, of which nothing is kept, and for its end. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                  const char *method, _unused_ const char *version, _unused_ const char *data,
                                  size_t *n_data, void **context) {
        const Scrape *s = userdata;

        if (!*context || *n_data > 0) {
                *context = userdata;
                *n_data  = 0;
                return MHD_YES;
        }
        if (strcmp(url, "/metrics") != 0)
                return refuse(connection, MHD_HTTP_NOT_FOUND, "there is /metrics, and nothing else\n", NULL, NULL);
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "this page knows GET\n",
                              MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
        if (!token_same(s->config.token(s->config.userdata), httpd_bearer(connection) ?: ""))
                return refuse(connection, MHD_HTTP_UNAUTHORIZED,
                              "a credential is needed: Authorization: Bearer TOKEN (marsctl token says where it is)\n",
                              MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"mars\"");
        httpd_know(connection);
        return answer_figures(s, connection);
}

static void accepted(void *userdata, int fd) {
        const Scrape *s = userdata;
        Address address = { .size_bytes = sizeof(address.local) };

        if (getpeername(fd, &address.any, &address.size_bytes) < 0 || socket_prepare(fd, &address) < 0)
                close(fd);
        else
                httpd_add(s->httpd, fd, &address.any, address.size_bytes);
}

/* A name may mean anything: what counts is where it listens. Nobody is let in before the loop runs. */
static int check_reach(const Scrape *s, const char *address, Error *err) {
        return s->config.plain_http ? 0 : httpd_check_reach(address, "ask mars-web, which speaks https", err);
}

static int listen_at(Scrape *s, sd_event *event, Error *err) {
        char text[256];
        int r = check_reach(s, s->config.listen, err);

        if (r == 0)
                r = listener_new(&s->listener, event, s->config.listen, 0, accepted, s, err);
        if (r == 0)
                r = check_reach(s, listener_address(s->listener), err);
        if (r < 0)
                return error_prefix(err, r, "metrics");
        snprintf(text, sizeof(text), "metrics at http://%s/metrics", listener_address(s->listener));
        service_log(LOG_INFO, text);
        return 0;
}

int scrape_new(Scrape **ret, sd_event *event, const ScrapeConfig *config, Error *err) {
        _cleanup_(scrape_freep) Scrape *s = NULL;
        int r;

        *ret = NULL;
        if (!config->listen)
                return 0;
        s = calloc(1, sizeof(*s));
        if (!s)
                return error_oom(err, sizeof(*s));
        s->config = *config;
        r         = httpd_new(&s->httpd, event,
                              &(HttpdConfig) { .request         = on_request,
                                               .userdata        = s,
                                               .max_guests      = MAX_GUESTS,
                                               .max_connections = MAX_CONNECTIONS,
                                               .guest_usec      = HTTPD_GUEST_USEC },
                              err);
        if (r == 0)
                r = listen_at(s, event, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Scrape *scrape_free(Scrape *s) {
        if (!s)
                return NULL;
        listener_free(s->listener);
        httpd_free(s->httpd);
        free(s);
        return NULL;
}
