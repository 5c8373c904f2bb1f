/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "daemons/web/feed.h"

enum { TICK_USEC = 100 * 1000 }; /* looks at the clock: while somebody looks, or did just now */

static int on_tick(sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Feed *feed         = userdata;
        const uint64_t now = feed_clock();

        upstream_tick(feed, now);
        topics_tick(feed, now);
        streams_tick(feed, now);
        (void) sd_event_source_set_time_relative(source, TICK_USEC);
        return sd_event_source_set_enabled(source, feed->upstream || feed->topic ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void feed_wake(Feed *feed) {
        int enabled;

        if (sd_event_source_get_enabled(feed->tick, &enabled) > 0)
                return;
        (void) sd_event_source_set_time_relative(feed->tick, TICK_USEC);
        (void) sd_event_source_set_enabled(feed->tick, SD_EVENT_ONESHOT);
}

int feed_new(Web *web, Error *err) {
        Feed *feed = calloc(1, sizeof(*feed));

        web->feed = feed;
        if (!feed)
                return error_oom(err, sizeof(*feed));
        feed->web   = web;
        feed->lines = lines_new();
        if (!feed->lines || sd_event_add_time_relative(web->event, &feed->tick, CLOCK_MONOTONIC, TICK_USEC,
                                                       TICK_USEC / 10, on_tick, feed) < 0)
                return error_oom(err, sizeof(*feed));
        return 0;
}

void feed_end(Web *web) {
        if (!web->feed)
                return;
        upstreams_free(web->feed);
        streams_end(web->feed);
}

void feed_free(Web *web) {
        Feed *feed = web->feed;

        if (!feed)
                return;
        topics_free(feed);
        sd_event_source_disable_unref(feed->tick);
        lines_free(feed->lines);
        free(feed);
        web->feed = NULL;
}
