/* SPDX-License-Identifier: Apache-2.0 */
/* What mars-web says of itself, to anybody: that it is there. */
#include "daemons/web/api.h"

void api_health(Request *request) {
        request_json(request, "{\"status\": \"ok\", \"version\": \"" MARS_BUILD "\"}\n");
}
