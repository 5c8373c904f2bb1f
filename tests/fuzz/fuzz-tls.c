/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of somebody who has not the key, to us who wait for him, or (behind a 'c') to us who came: whatever
 * they are, the handshake ends, in words, and not well. */
#include <sys/socket.h>
#include <unistd.h>

#include "io/tls.h"

enum { MOST_BYTES = 32 << 10, STEPS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Tls *ring(void) {
        static const char text[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
                                   "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100\n";
        Error err                = {};
        Keys keys;
        Tls *ret;

        if (keys_parse(&keys, text, "keys", &err) < 0 || tls_new_keys(&ret, &keys, TLS_WORKER, &err) < 0)
                abort();
        return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Tls *tls;
        const bool connects = size > 0 && data[0] == 'c';
        TlsConn *conn       = NULL;
        Error err           = {};
        int fd[2], r = TLS_WANTS_INPUT;

        data += connects;
        size -= connects;
        tls = tls ?: ring();
        if (size > MOST_BYTES || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) < 0)
                return 0;
        if (write(fd[1], data, size) != (ssize_t) size || shutdown(fd[1], SHUT_WR) < 0 ||
            tls_open(&conn, tls, fd[0], connects, &err) < 0)
                abort();
        for (int k = 0; k < STEPS && r > 0; k++)
                r = tls_shake(conn, &err);
        assert(r < 0 && err.code == r && err.text[0]);
        tls_close(conn);
        close(fd[0]);
        close(fd[1]);
        return 0;
}
