/* SPDX-License-Identifier: Apache-2.0 */
/* The files that pages are made of, to anybody: what they show they ask for, and then a credential is needed. */
#include <string.h>
#include <strings.h>

#include "daemons/web/api.h"
#include "daemons/web/pages.h"

/* Whether a header's list of words separated by commas has one, without a weight of zero. */
static bool list_has(const char *list, const char *word) {
        const size_t n_word = strlen(word);

        while (list && *list) {
                const size_t n_item = strcspn(list, ",");
                const char *item    = list + strspn(list, " \t");
                const size_t n      = strcspn(item, " \t;,");
                const char *weight  = memmem(item, (size_t) (list + n_item - item), "q=0", 3);

                if (n == n_word && strncasecmp(item, word, n) == 0)
                        return !weight || weight[3] == '.';
                list += n_item + (list[n_item] == ',');
        }
        return false;
}

static const char *header(const Request *request, const char *name) {
        return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void api_pages(Request *request) {
        const WebFile *file = web_file_find(request->id);
        const char *known   = header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
        const bool same     = file && known && strcmp(known, file->etag) == 0;
        const char *codings = header(request, MHD_HTTP_HEADER_ACCEPT_ENCODING);
        const bool zipped   = file && file->n_gzip > 0 && list_has(codings, "gzip");
        const char *bytes   = zipped ? file->gzip : file ? file->bytes : NULL;
        struct MHD_Response *response;

        if (!file) {
                request_refuse(request, MHD_HTTP_NOT_FOUND, "there is no such page");
                return;
        }
        response = MHD_create_response_from_buffer(same     ? 0
                                                   : zipped ? file->n_gzip
                                                            : file->n_bytes,
                                                   (void *) (uintptr_t) bytes, MHD_RESPMEM_PERSISTENT);
        if (response) {
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, file->etag);
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                                               file->immutable ? "public, max-age=31536000, immutable" : "no-cache");
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
                if (zipped && !same)
                        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        }
        request_respond(request, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}
