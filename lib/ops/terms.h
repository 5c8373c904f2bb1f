/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sums that compute what they add up: products, and squares of differences. The terms of up to eight neighbouring
 * positions, for one strip of lanes, are in registers at once, so that neither they nor the differences are written;
 * a position costs the loads of its inputs. The bits are those of the maps and of merges, level by level. */
#include "ops/kernel.h"

#define TERM_PRODUCT_(a, b) ((a) * (b))
#define TERM_SQUARE_(a, b) (((a) - (b)) * ((a) - (b)))

#define TERM_(term, k) term(a[k][i], b[k][b_at])
#define TERM_PAIR_(term, k) (TERM_(term, k) + TERM_(term, k + 1))
#define TERM_QUAD_(term, k) (TERM_PAIR_(term, k) + TERM_PAIR_(term, k + 2))
#define TERM_EIGHT_(term, k) (TERM_QUAD_(term, k) + TERM_QUAD_(term, k + 4))

#define TERMS_LOOP_(D, expr, b_i)                                                                                      \
        INDEPENDENT for (size_t i = 0; i < n; i++) {                                                                   \
                const size_t b_at = b_i;                                                                               \
                out[i] = (expr);                                                                                       \
        }
#define TERMS_LOOPS_OF_(D, name, term, b_i)                                                                            \
        static void name##_##D(size_t n, int level, const void *const *a_row, const void *const *b_row, void *state) { \
                const CTYPE_##D *a[1 << TERMS_LEVEL] = {}, *b[1 << TERMS_LEVEL] = {};                                  \
                CTYPE_##D *restrict out = state;                                                                       \
                                                                                                                       \
                memcpy(a, a_row, sizeof(a[0]) << level);                                                               \
                memcpy(b, b_row, sizeof(b[0]) << level);                                                               \
                switch (level) {                                                                                       \
                case 0:                                                                                                \
                        TERMS_LOOP_(D, TERM_(term, 0), b_i)                                                            \
                        break;                                                                                         \
                case 1:                                                                                                \
                        TERMS_LOOP_(D, TERM_PAIR_(term, 0), b_i)                                                       \
                        break;                                                                                         \
                case 2:                                                                                                \
                        TERMS_LOOP_(D, TERM_QUAD_(term, 0), b_i)                                                       \
                        break;                                                                                         \
                case 3:                                                                                                \
                        TERMS_LOOP_(D, TERM_EIGHT_(term, 0), b_i)                                                      \
                        break;                                                                                         \
                }                                                                                                      \
        }
/* Of strips, and of a strip and one element for each position. */
#define TERMS_LOOPS_(D, op)                                                                                            \
        TERMS_LOOPS_OF_(D, op##_products, TERM_PRODUCT_, i)                                                            \
        TERMS_LOOPS_OF_(D, op##_products_one, TERM_PRODUCT_, 0)                                                        \
        TERMS_LOOPS_OF_(D, op##_squares, TERM_SQUARE_, i)                                                              \
        TERMS_LOOPS_OF_(D, op##_squares_one, TERM_SQUARE_, 0)
#define TERMS_LOOPS(op) TERMS_LOOPS_(F64, op) TERMS_LOOPS_(F32, op)
#define TERMS_OF(D, op)                                                                                                \
        { [TERM_PRODUCT] = { op##_products_##D, op##_products_one_##D },                                               \
          [TERM_SQUARE]  = { op##_squares_##D, op##_squares_one_##D } }
