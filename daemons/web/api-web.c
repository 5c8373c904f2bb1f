/* SPDX-License-Identifier: Apache-2.0 */
/* What mars-web says of itself, to anybody: that it is there. */
#include "daemons/web/api.h"

void api_health(Request *request) {
        request_json(request, "{\"status\": \"ok\", \"version\": \"" MARS_BUILD "\"}\n");
}

/* docs/openapi.json, as it was when this was built (embed.py). */
extern const char web_openapi[];
extern const size_t web_openapi_bytes;

void api_openapi(Request *request) {
        request_answer(request, MHD_HTTP_OK, "application/json", web_openapi, web_openapi_bytes);
}
