/* SPDX-License-Identifier: Apache-2.0 */
/* The operator table for people and for other languages: what mars.h says of an operator is derived from its Op,
 * once, at the first question. */
#include <string.h>

#include "client/times.h"
#include "graph/params.h"

static mars_op_info *infos;
static pthread_once_t infos_once = PTHREAD_ONCE_INIT;

static uint32_t count_params(const Op *op) {
        uint32_t n = 0;

        for (const Param *p = params_of(op); p->name; p++)
                n++;
        return n;
}

/* One block for all: infos, then the parameters of each. It lives as long as the library. */
static void infos_make(void) {
        const uint32_t n_op = op_count();
        size_t n_param = 0;
        mars_param_info *param;

        for (uint32_t i = 0; i < n_op; i++)
                n_param += count_params(op_table()[i]);
        infos = calloc(1, n_op * sizeof(*infos) + n_param * sizeof(*param) + 1);
        if (!infos)
                return;
        param = (mars_param_info *) (infos + n_op);
        for (uint32_t i = 0; i < n_op; i++) {
                const Op *op = op_table()[i];

                infos[i] = (mars_op_info) {
                        .name     = op->name,
                        .doc      = op->doc,
                        .family   = family_names[op->family],
                        .inputs   = op->inputs,
                        .n_in     = op->n_in,
                        .n_out    = op_n_out(op),
                        .n_param  = count_params(op),
                        .variadic = op->variadic,
                        .hidden   = op->hidden,
                        .param    = param,
                };
                for (const Param *p = params_of(op); p->name; p++)
                        *param++ = (mars_param_info) {
                                .name     = p->name,
                                .kind     = (mars_param_kind) p->kind,
                                .fallback = p->fallback,
                                .doc      = p->doc,
                        };
        }
}

unsigned mars_op_count(void) {
        return op_count();
}

const mars_op_info *mars_op_describe(unsigned op) {
        pthread_once(&infos_once, infos_make);
        return infos && op < op_count() ? &infos[op] : NULL;
}

int mars_op_find(unsigned *ret, const char *name, mars_error *err) {
        const Op *op = name ? op_find(name) : NULL;

        if (!op)
                return error_set(error_of(err), ERROR_VALUE, "there is no operator '%s'", name ?: "(null)");
        *ret = op_id(op);
        return 0;
}

const char *mars_version(void) {
        return MARS_VERSION;
}

/* ---- dtypes ----------------------------------------------------------------------------------------------------- */

static_assert((int) MARS_BOOL == (int) DTYPE_BOOL && (int) MARS_COMPLEX128 == (int) DTYPE_C128 &&
                      (int) MARS_FLOAT16 == (int) DTYPE_F16 && (int) MARS_DTYPE_NONE == (int) DTYPE_NONE,
              "both headers count dtypes alike");
static_assert(sizeof(mars_scalar) == sizeof(Scalar) && offsetof(mars_scalar, bytes) == offsetof(Scalar, bytes),
              "mars_scalar is Scalar");
static_assert(sizeof(mars_error) == sizeof(Error) && offsetof(mars_error, text) == offsetof(Error, text),
              "mars_error is Error");
static_assert(MARS_MAX_NDIM == MAX_NDIM, "one number");
#define SAME_CODE(name) static_assert((int) MARS_ERROR_##name == (int) ERROR_##name, "mars.h promises this code")
SAME_CODE(VALUE);
SAME_CODE(INDEX);
SAME_CODE(AXIS);
SAME_CODE(TYPE);
SAME_CODE(MEMORY);
SAME_CODE(LINALG);
SAME_CODE(OVERFLOW);
SAME_CODE(CANCELED);
SAME_CODE(CLOSED);
SAME_CODE(SUPPORT);
SAME_CODE(CORRUPT);
SAME_CODE(SPILL_FULL);

size_t mars_dtype_size(mars_dtype dtype) {
        return type_exists(dtype) ? dtype_size(type_dtype(dtype)) : 0;
}

const char *mars_dtype_name(mars_dtype dtype) {
        return type_exists(dtype) ? type_name(dtype) : "none";
}

int mars_dtype_from_name(mars_dtype *ret, const char *name, mars_error *err) {
        unsigned type;

        if (!name || !type_from_name(name, &type))
                return error_set(error_of(err), ERROR_TYPE, "data type '%s' not understood", name ?: "(null)");
        *ret = (mars_dtype) type;
        return 0;
}

mars_dtype mars_promote_types(mars_dtype a, mars_dtype b) {
        unsigned both;

        return type_exists(a) && type_exists(b) && type_promote(a, b, &both) ? (mars_dtype) both : MARS_DTYPE_NONE;
}

bool mars_can_cast(mars_dtype from, mars_dtype to, const char *casting) {
        Casting c;

        return type_exists(from) && type_exists(to) && casting && casting_from_name(casting, &c) &&
               type_can_cast(from, to, c);
}
