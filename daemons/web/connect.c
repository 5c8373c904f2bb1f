/* SPDX-License-Identifier: Apache-2.0 */
/* Links from here on somebody's behalf. They begin with VIA, so that whoever is at the other end looks at what he has
 * shown, and at nothing that mars-web is. */
#include <stdio.h>

#include "daemons/web/web.h"
#include "io/address.h"

WebPeer request_peer(const Request *request) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *from = info ? info->client_addr : NULL;
        Address address             = {};
        WebPeer peer                = { "somebody" };

        if (from && from->sa_family == AF_INET)
                address.v4 = *(const struct sockaddr_in *) (const void *) from;
        else if (from && from->sa_family == AF_INET6)
                address.v6 = *(const struct sockaddr_in6 *) (const void *) from;
        if (address.any.sa_family != AF_UNSPEC)
                address_print(&address, peer.text);
        return peer;
}

int web_connect_to(Web *web, Link **ret, const char *address, const char *token, const char *peer,
                   const LinkEvents *events, void *userdata, Error *err) {
        const WireMessage via   = { WIRE_IS_VIA, .via = { .peer = peer } };
        const WireMessage hello = { WIRE_IS_HELLO, .hello = { .role    = WIRE_CONTROL,
                                                              .version = WIRE_VERSION,
                                                              .build   = MARS_BUILD,
                                                              .token   = token,
                                                              .name    = "mars-web" } };
        _cleanup_(link_freep) Link *link = NULL;
        int r;

        r = link_connect(&link, web->event, address, events, userdata, err);
        if (r == 0)
                r = link_secure(link, web->config.tls, err);
        if (r < 0)
                return r;
        if (link_say(link, &via) < 0 || link_say(link, &hello) < 0)
                return error_oom(err, sizeof(hello));
        *ret = TAKE_PTR(link);
        return 0;
}

int web_connect(Web *web, Link **ret, uint32_t which, const char *token, const char *peer, const LinkEvents *events,
                void *userdata, Error *err) {
        return web_connect_to(web, ret, web->config.scheduler[which], token, peer, events, userdata, err);
}
