/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/address.h"
#include "io/link.h"
#include "io/resolve.h"

#define UNIX "unix:"

static int refuse(Error *err, const char *text, const char *why) {
        return error_set(err, ERROR_VALUE, "address '%s': %s", text, why);
}

static int parse_unix(const char *text, Address *ret, Error *err) {
        const char *path = text + strlen(UNIX);
        const size_t n   = strlen(path);

        if (path[0] != '/')
                return refuse(err, text, "the path of a socket begins with /");
        if (n >= sizeof(ret->local.sun_path))
                return error_set(err, ERROR_VALUE, "address '%s': a path of %zu bytes; the kernel takes %zu", text, n,
                                 sizeof(ret->local.sun_path) - 1);
        ret->local.sun_family = AF_UNIX;
        memcpy(ret->local.sun_path, path, n + 1);
        ret->size_bytes = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n + 1);
        return 0;
}

/* Digits alone, up to 65535. */
static bool parse_port(const char *text, in_port_t *ret) {
        unsigned port = 0, n = 0;

        for (; text[n] >= '0' && text[n] <= '9' && n < 6; n++)
                port = 10 * port + (unsigned) (text[n] - '0');
        *ret = htons((in_port_t) port);
        return n > 0 && !text[n] && port <= UINT16_MAX;
}

/* What stands between the brackets: a number, perhaps with the interface that it is meant on. */
static bool parse_v6(char *host, struct sockaddr_in6 *ret) {
        char *zone = strchr(host, '%');

        if (zone) {
                *zone              = 0;
                ret->sin6_scope_id = if_nametoindex(zone + 1);
                if (ret->sin6_scope_id == 0)
                        return false;
        }
        ret->sin6_family = AF_INET6;
        return inet_pton(AF_INET6, host, &ret->sin6_addr) == 1;
}

static bool parse_v4(const char *host, struct sockaddr_in *ret) {
        ret->sin_family = AF_INET;
        return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &ret->sin_addr) == 1;
}

int address_parse(const char *text, Address *ret, Error *err) {
        const char *colon = strrchr(text, ':'), *start = text, *end = colon;
        char host[ADDRESS_TEXT_MAX] = "";
        in_port_t port;

        *ret = (Address) {};
        if (strncmp(text, UNIX, strlen(UNIX)) == 0)
                return parse_unix(text, ret, err);
        if (!colon)
                return refuse(err, text, "it must be host:port, [IPv6]:port or unix:/path");
        if (!parse_port(colon + 1, &port))
                return refuse(err, text, "its port must be a number from 0 to 65535");
        if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') {
                start++;
                end--;
        } else if (memchr(text, ':', (size_t) (colon - text)))
                return refuse(err, text, "an IPv6 host stands in brackets: [::1]:7103");
        if ((size_t) (end - start) >= sizeof(host))
                return refuse(err, text, "no host is that long");
        memcpy(host, start, (size_t) (end - start));
        if (start > text ? !parse_v6(host, &ret->v6) : !parse_v4(host, &ret->v4))
                return refuse(err, text, "its host must be a name, or a number such as 192.0.2.7 or [2001:db8::1]");
        ret->size_bytes = start > text ? sizeof(ret->v6) : sizeof(ret->v4);
        *(start > text ? &ret->v6.sin6_port : &ret->v4.sin_port) = port;
        return 0;
}

/* Letters, digits, hyphens and points, of which something is a letter: or it is a number that is wrong. */
static bool is_name(const char *host) {
        bool letter = false;

        for (const char *c = host; *c; c++) {
                letter |= isalpha((unsigned char) *c) != 0;
                if (!isalnum((unsigned char) *c) && *c != '-' && *c != '.' && *c != '_')
                        return false;
        }
        return letter;
}

/* Into its host, which is a name, and its port. */
static bool split_name(const char *text, char host[static NI_MAXHOST], const char **ret_port) {
        const char *colon = strrchr(text, ':');
        in_port_t port;
        Address a;

        if (address_parse(text, &a, NULL) == 0 || !colon || colon - text >= NI_MAXHOST ||
            !parse_port(colon + 1, &port) || strncmp(text, UNIX, strlen(UNIX)) == 0)
                return false;
        memcpy(host, text, (size_t) (colon - text));
        host[colon - text] = 0;
        *ret_port          = colon + 1;
        return is_name(host);
}

bool address_is_name(const char *text) {
        char host[NI_MAXHOST];
        const char *port;

        return split_name(text, host, &port);
}

int address_resolve(const char *text, Address *ret, Error *err) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
        char host[NI_MAXHOST];
        const char *port;
        struct addrinfo *list = NULL;
        int r;

        if (!split_name(text, host, &port))
                return address_parse(text, ret, err);
        r = getaddrinfo(host, port, &hints, &list);
        if (r != 0)
                return error_set(err, r == EAI_MEMORY ? ERROR_MEMORY : -EHOSTUNREACH, "address '%s': %s", text,
                                 gai_strerror(r));
        *ret = (Address) { .size_bytes = list->ai_addrlen };
        assert(list->ai_addrlen <= sizeof(ret->local));
        memcpy(&ret->any, list->ai_addr, list->ai_addrlen);
        freeaddrinfo(list);
        return 0;
}

const char *address_print(const Address *address, char ret[static ADDRESS_TEXT_MAX]) {
        char host[INET6_ADDRSTRLEN] = "", zone[IF_NAMESIZE];
        const struct in6_addr *v6 = &address->v6.sin6_addr;
        const int path            = (int) address->size_bytes - (int) offsetof(struct sockaddr_un, sun_path);

        switch (address->any.sa_family) {
        case AF_UNIX:
                /* The socket of a client has no path. */
                snprintf(ret, ADDRESS_TEXT_MAX, UNIX "%.*s", MAX(path, 0), address->local.sun_path);
                break;
        case AF_INET:
                inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
                snprintf(ret, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
                break;
        case AF_INET6:
                if (IN6_IS_ADDR_V4MAPPED(v6)) {
                        inet_ntop(AF_INET, &v6->s6_addr[12], host, sizeof(host));
                        snprintf(ret, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v6.sin6_port));
                        break;
                }
                inet_ntop(AF_INET6, v6, host, sizeof(host));
                if (address->v6.sin6_scope_id && if_indextoname(address->v6.sin6_scope_id, zone))
                        snprintf(ret, ADDRESS_TEXT_MAX, "[%s%%%s]:%u", host, zone, ntohs(address->v6.sin6_port));
                else
                        snprintf(ret, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
                break;
        default:
                snprintf(ret, ADDRESS_TEXT_MAX, "an address of family %d", address->any.sa_family);
        }
        return ret;
}

bool address_is_loopback(const Address *address) {
        const struct in6_addr *v6 = &address->v6.sin6_addr;

        if (address->any.sa_family == AF_INET)
                return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        if (address->any.sa_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
        return false;
}

int address_is_local(const char *address, bool *ret, Error *err) {
        Address a;
        int r;

        r = resolve_wait(address, &a, err);
        if (r < 0)
                return r;
        *ret = a.any.sa_family == AF_UNIX || address_is_loopback(&a);
        return 0;
}

/* ---- One's own machine ------------------------------------------------------------------------------------------- */

/* What a stat() of the path says of the file, added to the hash; 0: it is not there. */
static uint64_t add_file(const char *path, mode_t kind, uint64_t hash) {
        struct stat is;

        if (hash == 0 || stat(path, &is) < 0 || (is.st_mode & S_IFMT) != kind)
                return 0;
        return hash_bytes(&is.st_ino, sizeof(is.st_ino), hash_bytes(&is.st_dev, sizeof(is.st_dev), hash));
}

/* Devices and inodes have the same numbers on other machines: here is the start of the kernel that has these. */
static uint64_t hash_boot(void) {
        char text[64];
        const int fd    = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

        if (fd >= 0)
                close(fd);
        return n > 0 ? hash_bytes(text, (size_t) n, 0) : 0;
}

uint64_t address_identity(const char *address) {
        const char *path = address + strlen(UNIX);

        if (strncmp(address, UNIX, strlen(UNIX)) != 0 || access(path, R_OK | W_OK) < 0)
                return 0;
        return add_file(path, S_IFSOCK, add_file("/proc/self/ns/net", S_IFREG, hash_boot()));
}

const char *address_nearest(const char *address, const char *socket, uint64_t identity) {
        return identity != 0 && address_identity(socket) == identity ? socket : address;
}
