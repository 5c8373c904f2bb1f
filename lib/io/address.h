/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Addresses of sockets, as people write them and as the kernel wants them:
 *
 *         unix:/run/mars/scheduler.sock   192.0.2.7:7103   [2001:db8::1]:7103   [fe80::1%eth0]:7103   localhost:7103
 *
 * Hosts are numbers where addresses are compared and logged: parsed and printed again one has the same text.
 * "localhost" is 127.0.0.1 without asking (RFC 6761). Other names are asked of the system, by whoever listens or
 * connects there and each time that he does. That may wait for a name server: whoever has a loop asks through
 * io/resolve.h; a program that begins waits there, too, but not for ever. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

enum { ADDRESS_TEXT_MAX = 128 };

typedef struct Address {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un local;
        };
        socklen_t size_bytes;
} Address;

int address_parse(const char *text, Address *ret, Error *err); /* 0 or ERROR_VALUE */
bool address_is_name(const char *text);                        /* the system must be asked */
/* The same, also of names: the first address that the system has for it, which puts those first that it can reach (RFC
 * 6724). -EHOSTUNREACH: nobody knows the name. */
int address_resolve(const char *text, Address *ret, Error *err);
/* IPv4 that comes in through an IPv6 socket is printed as IPv4. Returns `ret`. */
const char *address_print(const Address *address, char ret[static ADDRESS_TEXT_MAX]);
bool address_is_loopback(const Address *address); /* 127.0.0.0/8 and ::1 */
/* Which file a unix socket is: the same number for all who mean the same socket, in this start of this kernel and this
 * network. 0: it is none, or we may not connect to it. A path alone says nothing: others have files of that name. */
uint64_t address_identity(const char *address);
/* Of two addresses of somebody the one to go to: his unix socket ("": he has none), where it is the one that he means
 * by it, or the other. */
const char *address_nearest(const char *address, const char *socket, uint64_t identity);
