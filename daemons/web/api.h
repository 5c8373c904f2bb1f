/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who answers, a function for each row of routes.c. Each has the request until it answers it. */
#include "daemons/web/web.h"

/* ---- api-web.c: about mars-web itself */
void api_front(Request *request);
void api_health(Request *request);
