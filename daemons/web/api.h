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
void api_openapi(Request *request);

/* ---- relay.c: connections that are handed over to daemons */
void api_wire(Request *request);
void api_wire_worker(Request *request);

/* ---- api-topics.c: what is seen and done in the cluster */
void api_topic(Request *request);
void api_cancel(Request *request);
void api_end_session(Request *request);
void api_drop_name(Request *request);
void api_drain(Request *request);
void api_undrain(Request *request);
void api_retire(Request *request);

/* ---- api-metrics.c, trace.c: the same for other programs */
void api_metrics(Request *request);
void api_trace(Request *request);

/* ---- download.c */
void api_npy(Request *request);

/* ---- events.c */
void api_events(Request *request);

/* ---- api-original.c: as the original had it */
void api_original(Request *request);
void api_original_worker(Request *request);
void api_original_sessions(Request *request);
void api_original_graphs(Request *request);
void api_original_graph(Request *request);
void api_original_gone(Request *request);
void api_original_data(Request *request);
void api_original_cancel(Request *request);
