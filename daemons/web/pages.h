/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The pages, as files: made of web/ by the build, or one page that says that they were left out (-Dweb=disabled). They
 * are nobody's secret: what they show they ask for. */
#include <stdbool.h>
#include <stdint.h>

typedef struct WebFile {
        const char *name; /* "" is the page itself */
        const char *type; /* Content-Type */
        const char *etag; /* with its quotes */
        const char *bytes, *gzip;
        uint32_t n_bytes, n_gzip; /* n_gzip: 0 if there is no such form */
        bool immutable;           /* its name has a digest of it */
} WebFile;

extern const WebFile web_files[];
extern const uint32_t n_web_files;

const WebFile *web_file_find(const char *name); /* NULL: there is none of exactly this name */
