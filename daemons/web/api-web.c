/* SPDX-License-Identifier: Apache-2.0 */
/* What mars-web says of itself, to anybody: that it is there. */
#include "daemons/web/api.h"

void api_front(Request *request) {
        static const char text[] = "mars-web " MARS_BUILD "\n";

        request_answer(request, MHD_HTTP_OK, "text/plain; charset=utf-8", text, sizeof(text) - 1);
}

void api_health(Request *request) {
        request_json(request, "{\"status\": \"ok\", \"version\": \"" MARS_BUILD "\"}\n");
}
