/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A session is a name for an engine. What it is asked after it was closed, or in the child of a fork, the engine
 * refuses. */
#include <sys/types.h>

#include "engine/engine.h"
#include "mars.h"

struct mars_session {
        _Atomic uint32_t n_ref;
        pid_t pid; /* of the process that made it */
        Engine *engine;
        mars_session *retired; /* a default session that was closed and that this one replaced */
};

/* The engine of a session that can still be used; ERROR_VALUE for NULL, ERROR_CLOSED. */
int session_engine(const mars_session *session, Engine **ret, Error *err);
