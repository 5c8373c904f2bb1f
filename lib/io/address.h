/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Addresses of sockets, as people write them and as the kernel wants them:
 *
 *         unix:/run/mars/scheduler.sock   192.0.2.7:7103   [2001:db8::1]:7103   [fe80::1%eth0]:7103   localhost:7103
 *
 * Hosts are numbers, so that nothing here ever waits for a name server; "localhost" is 127.0.0.1 without asking (RFC
 * 6761). An address has one text: parsed and printed again it is the one that everybody compares and logs. */
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
/* IPv4 that comes in through an IPv6 socket is printed as IPv4. Returns `ret`. */
const char *address_print(const Address *address, char ret[static ADDRESS_TEXT_MAX]);
bool address_is_loopback(const Address *address); /* 127.0.0.0/8 and ::1 */
