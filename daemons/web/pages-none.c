/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of a build without pages. */
#include "daemons/web/pages.h"

static const char text[] =
        "<!DOCTYPE html>\n"
        "<html lang=\"en\"><title>Mars</title>\n"
        "<p>This mars-web was built without its pages (meson's -Dweb=disabled). It serves sessions and REST\n"
        "(<a href=\"api/v1/openapi.json\">api/v1/openapi.json</a>); <code>marsctl</code> shows the same figures.</p>\n";

const WebFile web_files[] = {
        {
                .name    = "",
                .type    = "text/html; charset=utf-8",
                .etag    = "W/\"none\"",
                .bytes   = text,
                .n_bytes = sizeof(text) - 1,
        },
};
const uint32_t n_web_files = 1;
