/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Kernels from one expression: MAP and REDUCE write the loops for every dtype of a list. The loops are plain C that
 * compilers vectorize; -ffp-contract=off keeps their bits equal on every CPU level. */
#include "graph/op.h"
#include "tensor/half.h"

typedef _Complex float c64;
typedef _Complex double c128;

#define CTYPE_BOOL bool
#define CTYPE_I8 int8_t
#define CTYPE_U8 uint8_t
#define CTYPE_I16 int16_t
#define CTYPE_U16 uint16_t
#define CTYPE_I32 int32_t
#define CTYPE_U32 uint32_t
#define CTYPE_I64 int64_t
#define CTYPE_U64 uint64_t
#define CTYPE_F32 float
#define CTYPE_F64 double
#define CTYPE_C64 c64
#define CTYPE_C128 c128
