/* SPDX-License-Identifier: Apache-2.0 */
/* Hypergeometric functions of real numbers. */
#include "ops/math-gauss.h"
#include "ops/special.h"

SPECIAL3(hyp1f1, "a, b, x", "Kummer's confluent hypergeometric function 1F1, M(a, b, x).", vm_hyp1f1(a, b, c))
SPECIAL3(hyperu, "a, b, x", "The confluent hypergeometric function U(a, b, x), Tricomi's; NaN for x below zero.",
         vm_hyperu(a, b, c))
SPECIAL4(hyp2f1, "a, b, c, x", "Gauss's hypergeometric function 2F1; infinite for x above one unless the sum ends.",
         vm_hyp2f1(a, b, c, d))
