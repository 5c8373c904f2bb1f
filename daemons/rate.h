/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How often somebody may ask. Everybody has a bucket of `burst` tokens that fills by `per_second`; who asks takes one.
 * A bucket is the time at which it will be full again, and a full one need not be remembered. Of more than RATE_PEERS
 * who ask at a time, the one whose bucket is the fullest is forgotten. */
#include "base/macro.h"

enum { RATE_PEERS = 256 };

typedef struct Rate {
        unsigned per_second, burst;
        struct {
                uint64_t who, full_usec;
        } peer[RATE_PEERS];
} Rate;

/* 0: he may; else the time after which he may, and nothing was taken. Time does not run backwards. */
uint64_t rate_take(Rate *rate, uint64_t who, uint64_t now_usec);
