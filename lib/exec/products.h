/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Products and conditions within maps, and products within sums. A product that only one map reads, which has a kernel
 * of a product (MapKernel.of_product), has no step and no register: the map multiplies on the way. A sum of products,
 * or of squares of differences, does the same for up to eight positions at once (Fold.lift_terms). A comparison that
 * only one choice or number reads is made by a kernel of the comparison that decides at once (MapKernel.decides). What
 * is computed is the same, one strip is neither written nor read. */
#include "plan/plan.h"

typedef struct Product {
        MapFn *map;             /* the kernel of a map that multiplies or compares on the way; else NULL */
        uint32_t in[MAX_OP_IN]; /* its inputs: both factors, or what is compared, then the other ones */
        uint32_t n_in;
        uint32_t n_use; /* how often the register is read */
        bool within;    /* this is the product, the difference or the condition, and has no step */
} Product;

/* The elements of a reduction that are terms. */
typedef struct FoldTerms {
        TermsFn *lift;
        uint32_t in[2];   /* what they are made of */
        uint32_t made[2]; /* by these instructions */
} FoldTerms;

/* Fills ret for each instruction. depends: the loops on which each depends, a bit each; lane_loop: the one of lanes. */
void find_products(const Nest *nest, const uint64_t *depends, int lane_loop, Product *ret);
/* Whether the elements of the sink are terms, made in its loop, that nobody else reads. */
bool find_terms(const Nest *nest, const Sink *sink, const uint64_t *depends, int lane_loop, const Product *product,
                FoldTerms *ret);
