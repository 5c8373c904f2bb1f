/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a connection asks of its socket: that it blocks nobody, that small messages go at once, and that a host that
 * is gone is noticed.
 *
 * TCP itself waits for about a quarter of an hour. TCP_USER_TIMEOUT is no answer: it also ends a connection whose other
 * side is well and reads nothing for as long, which is what back-pressure is. So somebody asks from time to time. */
#include <netinet/tcp.h>
#include <stdbool.h>

#include "io/address.h"

enum { SOCKET_SILENCE_MSEC = 10000 };

/* Over loopback there is no line to share, and who paces what he sends (BBR) only lets the other side wait: there reno
 * goes, which every kernel has and lets everybody choose. 0 or an errno, negative. */
int socket_prepare(int fd, const Address *peer);
/* Over TCP: the socket is ready when so many bytes are there; whoever reads without waiting gets what there is. More
 * than 1 is for who knows that they will come: he would wait for ever. */
void socket_ready_at(int fd, int n_bytes);
/* Over TCP: what was sent again, or asked, has not been answered for SOCKET_SILENCE_MSEC. */
bool socket_is_silent(int fd);
bool socket_info_is_silent(const struct tcp_info *info);
/* For how long that has been so; 0: it has not. */
uint32_t socket_silent_msec(int fd);
/* Over TCP: whoever is at the other end is asked each second, when nothing else is said. */
void socket_watch(int fd);
