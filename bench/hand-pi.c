/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that one would write by hand for pi from random points: a block of Philox is a point, and nothing leaves the
 * registers. Compiled once per CPU level; bench-pi.c takes the best that the CPU has. */
#include "ops/philox.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

uint64_t PASTE(hand_pi_, OP_LEVEL)(uint64_t seed, uint64_t first, uint64_t n);

/* How many of n points lie inside of the circle; n is a multiple of BLOCKS. */
uint64_t PASTE(hand_pi_, OP_LEVEL)(uint64_t seed, uint64_t first, uint64_t n) {
        const PhiloxStream stream = { .seed = seed };
        Lanes inside[TOGETHER]    = {};
        uint64_t sum              = 0;

        for (uint64_t i = 0; i < n; i += BLOCKS) {
                Lanes at[TOGETHER], w[TOGETHER][2];

                blocks_from(first + i, at);
                philox(stream, at, w);
                for (int k = 0; k < TOGETHER; k++) {
                        const DoubleLanes x = lanes_unit(w[k][0]), y = lanes_unit(w[k][1]);

                        inside[k] -= (Lanes) (x * x + y * y < 1.0);
                }
        }
        for (int k = 0; k < TOGETHER; k++)
                for (int l = 0; l < LANES; l++)
                        sum += inside[k][l];
        return sum;
}
