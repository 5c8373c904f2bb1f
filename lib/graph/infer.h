/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rules of inference. The first group are what a family does when an operator's table has no .infer; an
 * operator's own rule may call its family's and go on from there. The second are rules for .infer of the
 * operators with those names.
 *
 * What is known is checked, in NumPy's words; UNKNOWN lengths pass through and are checked again once they are
 * known. The parameters must have passed params_check(); results are checked by op_infer(). */
#include "graph/op.h"

int infer_map(const OpCall *call, Spec *out, Error *err);
int infer_reduce(const OpCall *call, Spec *out, Error *err);
int infer_scan(const OpCall *call, Spec *out, Error *err);
int infer_source(const OpCall *call, Spec *out, Error *err);

int infer_view(const OpCall *call, Spec *out, Error *err);
int infer_concatenate(const OpCall *call, Spec *out, Error *err);
int infer_reshape(const OpCall *call, Spec *out, Error *err);
int infer_rechunk(const OpCall *call, Spec *out, Error *err);
int infer_matmul(const OpCall *call, Spec *out, Error *err);

/* The dtype that all inputs promote to, weak ones as NEP 50 has it; those of the mask (bit i: input i; 0: all). */
DType infer_promote(const OpCall *call, uint32_t mask);
/* The axes that a reduction over `axis` removes, as a bit mask; ERROR_AXIS, or ERROR_VALUE for one named twice. */
int axes_normalize(const Dims *axis, int ndim, uint32_t *ret_mask, Error *err);
/* Lengths that a user wrote (none negative, none UNKNOWN) as a shape. */
int shape_from_dims(const Dims *dims, Shape *ret, Error *err);
/* Whether a tensor can be cut as chunk_size says; a shape that is not known yet is not checked. */
int chunk_size_check(const Dims *chunk_size, const Shape *shape, DType dtype, Error *err);
/* As NumPy's errors have it: "(2,3)", "(3,)", "()"; lengths of -1 are "newaxis". */
char *shape_print_words(const Shape *s, char text[static SHAPE_TEXT]);
