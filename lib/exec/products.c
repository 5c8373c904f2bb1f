/* SPDX-License-Identifier: Apache-2.0 */
/* Products and conditions within others: who reads what, and which kernel does both. */
#include <string.h>

#include "exec/products.h"

static const MapKernel *kernel_of(const Instr *instr) {
        return instr->op->kernels + instr->kernel;
}

static void count_uses(const Nest *nest, Product *ret) {
        for (uint32_t i = 0; i < nest->n_instr; i++)
                if (nest->instr[i].kind == INSTR_MAP)
                        for (uint32_t k = 0; k < nest->instr[i].op->n_in; k++)
                                ret[nest->instr[i].in[k]].n_use++;
        for (uint32_t i = 0; i < nest->n_sink; i++) {
                const Sink *sink = nest->sink + i;

                for (int c = 0; c < (sink->op && sink->unit ? sink->op->folds[sink->fold].n_state : 1); c++)
                        ret[sink->reg[c]].n_use++;
        }
}

/* The register is computed in the body of the same loop. */
static bool same_loop(uint64_t a, uint64_t b) {
        return __builtin_clzll(a) == __builtin_clzll(b);
}

/* Input k of instruction i is a product that nobody else reads, made in the same loop. */
static bool takes_product(const Nest *nest, const uint64_t *depends, uint64_t lanes, const Product *product, uint32_t i,
                          uint32_t k) {
        const uint32_t in = nest->instr[i].in[k];
        const Instr *from = nest->instr + in;

        return kernel_of(nest->instr + i)->kind != MAP_COMPARISON && kernel_of(nest->instr + i)->of_product[k][0][0] &&
               from->kind == INSTR_MAP && kernel_of(from)->kind == MAP_PRODUCT && product[in].n_use == 1 &&
               !product[in].map && (depends[in] & lanes) && same_loop(depends[in], depends[i]);
}

/* A choice, or a number, by a comparison that nobody else reads, made in the same loop, of elements as large as those
 * that it makes. */
static void find_condition(const Nest *nest, const uint64_t *depends, uint64_t lanes, uint32_t i, Product *ret) {
        const Instr *instr       = nest->instr + i;
        const uint32_t condition = instr->in[0], n_other = instr->op->n_in - 1;
        const Instr *from = nest->instr + condition;
        MapFn *const *decides;
        uint32_t one;

        if (from->kind != INSTR_MAP || kernel_of(from)->kind != MAP_COMPARISON || ret[condition].n_use != 1 ||
            ret[condition].map || !(depends[condition] & lanes) || !same_loop(depends[condition], depends[i]) ||
            dtype_size(kernel_of(from)->in[0]) != dtype_size(instr->dtype))
                return;
        one        = !(depends[from->in[0]] & lanes) ? 1 : !(depends[from->in[1]] & lanes) ? 2 : 0;
        decides    = kernel_of(instr)->kind == MAP_CHOICE ? kernel_of(from)->decides.choice
                                                          : kernel_of(from)->decides.number;
        ret[i].map = decides[one];
        if (!ret[i].map)
                return;
        ret[i].n_in = 2 + n_other;
        memcpy(ret[i].in, from->in, 2 * sizeof(ret[i].in[0]));
        memcpy(ret[i].in + 2, instr->in + 1, n_other * sizeof(ret[i].in[0]));
        ret[condition].within = true;
}

void find_products(const Nest *nest, const uint64_t *depends, int lane_loop, Product *ret) {
        const uint64_t lanes = (uint64_t) 1 << lane_loop;

        memset(ret, 0, nest->n_instr * sizeof(*ret));
        count_uses(nest, ret);
        for (uint32_t i = 0; i < nest->n_instr; i++) {
                const Instr *instr = nest->instr + i, *from;
                uint32_t a, b, other, k;

                if (instr->kind == INSTR_MAP &&
                    (kernel_of(instr)->kind == MAP_CHOICE || kernel_of(instr)->kind == MAP_NUMBER))
                        find_condition(nest, depends, lanes, i, ret);
                if (instr->kind != INSTR_MAP || instr->op->n_in != 2)
                        continue;
                for (k = 0; k < 2 && !takes_product(nest, depends, lanes, ret, i, k); k++)
                        ;
                if (k == 2)
                        continue;
                from  = nest->instr + instr->in[k];
                other = instr->in[1 - k];
                a     = from->in[0];
                b     = from->in[from->op->n_in - 1];
                if (!(depends[b] & lanes)) { /* the first factor is the one that may be one element */
                        b = a;
                        a = from->in[1];
                }
                ret[i].map = kernel_of(instr)->of_product[k][!(depends[a] & lanes)][!(depends[other] & lanes)];
                ret[i].n_in = 3;
                memcpy(ret[i].in, (uint32_t[]) { a, b, other }, 3 * sizeof(ret[i].in[0]));
                ret[instr->in[k]].within = true;
        }
}

bool find_terms(const Nest *nest, const Sink *sink, const uint64_t *depends, int lane_loop, const Product *product,
                FoldTerms *ret) {
        const uint64_t lanes = (uint64_t) 1 << lane_loop;
        const uint32_t element = sink->reg[0];
        const Instr *made = nest->instr + element;
        uint32_t a, b, n_read;
        Term term = TERM_PRODUCT;

        if (sink->unit > 0 || made->kind != INSTR_MAP || kernel_of(made)->kind != MAP_PRODUCT ||
            product[element].n_use > 1 || product[element].map || !(depends[element] & lanes))
                return false;
        a = made->in[0];
        b = made->in[made->op->n_in - 1];
        n_read = made->op->n_in;
        ret->made[0] = ret->made[1] = element;
        made = nest->instr + a;
        if (a == b && made->kind == INSTR_MAP && kernel_of(made)->kind == MAP_DIFFERENCE &&
            product[a].n_use == n_read && !product[a].map && same_loop(depends[a], depends[element])) {
                ret->made[1] = a;
                term = TERM_SQUARE;
                a = made->in[0];
                b = made->in[1];
        }
        if (!(depends[a] & lanes)) { /* of both terms it is the same which comes first */
                ret->in[0] = b;
                ret->in[1] = a;
        } else {
                ret->in[0] = a;
                ret->in[1] = b;
        }
        ret->lift = sink->op->folds[sink->fold].lift_terms[term][!(depends[ret->in[1]] & lanes)];
        return ret->lift;
}
