/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* 64-bit hash of bytes (for tables in memory, never written anywhere), chainable through `seed`. */
#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t size_bytes, uint64_t seed);
