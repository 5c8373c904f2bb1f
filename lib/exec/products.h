/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Products within maps. A product that only one map reads, which has a kernel of a product (MapKernel.of_product),
 * has no step and no register: the map multiplies on the way. What is computed is the same, one strip is neither
 * written nor read. */
#include "plan/plan.h"

enum { N_PRODUCT_IN = 3 };

typedef struct Product {
        MapFn *map;                /* the kernel of a map that multiplies on the way; else NULL */
        uint32_t in[N_PRODUCT_IN]; /* its inputs: both factors, then the other one */
        uint32_t n_use;            /* how often the register is read */
        bool within;               /* this is the product */
} Product;

/* Fills ret for each instruction. depends: the loops on which each depends, a bit each; lane_loop: the one of lanes. */
void find_products(const Nest *nest, const uint64_t *depends, int lane_loop, Product *ret);
