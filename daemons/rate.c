/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/rate.h"

enum { SECOND_USEC = 1000000 };

uint64_t rate_take(Rate *rate, uint64_t who, uint64_t now_usec) {
        const uint64_t token_usec = SECOND_USEC / rate->per_second, most_usec = rate->burst * token_usec;
        size_t at = 0;

        assert(rate->burst > 0);
        for (size_t k = 0; k < RATE_PEERS; k++) {
                if (rate->peer[k].who == who && rate->peer[k].full_usec > now_usec) {
                        at = k;
                        break;
                }
                if (rate->peer[k].full_usec < rate->peer[at].full_usec)
                        at = k;
        }
        if (rate->peer[at].who != who || rate->peer[at].full_usec < now_usec) {
                rate->peer[at].who       = who;
                rate->peer[at].full_usec = now_usec;
        }
        if (rate->peer[at].full_usec + token_usec > now_usec + most_usec)
                return rate->peer[at].full_usec + token_usec - now_usec - most_usec;
        rate->peer[at].full_usec += token_usec;
        return 0;
}
