/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who answers, a function for each row of routes.c. Each has the request until it answers it. */
#include "daemons/web/web.h"

/* ---- login.c: the cookie, for who has shown the token, and for who has the code of a link; and such a link */
void api_login(Request *request);
void api_enter(Request *request);
void api_link(Request *request);

/* ---- api-pages.c */
void api_pages(Request *request);

/* ---- api-web.c: about mars-web itself */
void api_health(Request *request);

/* ---- relay.c: connections that are handed over to daemons */
void api_wire(Request *request);
void api_wire_worker(Request *request);
