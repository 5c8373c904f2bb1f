/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of the gamma family and of von Mises' distribution, by rejection. */
#include "ops/deviates.h"

#include "ops/math-arc.h"
#include "ops/math-exp.h"

typedef struct GammaParams {
        DeviateParams deviate;
        bool log;
} GammaParams;

/* Marsaglia and Tsang (A Simple Method for Generating Gamma Variables, 2000). A shape below one takes a number of the
 * next shape and a power of a uniform one, which may underflow where its logarithm does not. *ret_log is of `log`. */
VM_INLINE bool gamma_attempt(double shape, const double *u, bool log, double *ret) {
        const double above = shape < 1.0 ? shape + 1.0 : shape, d = above - 1.0 / 3.0;
        const double x = deviate_normal(u[0], u[1]), root = 1.0 + x / sqrt(9.0 * d), v = root * root * root;
        double log_v, log_power;

        if (!(shape > 0.0) || shape == VM_INF) {
                *ret = shape == 0.0 && !log ? 0.0 : VM_NAN;
                return true;
        }
        if (v <= 0.0)
                return false;
        log_v = vm_log(v);
        if (u[2] >= 1.0 - 0.0331 * (x * x) * (x * x) && vm_log(u[2]) >= 0.5 * x * x + d * (1.0 - v + log_v))
                return false;
        log_power = shape < 1.0 ? vm_log(u[3]) / shape : 0.0;
        if (log)
                *ret = vm_log(d) + log_v + log_power;
        else
                *ret = shape < 1.0 ? d * v * vm_exp(log_power) : d * v;
        return true;
}

static bool gamma_try(const double *u, const double *p, const void *params, double *ret) {
        const GammaParams *of = params;

        return gamma_attempt(p[0], u, of->log, ret);
}
DEVIATE(F64, gamma, 1, 2)

OP(random_gamma) = {
        .name        = "random_gamma",
        .doc         = "Random numbers of the gamma distribution with scale one, or their logarithms.\n\n"
                       "NaN where the shape is below zero. Source: Marsaglia's and Tsang's rejection, of "
                       "Philox4x32-10 blocks of (seed, draw, attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, shape",
        .n_in        = 2,
        .shared      = 0b10,
        .cost        = 150,
        .params_size = sizeof(GammaParams),
        .params =
                (const Param[]) {
                        DEVIATE_PARAM_LIST(DeviateParams),
                        PARAM(GammaParams, log, PARAM_BOOL, "False", "Logarithms, which do not underflow."),
                        {},
                },
        .infer   = infer_deviate,
        .kernels = gamma_kernels,
};

/* Best and Fisher (Efficient Simulation of the von Mises Distribution, 1979): an angle around zero. */
static bool vonmises_try(const double *u, const double *p, _unused_ const void *params, double *ret) {
        const double pi = 3.141592653589793, kappa = p[0];
        double s, z, w, y;

        if (!(kappa >= 0.0)) {
                *ret = VM_NAN;
                return true;
        }
        if (kappa < 1e-8) { /* no further from the uniform distribution than a double shows */
                *ret = (2.0 * u[0] - 1.0) * pi;
                return true;
        }
        if (kappa > 1e6) { /* normal to seven digits, and folded */
                y    = deviate_normal(u[0], u[1]) / sqrt(kappa);
                *ret = y > pi ? y - 2.0 * pi : y < -pi ? y + 2.0 * pi : y;
                return true;
        }
        if (kappa < 1e-5)
                s = 1.0 / kappa + kappa;
        else {
                const double r = 1.0 + sqrt(1.0 + 4.0 * kappa * kappa), rho = (r - sqrt(2.0 * r)) / (2.0 * kappa);

                s = (1.0 + rho * rho) / (2.0 * rho);
        }
        z = vm_cos(pi * u[0]);
        w = (1.0 + s * z) / (s + z);
        y = kappa * (s - w);
        if (y * (2.0 - y) < u[1] && vm_log(y / u[1]) + 1.0 < y)
                return false;
        w    = vm_acos(w > 1.0 ? 1.0 : w < -1.0 ? -1.0 : w);
        *ret = u[2] < 0.5 ? -w : w;
        return true;
}
DEVIATE(F64, vonmises, 1, 2)

OP(random_vonmises) = {
        .name        = "random_vonmises",
        .doc         = "Random angles of von Mises' distribution around zero, between -pi and pi.\n\n"
                       "NaN where kappa is below zero. Source: Best's and Fisher's rejection, of Philox4x32-10 blocks "
                       "of (seed, draw, attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, kappa",
        .n_in        = 2,
        .shared      = 0b10,
        .cost        = 150,
        .params_size = sizeof(DeviateParams),
        .params      = (const Param[]) { DEVIATE_PARAM_LIST(DeviateParams), {} },
        .infer       = infer_deviate,
        .kernels     = vonmises_kernels,
};
