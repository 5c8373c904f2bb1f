/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "io/inbox.h"

int inbox_room(Inbox *in, size_t least, Error *err) {
        const size_t whole = in->in_frame ? FRAME_BYTES + (size_t) in->frame.body_bytes : FRAME_BYTES;
        size_t capacity;
        uint8_t *data;

        if (in->at > 0) {
                memmove(in->data, in->data + in->at, in->n - in->at);
                in->n -= in->at;
                in->at = 0;
        }
        if (in->n < in->capacity)
                return 0;
        capacity = MAX(least, MIN(whole, 2 * in->n));
        assert(capacity > in->n);
        data = realloc(in->data, capacity);
        if (!data)
                return error_oom(err, capacity);
        in->data     = data;
        in->capacity = capacity;
        return 0;
}

void inbox_trim(Inbox *in) {
        if (in->at < in->n)
                return;
        free(TAKE_PTR(in->data));
        in->at = in->n = in->capacity = 0;
}

void inbox_close_fds(Inbox *in) {
        if (in->frame_fd >= 0)
                close(in->frame_fd);
        while (in->n_fds > 0)
                close(in->fd[--in->n_fds]);
        in->frame_fd = -1;
}
