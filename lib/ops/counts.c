/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that count something. Where few are expected the distribution function is inverted term by term; where
 * many are, a hat is rejected: Hörmann's transformed rejection, or Stadlober's ratio of uniforms. Probabilities are
 * Loader's (Fast and Accurate Computation of Binomial Probabilities, 2000): differences from the most probable number
 * instead of factorials, so that large parameters lose nothing. */
#include "ops/deviates.h"

#include "ops/math-exp.h"
#include "ops/math-gamma.h"
#include "ops/math-pow.h"

#define LARGEST_COUNT 0x1p63

/* Below FEW expected ones the terms are added up; more than MANY are then less probable than 2^-150. */
enum { FEW = 10, MANY = 128 };

/* ---- Poisson ---------------------------------------------------------------------------------------------------- */

static double log_poisson(double k, double mean) {
        return k == 0.0 ? -mean : -vm_stirling_rest(k) - vm_deviance(k, mean) - VM_HALF_LOG_TWO_PI - 0.5 * vm_log(k);
}

/* Hörmann: The Transformed Rejection Method for Generating Poisson Random Variables, 1993. */
static bool poisson_try(const double *u, const double *p, _unused_ const void *params, double *ret) {
        const double mean = p[0], root = sqrt(mean);
        const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b, centred = u[0] - 0.5;
        const double us = 0.5 - vm_abs(centred), k = floor((2.0 * a / us + b) * centred + mean + 0.43);

        if (!(mean >= 0.0) || !(mean < LARGEST_COUNT)) {
                *ret = VM_NAN;
                return true;
        }
        if (mean < FEW) {
                double term = vm_exp(-mean), left = u[0];
                int n = 0;

                for (; left > term && n < MANY; term *= mean / n) {
                        left -= term;
                        n++;
                }
                *ret = n;
                return true;
        }
        *ret = k;
        if (us >= 0.07 && u[1] <= 0.9277 - 3.6224 / (b - 2.0))
                return true;
        if (k < 0.0 || (us < 0.013 && u[1] > us))
                return false;
        return vm_log(u[1] * (1.1239 + 1.1328 / (b - 3.4)) / (a / (us * us) + b)) <= log_poisson(k, mean);
}
DEVIATE(I64, poisson, 1, 1)

OP(random_poisson) = {
        .name        = "random_poisson",
        .doc         = "Random counts of events of which `lam` are expected.\n\n"
                       "The least int64 where lam is below zero or not below 2**63. Source: inversion below 10, "
                       "Hörmann's transformed rejection above, of Philox4x32-10 by (seed, draw, attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, lam",
        .n_in        = 2,
        .shared      = 0b10,
        .cost        = 150,
        .params_size = sizeof(DeviateParams),
        .params      = (const Param[]) { DEVIATE_PARAM_LIST(DeviateParams), {} },
        .infer       = infer_deviate,
        .kernels     = poisson_kernels,
};

/* ---- Binomial --------------------------------------------------------------------------------------------------- */

static double log_binomial(double k, double n, double p) {
        if (k == 0.0)
                return n * vm_log1p(-p);
        if (k == n)
                return n * vm_log(p);
        return vm_stirling_rest(n) - vm_stirling_rest(k) - vm_stirling_rest(n - k) - vm_deviance(k, n * p) -
               vm_deviance(n - k, n * (1.0 - p)) - VM_HALF_LOG_TWO_PI - 0.5 * vm_log(k * ((n - k) / n));
}

/* Hörmann: The Generation of Binomial Random Variates, 1993; of p <= 1/2. */
static bool binomial_hat(const double *u, double n, double p, double *ret) {
        const double deviation = sqrt(n * p * (1.0 - p)), b = 1.15 + 2.53 * deviation;
        const double a = -0.0873 + 0.0248 * b + 0.01 * p, centred = u[0] - 0.5, us = 0.5 - vm_abs(centred);
        const double k = floor((2.0 * a / us + b) * centred + n * p + 0.5), mode = floor((n + 1.0) * p);

        *ret = k;
        if (k < 0.0 || k > n)
                return false;
        if (us >= 0.07 && u[1] <= 0.92 - 4.2 / b)
                return true;
        return vm_log(u[1] * ((2.83 + 5.1 / b) * deviation) / (a / (us * us) + b)) <=
               log_binomial(k, n, p) - log_binomial(mode, n, p);
}

static bool binomial_try(const double *u, const double *of, _unused_ const void *params, double *ret) {
        const double n = floor(of[0]), p = of[1] > 0.5 ? 1.0 - of[1] : of[1];
        bool done = true;

        if (!(n >= 0.0) || !(n <= 0x1p53) || !(of[1] >= 0.0) || !(of[1] <= 1.0)) {
                *ret = VM_NAN;
                return true;
        }
        if (n * p < FEW) {
                const double odds = p / (1.0 - p);
                double term = vm_exp(n * vm_log1p(-p)), left = u[0];
                int k = 0;

                for (; left > term && k < n && k < MANY; term *= (n - k + 1) / k * odds) {
                        left -= term;
                        k++;
                }
                *ret = k;
        } else
                done = binomial_hat(u, n, p, ret);
        if (of[1] > 0.5)
                *ret = n - *ret;
        return done;
}
DEVIATE(I64, binomial, 2, 1)

OP(random_binomial) = {
        .name        = "random_binomial",
        .doc         = "Random counts of successes in n trials of probability p.\n\n"
                       "The least int64 where n is not in [0, 2**53] or p is not in [0, 1]. Source: inversion "
                       "below 10 expected, Hörmann's transformed rejection above, of Philox4x32-10 by (seed, draw, "
                       "attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, n, p",
        .n_in        = 3,
        .shared      = 0b110,
        .cost        = 200,
        .params_size = sizeof(DeviateParams),
        .params      = (const Param[]) { DEVIATE_PARAM_LIST(DeviateParams), {} },
        .infer       = infer_deviate,
        .kernels     = binomial_kernels,
};

/* ---- Hypergeometric --------------------------------------------------------------------------------------------- */

#define URN_MOST 1e9 /* of good or bad ones: logarithms of factorials are exact to 10^-6 then */

/* log of what the probability of k good ones in a sample has below its line. */
static double log_ways(double k, double good, double bad, double sample) {
        return vm_lgamma(k + 1.0) + vm_lgamma(good - k + 1.0) + vm_lgamma(sample - k + 1.0) +
               vm_lgamma(bad - sample + k + 1.0);
}

/* Stadlober: The Ratio of Uniforms Approach for Generating Discrete Random Variates, 1990 (HRUA); of good <= bad and
 * of samples of half of all at most. */
static bool hypergeometric_hat(const double *u, double good, double bad, double sample, double *ret) {
        const double all = good + bad, share = good / all, centre = sample * share + 0.5;
        const double deviation = sqrt((all - sample) * sample * share * (1.0 - share) / (all - 1.0) + 0.5);
        const double width = 1.7155277699214135 * deviation + 0.8989161620588988; /* 2 sqrt(2 / e), 3 - 2 sqrt(3 / e) */
        const double mode  = floor((sample + 1.0) * (good + 1.0) / (all + 2.0));
        const double k     = floor(centre + width * (u[1] - 0.5) / u[0]);
        double t;

        *ret = k;
        if (k < 0.0 || k > (good < sample ? good : sample) || k >= floor(centre + 16.0 * deviation))
                return false;
        t = log_ways(mode, good, bad, sample) - log_ways(k, good, bad, sample);
        if (u[0] * (4.0 - u[0]) - 3.0 <= t)
                return true;
        return u[0] * (u[0] - t) < 1.0 && 2.0 * vm_log(u[0]) <= t;
}

/* Few are drawn: the terms, from no good one on; of samples of half of all at most. */
static double hypergeometric_inverse(double u, double good, double bad, double sample) {
        const double most = sample < good ? sample : good;
        double k = 0.0, term = 1.0;

        for (double i = 0.0; i < sample; i++)
                term *= (bad - i) / (good + bad - i);
        for (; u > term && k < most; k++) {
                u -= term;
                term *= (good - k) / (k + 1.0) * (sample - k) / (bad - sample + k + 1.0);
        }
        return k;
}

static bool hypergeometric_try(const double *u, const double *p, _unused_ const void *params, double *ret) {
        const double good = p[0], bad = p[1], sample = p[2], all = good + bad;
        double few_good, many_bad, drawn;
        bool done = true;

        if (!(good >= 0.0 && good <= URN_MOST && bad >= 0.0 && bad <= URN_MOST && sample >= 0.0 && sample <= all)) {
                *ret = VM_NAN;
                return true;
        }
        if (sample == 0.0 || good == 0.0 || bad == 0.0) {
                *ret = good == 0.0 ? 0.0 : sample;
                return true;
        }
        /* Of the rarer kind, in the smaller part of the urn. */
        few_good = good < bad ? good : bad;
        many_bad = all - few_good;
        drawn    = 2.0 * sample > all ? all - sample : sample;
        if (drawn <= FEW)
                *ret = hypergeometric_inverse(u[0], few_good, many_bad, drawn);
        else if (few_good <= FEW) /* the same with samples and kinds exchanged */
                *ret = hypergeometric_inverse(u[0], drawn, all - drawn, few_good);
        else
                done = hypergeometric_hat(u, few_good, many_bad, drawn, ret);
        if (drawn != sample)
                *ret = few_good - *ret;
        if (few_good != good)
                *ret = sample - *ret;
        return done;
}

static void hypergeometric_I64(size_t n, void *const *arg, const void *params) {
        const int64_t *restrict urn = arg[1], *restrict drawn = arg[2];
        int64_t *restrict out = arg[3];
        double good[STRIP], bad[STRIP], sample[STRIP], value[STRIP];

        for (size_t first = 0, m; first < n; first += m) {
                m = MIN(n - first, (size_t) STRIP);
                for (size_t i = 0; i < m; i++) {
                        good[i]   = (double) (urn[first + i] >> 32);
                        bad[i]    = (double) (uint32_t) urn[first + i];
                        sample[i] = (double) drawn[first + i];
                }
                deviate_strip(m, (const int64_t *) arg[0] + first, (const double *const[]) { good, bad, sample }, 3, 1,
                              hypergeometric_try, params, value);
                for (size_t i = 0; i < m; i++)
                        out[first + i] = i64_from_f64(value[i]);
        }
}

OP(random_hypergeometric) = {
        .name        = "random_hypergeometric",
        .doc         = "Random counts of good ones in a sample from an urn of good * 2**32 + bad.\n\n"
                       "The least int64 where good or bad are not in [0, 10**9], or the sample is larger than the "
                       "urn. Source: inversion of small samples, Stadlober's ratio of uniforms of large ones, of "
                       "Philox4x32-10 blocks of (seed, draw, attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, urn, sample",
        .n_in        = 3,
        .shared      = 0b110,
        .cost        = 250,
        .params_size = sizeof(DeviateParams),
        .params      = (const Param[]) { DEVIATE_PARAM_LIST(DeviateParams), {} },
        .infer       = infer_deviate,
        .kernels =
                KERNELS({ { DTYPE_I64, DTYPE_I64, DTYPE_I64 }, { DTYPE_I64, DTYPE_NONE }, hypergeometric_I64, {} }, ),
};

/* ---- Long tails ------------------------------------------------------------------------------------------------- */

/* Kemp: Efficient Generation of Logarithmically Distributed Pseudo-Random Variables, 1981 (LK). */
static bool logseries_try(const double *u, const double *p, _unused_ const void *params, double *ret) {
        double q, k;

        if (!(p[0] >= 0.0) || !(p[0] < 1.0)) {
                *ret = VM_NAN;
                return true;
        }
        *ret = 1.0;
        if (u[0] >= p[0])
                return true;
        q = -vm_expm1(vm_log1p(-p[0]) * u[1]);
        if (u[0] > q * q) {
                *ret = u[0] >= q ? 1.0 : 2.0;
                return true;
        }
        k    = floor(1.0 + vm_log(u[0]) / vm_log(q));
        *ret = k;
        return k >= 1.0 && k < LARGEST_COUNT;
}
DEVIATE(I64, logseries, 1, 1)

OP(random_logseries) = {
        .name        = "random_logseries",
        .doc         = "Random numbers of the logarithmic series distribution.\n\n"
                       "The least int64 where p is not in [0, 1). Source: Kemp's LK, of Philox4x32-10 blocks of (seed, "
                       "draw, attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, p",
        .n_in        = 2,
        .shared      = 0b10,
        .cost        = 100,
        .params_size = sizeof(DeviateParams),
        .params      = (const Param[]) { DEVIATE_PARAM_LIST(DeviateParams), {} },
        .infer       = infer_deviate,
        .kernels     = logseries_kernels,
};

/* Devroye: Non-Uniform Random Variate Generation, 1986, X.6; of what an int64 holds. */
static bool zipf_try(const double *u, const double *p, _unused_ const void *params, double *ret) {
        const double a = p[0], least = vm_pow(LARGEST_COUNT, 1.0 - a);
        double x, t, two;

        if (!(a > 1.0)) {
                *ret = VM_NAN;
                return true;
        }
        *ret = 1.0;
        if (a >= 1025.0) /* two is less probable than any double, and 2^(a - 1) more than any */
                return true;
        x    = floor(vm_pow(u[0] * least + (1.0 - u[0]), -1.0 / (a - 1.0)));
        *ret = x;
        if (!(x >= 1.0) || !(x < LARGEST_COUNT))
                return false;
        /* (1 + 1 / x)^(a - 1) and 2^(a - 1), less one, of small exponents, too. */
        t   = vm_expm1((a - 1.0) * vm_log1p(1.0 / x));
        two = vm_expm1((a - 1.0) * 0.6931471805599453);
        return u[1] * x * (t / two) <= (t + 1.0) / (two + 1.0);
}
DEVIATE(I64, zipf, 1, 1)

OP(random_zipf) = {
        .name        = "random_zipf",
        .doc         = "Random numbers of Zipf's distribution: k has a probability proportional to k**-a.\n\n"
                       "The least int64 where a is not above one; numbers beyond int64 are not drawn. Source: Devroye "
                       "(rejection), of Philox4x32-10 blocks of (seed, draw, attempt, index).",
        .family      = FAMILY_MAP,
        .inputs      = "index, a",
        .n_in        = 2,
        .shared      = 0b10,
        .cost        = 200,
        .params_size = sizeof(DeviateParams),
        .params      = (const Param[]) { DEVIATE_PARAM_LIST(DeviateParams), {} },
        .infer       = infer_deviate,
        .kernels     = zipf_kernels,
};
