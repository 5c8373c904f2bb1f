/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Times: datetime64 and timedelta64 with NumPy's units. A time is int64 to the graph and to everything below it; that
 * it is one, and of which unit, is known to its handle alone (mars_tensor.dtype), and decides here which operators of
 * integers an operation on times is (docs/decisions/0056).
 *
 * A type is a dtype of mars.h: a DType, or the number of a kind of times plus a unit. */
#include "client/expr.h"

enum { N_UNIT = MARS_UNIT_AS + 1 };

static inline bool type_is_date(unsigned type) {
        return type >= MARS_DATETIME64 && type < MARS_DATETIME64 + N_UNIT;
}
static inline bool type_is_delta(unsigned type) {
        return type >= MARS_TIMEDELTA64 && type < MARS_TIMEDELTA64 + N_UNIT;
}
static inline bool type_is_time(unsigned type) {
        return type_is_date(type) || type_is_delta(type);
}
static inline bool type_exists(unsigned type) {
        return type < _DTYPE_MAX || type_is_time(type);
}
static inline mars_unit type_unit(unsigned time) {
        return (mars_unit) (time - (type_is_date(time) ? MARS_DATETIME64 : MARS_TIMEDELTA64));
}
/* What the engine computes in. */
static inline DType type_dtype(unsigned type) {
        return type_is_time(type) ? DTYPE_I64 : (DType) type;
}

const char *type_name(unsigned type); /* "datetime64[ns]" */
const char *type_code(unsigned type); /* "<M8[ns]" */
bool type_from_name(const char *name, unsigned *ret);
/* NumPy's rules. false: no type holds both. */
bool type_promote(unsigned a, unsigned b, unsigned *ret);
bool type_can_cast(unsigned from, unsigned to, Casting casting);

/* The factors of time_scale from one unit to another, both above months or both not: in timedeltas also across.
 * ERROR_OVERFLOW when they are beyond int64. */
int unit_scale(mars_unit from, mars_unit to, int64_t *ret_multiply, int64_t *ret_divide, Error *err);

/* Whether times of two units can be told in the finer one: 0 or ERROR_OVERFLOW. */
int units_meet(mars_unit a, mars_unit b, Error *err);

/* Whether an operation has to do with times: of its inputs, or of the dtype that it is asked for. */
bool times_concern(unsigned n_in, mars_tensor *const *in, const mars_param *params, size_t n_params);
/* The operation in operators of integers, as mars_op(); ERROR_TYPE in NumPy's words where there is none. */
int times_op(mars_tensor **ret, const Op *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
             size_t n_params, Error *err);
