/* SPDX-License-Identifier: Apache-2.0 */
/* A request's text is compared with the names of the table, and is never a path of anything. */
#include <stddef.h>
#include <string.h>

#include "daemons/web/pages.h"

const WebFile *web_file_find(const char *name) {
        for (uint32_t k = 0; k < n_web_files; k++)
                if (strcmp(web_files[k].name, name) == 0)
                        return &web_files[k];
        return NULL;
}
