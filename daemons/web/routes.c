/* SPDX-License-Identifier: Apache-2.0 */
/* All that there is. A path is compared with the whole text of a request's, byte for byte; a segment "{}" is whatever
 * it is, as long as it is not empty. What is not here is not there, whatever the method. */
#include <stdio.h>
#include <string.h>

#include "daemons/web/api.h"

static const Route routes[] = {
        { "GET", "/", RIGHT_NONE, OF_NOBODY, api_pages },
        { "GET", "/api/v1/health", RIGHT_NONE, OF_NOBODY, api_health },
        { "GET", "/api/v1/wire", RIGHT_READ, OF_OWNER, api_wire },
        { "GET", "/api/v1/wire/{}", RIGHT_READ, OF_OWNER, api_wire_worker },
        { "POST", "/api/v1/login", RIGHT_WRITE, OF_OWNER, api_login },
        { "POST", "/api/v1/enter", RIGHT_NONE, OF_NOBODY, api_enter },
        { "POST", "/api/v1/link", RIGHT_WRITE, OF_OWNER, api_link },
        { "GET", "/api/v1/openapi.json", RIGHT_NONE, OF_NOBODY, api_openapi },
        { "GET", "/api/v1/about", RIGHT_READ, OF_ADMIN, api_topic },
        { "GET", "/api/v1/overview", RIGHT_READ, OF_NOBODY, api_topic },
        { "GET", "/api/v1/history", RIGHT_READ, OF_NOBODY, api_topic },
        { "GET", "/api/v1/sessions", RIGHT_READ, OF_OWNER, api_topic },
        { "GET", "/api/v1/sessions/{}", RIGHT_READ, OF_OWNER, api_topic },
        { "POST", "/api/v1/sessions/{}/end", RIGHT_WRITE, OF_OWNER, api_end_session },
        { "GET", "/api/v1/requests", RIGHT_READ, OF_OWNER, api_topic },
        { "GET", "/api/v1/requests/{}", RIGHT_READ, OF_OWNER, api_topic },
        { "GET", "/api/v1/requests/{}/graph", RIGHT_READ, OF_OWNER, api_topic },
        { "POST", "/api/v1/requests/{}/cancel", RIGHT_WRITE, OF_OWNER, api_cancel },
        { "GET", "/api/v1/workers", RIGHT_READ, OF_NOBODY, api_topic },
        { "GET", "/api/v1/workers/{}", RIGHT_READ, OF_NOBODY, api_topic },
        { "GET", "/api/v1/workers/{}/history", RIGHT_READ, OF_ADMIN, api_topic },
        { "GET", "/api/v1/workers/{}/log", RIGHT_READ, OF_ADMIN, api_topic },
        { "GET", "/api/v1/workers/{}/configuration", RIGHT_READ, OF_ADMIN, api_topic },
        { "POST", "/api/v1/workers/{}/drain", RIGHT_WRITE, OF_ADMIN, api_drain },
        { "POST", "/api/v1/workers/{}/undrain", RIGHT_WRITE, OF_ADMIN, api_undrain },
        { "POST", "/api/v1/workers/{}/retire", RIGHT_WRITE, OF_ADMIN, api_retire },
        { "GET", "/api/v1/timeline", RIGHT_READ, OF_ADMIN, api_topic },
        { "GET", "/api/v1/timeline/trace", RIGHT_READ, OF_ADMIN, api_trace },
        { "GET", "/api/v1/storage", RIGHT_READ, OF_OWNER, api_topic },
        { "GET", "/api/v1/tensors/{}/npy", RIGHT_READ, OF_OWNER, api_npy },
        { "POST", "/api/v1/names/{}/drop", RIGHT_WRITE, OF_OWNER, api_drop_name },
        { "GET", "/api/v1/logs", RIGHT_READ, OF_ADMIN, api_topic },
        { "GET", "/api/v1/events", RIGHT_READ, OF_OWNER, api_events },
        { "GET", "/metrics", RIGHT_READ, OF_NOBODY, api_metrics },
        { "GET", "/api", RIGHT_READ, OF_NOBODY, api_original },
        { "GET", "/api/session", RIGHT_READ, OF_OWNER, api_original_sessions },
        { "POST", "/api/session", RIGHT_WRITE, OF_OWNER, api_original_gone },
        { "DELETE", "/api/session/{}", RIGHT_WRITE, OF_OWNER, api_end_session },
        { "GET", "/api/session/{}/graph", RIGHT_READ, OF_OWNER, api_original_graphs },
        { "POST", "/api/session/{}/graph", RIGHT_WRITE, OF_OWNER, api_original_gone },
        { "GET", "/api/session/{}/graph/{}", RIGHT_READ, OF_OWNER, api_original_graph },
        { "GET", "/api/session/{}/graph/{}/data/{}", RIGHT_READ, OF_NOBODY, api_original_data },
        { "DELETE", "/api/session/{}/graph/{}", RIGHT_WRITE, OF_OWNER, api_original_cancel },
        { "GET", "/api/worker", RIGHT_READ, OF_NOBODY, api_original_worker },
        { "GET", "/{}", RIGHT_NONE, OF_NOBODY, api_pages }, /* the last one: no word above is a file */
};

/* What stands in the place of each "{}": no slash, and not empty. */
static bool path_fits(const char *pattern, const char *path, char ret_id[static ROUTE_IDS][ROUTE_ID_MAX]) {
        unsigned k = 0;

        for (const char *hole; (hole = strstr(pattern, "{}")); pattern = hole + 2, k++) {
                const size_t n    = (size_t) (hole - pattern);
                const size_t n_id = strncmp(pattern, path, n) == 0 ? strcspn(path + n, "/") : 0;

                assert(k < ROUTE_IDS);
                if (n_id == 0 || n_id >= ROUTE_ID_MAX)
                        return false;
                memcpy(ret_id[k], path + n, n_id);
                ret_id[k][n_id] = 0;
                path += n + n_id;
        }
        return strcmp(pattern, path) == 0;
}

const Route *route_find(const char *method, const char *path, char ret_id[static ROUTE_IDS][ROUTE_ID_MAX],
                        char ret_allow[static ALLOW_MAX]) {
        const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
        size_t n           = 0;

        ret_allow[0] = 0;
        for (size_t k = 0; k < ELEMENTSOF(routes); k++) {
                for (unsigned i = 0; i < ROUTE_IDS; i++)
                        ret_id[i][0] = 0;
                if (!path_fits(routes[k].path, path, ret_id))
                        continue;
                if (strcmp(routes[k].method, wanted) == 0)
                        return &routes[k];
                n += (size_t) snprintf(ret_allow + n, ALLOW_MAX - n, "%s%s", n > 0 ? ", " : "", routes[k].method);
                assert(n < ALLOW_MAX);
        }
        return NULL;
}

bool route_is_for(const Route *route, const char *user) {
        return !user[0] || route->of != OF_ADMIN;
}

const Route *route_list(size_t *ret_n) {
        *ret_n = ELEMENTSOF(routes);
        return routes;
}
