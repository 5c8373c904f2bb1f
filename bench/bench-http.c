/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP library of mars-web serves from memory, over loopback: the ceiling for results over http
 * (bench/web.py); with a certificate over its own TLS, to a client that has ours. Prints bytes a second twice: into
 * memory that is new each time, as large arrays of NumPy are, and into memory that was touched before.
 *
 *         bench-http MIB ROUNDS [CERTIFICATE KEY] */
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/stream.h"

static char *content;
static size_t size_bytes;

static enum MHD_Result serve(_unused_ void *userdata, struct MHD_Connection *connection, _unused_ const char *url,
                             _unused_ const char *method, _unused_ const char *version, _unused_ const char *data,
                             _unused_ size_t *n_data, void **context) {
        struct MHD_Response *response;
        enum MHD_Result r;

        if (!*context) { /* an answer before the request's end would be the connection's, too */
                *context = content;
                return MHD_YES;
        }
        response = MHD_create_response_from_buffer(size_bytes, content, MHD_RESPMEM_PERSISTENT);
        r        = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return r;
}

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Blocks, as the socket does; behind TLS that does not, poll() waits for it. */
static ssize_t receive(Stream *stream, void *to, size_t size_bytes) {
        struct pollfd ready = { stream->fd, POLLIN, 0 };
        Error err           = {};
        ssize_t n;

        if (!stream->tls)
                return recv(stream->fd, to, size_bytes, 0);
        while ((n = tls_receive(stream->tls, to, size_bytes, &err)) == -EAGAIN)
                (void) poll(&ready, 1, -1);
        return n;
}

/* A request and its answer, over a connection that stays. */
static double fetch(Stream *stream, char *to) {
        static char request[]  = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        const struct iovec iov = { request, strlen(request) };
        const double began     = now();
        size_t n = 0, whole = SIZE_MAX;

        if (stream_send(stream, &iov, 1, -1) < 0 || stream_flush(stream) < 0)
                return -1;
        while (n < whole) {
                const ssize_t more = receive(stream, to + n, size_bytes + 4096 - n);
                const char *body;

                if (more <= 0)
                        return -1;
                n += (size_t) more;
                body  = whole == SIZE_MAX ? memmem(to, n, "\r\n\r\n", 4) : NULL;
                whole = body ? (size_t) (body - to) + 4 + size_bytes : whole;
        }
        return now() - began;
}

/* The same into new memory, which is had and given back within the time. */
static double fetch_new(Stream *stream) {
        const size_t n     = size_bytes + 4096;
        const double began = now();
        char *to           = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        double seconds;

        if (to == MAP_FAILED)
                return -1;
        (void) madvise(to, n, MADV_HUGEPAGE);
        seconds = fetch(stream, to);
        munmap(to, n);
        return seconds < 0 ? seconds : now() - began;
}

/* The text of a file, which is small. */
static char *text_of(const char *path) {
        static const size_t most = 64 << 10;
        char *text               = calloc(1, most);
        FILE *f                  = fopen(path, "r");
        size_t n                 = f && text ? fread(text, 1, most - 1, f) : 0;

        if (f)
                fclose(f);
        if (n == 0)
                exit(EXIT_FAILURE);
        return text;
}

static struct MHD_Daemon *start(int argc, char **argv) {
        char *certificate = argc == 5 ? text_of(argv[3]) : NULL, *key = argc == 5 ? text_of(argv[4]) : NULL;
        const unsigned how = MHD_USE_EPOLL_INTERNAL_THREAD;
        struct MHD_Daemon *daemon;

        daemon = certificate
                         ? MHD_start_daemon(how | MHD_USE_TLS, 0, NULL, NULL, serve, NULL, MHD_OPTION_HTTPS_MEM_CERT,
                                            certificate, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END)
                         : MHD_start_daemon(how, 0, NULL, NULL, serve, NULL, MHD_OPTION_END);
        free(certificate);
        free(key);
        return daemon;
}

static int secure(Stream *stream, const char *ca_file) {
        _cleanup_(tls_unrefp) Tls *tls = NULL;
        struct pollfd ready            = { stream->fd, POLLIN, 0 };
        Error err                      = {};
        int r                          = tls_new_certified(&tls, "127.0.0.1", ca_file, &err);

        if (r == 0)
                r = tls_open(&stream->tls, tls, stream->fd, true, &err);
        if (r == 0 && fcntl(stream->fd, F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        while (r == 0 && (r = stream_open(stream, &err)) > 0) {
                ready.events = r == TLS_WANTS_OUTPUT ? POLLOUT : POLLIN;
                r            = poll(&ready, 1, -1) < 0 ? -errno : 0;
        }
        if (r < 0)
                fprintf(stderr, "%s\n", err.text);
        return r;
}

int main(int argc, char **argv) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const unsigned rounds      = argc == 3 || argc == 5 ? (unsigned) atoi(argv[2]) : 0;
        Stream stream              = { .fd = socket(AF_INET, SOCK_STREAM, 0), .family = AF_INET };
        struct MHD_Daemon *daemon;
        double best[] = { 1e9, 1e9 };
        char *to;

        if (rounds == 0) {
                fprintf(stderr, "usage: %s MIB ROUNDS [CERTIFICATE KEY]\n", argv[0]);
                return EXIT_FAILURE;
        }
        size_bytes = strtoul(argv[1], NULL, 10) << 20;
        content    = malloc(size_bytes);
        to         = malloc(size_bytes + 4096);
        daemon     = start(argc, argv);
        if (!content || !to || !daemon || stream.fd < 0)
                return EXIT_FAILURE;
        memset(content, 1, size_bytes);
        memset(to, 1, size_bytes + 4096);
        address.sin_port = htons(MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
        if (connect(stream.fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            (argc == 5 && secure(&stream, argv[3]) < 0))
                return EXIT_FAILURE;
        for (unsigned k = 0; k < 2 * rounds; k++) {
                const double seconds = k % 2 == 0 ? fetch_new(&stream) : fetch(&stream, to);

                if (seconds < 0)
                        return EXIT_FAILURE;
                best[k % 2] = MIN(best[k % 2], seconds);
        }
        printf("%.0f %.0f\n", (double) size_bytes / best[0], (double) size_bytes / best[1]);
        MHD_stop_daemon(daemon);
        stream_close(&stream);
        free(content);
        free(to);
        return EXIT_SUCCESS;
}
