/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The error functions: of real numbers from a few polynomials, of complex ones from a quadrature.
 *
 * erf is an odd polynomial below 1. Beyond, all is made of erfcx(x) = e^(x^2) erfc(x), which changes slowly: times 1 +
 * 2 x it is a polynomial of (x - 4) / (x + 4) up to 28, from where on the first terms of the asymptotic series are
 * exact. e^(x^2) takes the square in two parts. Inverses are polynomials of the square, and next to one of the root of
 * the logarithm. Functions of real numbers do not branch: all pieces are computed, and one is selected.
 *
 * w(z) = e^(-z^2) erfc(-i z) is the trapezoidal or the midpoint rule of its integral, whose error falls
 * exponentially with the number of points (Al Azah and Chandler-Wilde: Computation of the Complex Error Function
 * using Modified Trapezoidal Rules, 2021). */
#include "ops/complex-math.h"
#include "ops/math-gamma.h"

#define VM_TWO_BY_ROOT_PI 1.1283791670955126

/* erf(x) sqrt(pi) / 2 = x + x z g(z), z = x^2 <= 1: g. (1 + 2 x) erfcx(x). Relative errors below 2^-55 and 2^-54. */
static const double vm_erf_small[] = {
        -0x1.5555555555555p-2,  0x1.9999999999997p-4,  -0x1.86186186184e3p-6,  0x1.2f684bda0ebe7p-8,
        -0x1.8d3018d1eaf07p-11, 0x1.c01c0191e418cp-14, -0x1.bbd77403f8faep-17, 0x1.879f99e7e0cc3p-20,
        -0x1.3772118afe0d5p-23, 0x1.c271f082d5981p-27, -0x1.285fb3a35d54ap-30, 0x1.53aa5940a0f44p-34,
        -0x1.085e9bbbd3f0dp-38,
};
static const double vm_erfcx_mapped[] = {
        0x1.3ba5916e9fd7fp+0,   -0x1.1df1ad154a29cp-3,  0x1.f7f5df66fd71ep-7,   0x1.16ecefcfa6043p-4,
        -0x1.9ddb23c3e8a4dp-4,  0x1.7fee004df6ac8p-4,   -0x1.0fb06dfe58cbfp-4,  0x1.3079edf9f99fdp-5,
        -0x1.0962388077570p-6,  0x1.49c67191abf6dp-8,   -0x1.8d4a9feef6be3p-11, -0x1.a1de83d1a0247p-13,
        0x1.3be0d2dcf4e7ep-13,  -0x1.9969d5d3635e0p-16, -0x1.78a87266614b2p-17, 0x1.7fae61a6fe30ap-18,
        0x1.44391d333dca7p-22,  -0x1.bfe11aa72d921p-21, 0x1.0bf5b5fae2458p-24,  0x1.ec09643ad0d13p-24,
        -0x1.0b48ae710616cp-27, -0x1.cbf2a81ff239dp-27, -0x1.d821b7f98e091p-30,
};

/* e^(x^2), or e^(-x^2): x^2 = h^2 + (x - h) (x + h). The first is exact; the second is small, and e to its power a
 * cubic polynomial. Beyond VM_SQUARE_MOST both are what they are there, infinite or zero. */
#define VM_SQUARE_MOST 40.0
VM_INLINE double vm_exp_square(double x, double sign) {
        const double a = vm_abs(x), b = a > VM_SQUARE_MOST ? VM_SQUARE_MOST : a;
        const double h = vm_upper(b), rest = sign * ((b - h) * (b + h));

        return vm_exp(sign * h * h) * (1.0 + rest * (1.0 + rest * (0.5 + rest * (1.0 / 6.0))));
}

/* erfcx from zero to VM_ERFCX_MAPPED, and beyond. */
#define VM_ERFCX_MAPPED 28.0
VM_INLINE double vm_erfcx_near(double x) {
        return VM_PIECES((x - 4.0) / (x + 4.0), vm_erfcx_mapped) / (1.0 + 2.0 * x);
}

VM_INLINE double vm_erfcx_far(double x) {
        const double y = 1.0 / x, z = 0.5 * y * y;

        return 1.0 / VM_ROOT_PI * y *
               (1.0 - z * (1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z * (1.0 - 9.0 * z * (1.0 - 11.0 * z))))));
}

VM_INLINE double vm_erfcx_positive(double x) {
        const double near = vm_erfcx_near(x < VM_ERFCX_MAPPED ? x : VM_ERFCX_MAPPED), far = vm_erfcx_far(x);

        return x > VM_ERFCX_MAPPED ? far : near;
}

VM_INLINE double vm_erf_near_zero(double x) {
        const double z = x * x;

        return VM_TWO_BY_ROOT_PI * (x + x * (z * VM_PIECES(z, vm_erf_small)));
}

/* Neither branches: loops over them are vector code. From 28 on erfc is zero, and from 6 on erf one. */
VM_INLINE double vm_erfc(double x) {
        const double a = vm_abs(x), b = a < VM_ERFCX_MAPPED ? a : VM_ERFCX_MAPPED, near = 1.0 - vm_erf_near_zero(x);
        const double part = vm_exp_square(b, -1.0) * vm_erfcx_near(b), far = x < 0.0 ? 2.0 - part : part;

        return vm_or_nan(x, a < 0.5 ? near : far);
}

VM_INLINE double vm_erf(double x) {
        const double a = vm_abs(x), b = a < 6.0 ? a : 6.0, near = vm_erf_near_zero(a);
        const double far = 1.0 - vm_exp_square(b, -1.0) * vm_erfcx_near(b);

        return vm_or_nan(x, vm_flip(a < 1.0 ? near : far, vm_sign(x)));
}

VM_INLINE double vm_erfcx(double x) {
        const double part = vm_erfcx_positive(vm_abs(x)), below = 2.0 * vm_exp_square(x, 1.0) - part;

        return vm_or_nan(x, x < 0.0 ? below : part);
}

/* erfinv(y) / y of y^2 <= 1/4, from -1 to 1; erfcinv(e^(-s^2)) / s of (s - 3) / (s + 3), y <= 1/2. */
static const double vm_erfinv_small[] = {
        0x1.d5b68cab21ed6p-1,  0x1.12fc00eac5524p-5,  0x1.56a033eae04acp-9,  0x1.08877d2b569f5p-12,
        0x1.c499564c8ae2ep-16, 0x1.9b356decb5cd6p-19, 0x1.84ae0f0d63656p-22, 0x1.79cf225ca46e0p-25,
        0x1.76fa19d972c67p-28, 0x1.7a34496c565f2p-31, 0x1.81cc969d9928fp-34, 0x1.8e1b81f500d92p-37,
        0x1.b97bbeda3b774p-40, 0x1.d269d5d8d5f73p-43,
};
static const double vm_erfcinv_mapped[] = {
        0x1.cf51b7c467590p-1,  0x1.183b86e50a742p-2,  -0x1.5b1ac5639b64dp-2, 0x1.1d58c30bbc348p-2,
        -0x1.6d88c5c8a37aap-3, 0x1.1c8cf96c2081ep-4,  0x1.49f01e0b3a942p-6,  -0x1.3e85039d91015p-4,
        0x1.9502fd1a611e3p-4,  -0x1.6b22d7375b15fp-4, 0x1.d18e0bfe92509p-5,  -0x1.09caeb9f64c67p-6,
        -0x1.5de673ff34efep-6, 0x1.7f0cd68eaf03ap-5,  -0x1.c72f77183b975p-5, 0x1.88161083ae85ap-5,
        -0x1.cffaef5c0f67bp-6, 0x1.3066f2c6a232ap-8,  0x1.1b8b52013a690p-6,  -0x1.2f354d6263c10p-5,
        0x1.73e7ef34d6524p-5,  -0x1.69d69f9c0318dp-6, -0x1.76a8972bf68a7p-7, -0x1.5c15dbb14c587p-7,
        0x1.ab4f350e7d5bap-5,  0x1.2c5f030ea6c41p-6,  -0x1.17f6c9fe59ad7p-3, 0x1.566c4af8f79d1p-4,
        0x1.4aa71a5e65d7dp-4,  -0x1.aaddf21c76d0dp-4, 0x1.be4eedc0e9f7dp-8,  0x1.135ad1826040fp-5,
        -0x1.9532c3660f1a0p-7,
};

VM_INLINE double vm_erfinv_near_zero(double y) {
        return y * VM_PIECES(8.0 * (y * y) - 1.0, vm_erfinv_small);
}

/* 0 < y <= 1/2. */
VM_INLINE double vm_erfcinv_small(double y) {
        const double s = sqrt(-vm_log(y));

        return s * VM_PIECES((s - 3.0) / (s + 3.0), vm_erfcinv_mapped);
}

VM_INLINE double vm_erfinv(double y) {
        const double a = vm_abs(y), near = vm_erfinv_near_zero(a), far = vm_erfcinv_small(1.0 - a);
        const double x = a > 0.5 ? far : near, end = a == 1.0 ? VM_INF : VM_NAN;

        return vm_or_nan(y, vm_flip(a < 1.0 ? x : end, vm_sign(y)));
}

VM_INLINE double vm_erfcinv(double y) {
        const double rest = 1.0 - y, near = vm_erfinv_near_zero(rest), low = y < 2.0 - y ? y : 2.0 - y;
        const double far = vm_flip(vm_erfcinv_small(low), vm_sign(rest)), end = low == 0.0 ? VM_INF : VM_NAN;

        return vm_or_nan(y, low > 0.0 ? (low < 0.5 ? far : near) : vm_flip(end, vm_sign(rest)));
}

/* Dawson's integral e^(-x^2) times the integral of e^(t^2) from 0 to x, in three pieces: by x of x^2 <= 2.25, itself
 * from 1.5 to 4.5, and times 2 x of x^-2, each as a polynomial in what goes from -1 to 1 there. */
static const double vm_dawson_near[] = {
        0x1.00baaa3590741p-1,  -0x1.425ea92e15793p-2,  0x1.0c947d2073592p-3,  -0x1.4b070be7ed15dp-5,
        0x1.426463fea140bp-7,  -0x1.0310ca508263dp-9,  0x1.620f4dcf95479p-12, -0x1.a4b41763a17d4p-15,
        0x1.ba078d3e7f740p-18, -0x1.a02e1ca3a27e0p-21, 0x1.62eb472be8a69p-24, -0x1.1495fd420d092p-27,
        0x1.8cc6a0d1cfe45p-31, -0x1.07d1ff5dad939p-34, 0x1.4cf5559350fb2p-38, -0x1.79adb83a163eep-42,
};
static const double vm_dawson_between[] = {
        0x1.6d195cb25f5c5p-3,   -0x1.abc8848ab47cap-4,  0x1.1a14334d7f19dp-4,   -0x1.991fa630ddbfdp-5,
        0x1.1dd9c27f90991p-5,   -0x1.24a3c43fde682p-6,  0x1.45e0542be262bp-11,  0x1.5e1087cf6e04bp-7,
        -0x1.95477bd89887ap-7,  0x1.cc7e709ef085bp-8,   -0x1.8d8ba1a60b8a3p-11, -0x1.2773a8862b4bep-9,
        0x1.02dbc303f60bap-9,   -0x1.33bfa5c0585f7p-11, -0x1.0df3637ced7f1p-12, 0x1.5a997e2533f66p-12,
        -0x1.dc3e55155b3d7p-14, -0x1.cab156867898ep-16, 0x1.612101ae38b36p-15,  -0x1.c6426a1f42ff7p-17,
        -0x1.ccc57763794b0p-19, 0x1.2b1fbb7daeb82p-18,  -0x1.1f56370184888p-20, -0x1.180952693e90ep-21,
        0x1.85c4beb1066bep-22,  -0x1.65fbbe6d3d905p-31, -0x1.9f4eb08d1a045p-25, 0x1.53535c6804fa4p-28,
        0x1.67b1389a779dbp-29,
};
static const double vm_dawson_far[] = {
        0x1.03491536010d1p+0,   0x1.b5a8381505834p-7,   0x1.25982cf47f1dep-11,  0x1.5e05acd4830a1p-15,
        0x1.39f3daf407c78p-18,  0x1.8960ec23aef69p-21,  0x1.4cb81ef43ab79p-23,  0x1.7a10088800699p-25,
        0x1.262a7ca47b72cp-26,  0x1.37425d8eb437fp-27,  0x1.7c37824ecedd0p-28,  0x1.0ffbf50465ab1p-29,
        -0x1.41e3d8b4720ffp-29, -0x1.181e7bb7589e0p-28, -0x1.2bf96e9c4b472p-30, 0x1.15f118b49a588p-29,
        0x1.3f47256c0cf82p-30,  -0x1.53de85a371f98p-31, -0x1.e92b4a02d371cp-32, 0x1.047213f0b97d4p-33,
        0x1.372033a08c1ffp-34,  -0x1.7fb973838f702p-37,
};

VM_INLINE double vm_dawson(double x) {
        const double a = vm_abs(x), b = a > 4.5 ? a : 4.5, by = 1.0 / b;
        const double near    = a * VM_PIECES((a * a) * (2.0 / 2.25) - 1.0, vm_dawson_near);
        const double between = VM_PIECES((a - 3.0) * (1.0 / 1.5), vm_dawson_between);
        const double far     = 0.5 * by * VM_PIECES(40.5 * (by * by) - 1.0, vm_dawson_far);
        const double y       = a < 1.5 ? near : a < 4.5 ? between : far;

        return vm_or_nan(x, vm_flip(y, vm_sign(x)));
}

VM_INLINE double vm_erfi(double x) {
        const double a = vm_abs(x), y = VM_TWO_BY_ROOT_PI * vm_exp_square(a, 1.0) * vm_dawson(a);

        return vm_or_nan(x, vm_flip(a > 27.0 ? VM_INF : y, vm_sign(x)));
}

/* ---- Of complex numbers ------------------------------------------------------------------------------------------ */

VM_INLINE c128 vm_conjugate(c128 z) {
        return c128_of(RE(z), -IM(z));
}

VM_INLINE c128 vm_square(c128 z) {
        return c128_of((RE(z) - IM(z)) * (RE(z) + IM(z)), 2.0 * RE(z) * IM(z));
}

enum { VM_RULE_NODES = 12 };
#define VM_RULE_STEP 0.5116633539732443 /* sqrt(pi / 12) */

/* The squares of the rule's nodes, k and k + 1/2 steps from zero, and e to minus those; of k = 0 half is taken. */
typedef struct VmRule {
        double square[VM_RULE_NODES], weight[VM_RULE_NODES];
} VmRule;
static const VmRule vm_rules[2] = {
        { { 0.0, 0.26179938779914946, 1.0471975511965979, 2.356194490192345, 4.188790204786391, 6.544984694978736,
            9.42477796076938, 12.828170002158323, 16.755160819145566, 21.205750411731106, 26.179938779914945,
            31.677725923697082 },
          { 1.0, 0.7696654124932398, 0.350919807178411, 0.09478022484215484, 0.015164619864546569,
            0.0014373060804075315, 8.069951757030457e-05, 2.6840867930967427e-06, 5.288422116944155e-08,
            6.172478865224307e-10, 4.267731135455222e-12, 1.7479879405655e-14 } },
        { { 0.06544984694978737, 0.5890486225480862, 1.636246173744684, 3.207042500539581, 5.3014376029327765,
            7.9194314809242705, 11.061024134514064, 14.726215563702157, 18.915005768488548, 23.627394748873236,
            28.863382504856226, 34.62296903643752 },
          { 0.9366460212365959, 0.5548549101598534, 0.1947095780852903, 0.04047614460380574, 0.0049844231324685856,
            0.0003636089863893044, 1.5712969017800474e-05, 4.022405421564812e-07, 6.099824915912157e-09,
            5.479650239757524e-11, 2.916031755179497e-13, 9.192541525134364e-16 } },
};

/* x, y >= 0. */
VM_RARE c128 vm_faddeeva_quadrant(double x, double y) {
        const double h = VM_RULE_STEP, steps = x / h, phase = steps - floor(steps);
        const c128 z = c128_of(x, y), square = vm_square(z), turn = c128_of(2.0 * VM_PI * y / h, -2.0 * VM_PI * steps);
        const bool pole = y < VM_PI / h || y < x; /* the residue matters */
        /* The midpoint rule, except next to its points. */
        const bool middle  = !(y < x && phase >= 0.25 && phase <= 0.75) || !pole;
        const VmRule *rule = &vm_rules[middle];
        double part_re[VM_RULE_NODES], part_im[VM_RULE_NODES], re = 0.0, im = 0.0;
        c128 w, e;

        if (x > 0x1p30 || y > 0x1p30) /* i / (sqrt(pi) z) */
                return c128_div(c128_of(0.0, 1.0 / VM_ROOT_PI), z);
        for (int k = 0; k < VM_RULE_NODES; k++) { /* weight / (z^2 - square); vector code */
                const double d     = RE(square) - rule->square[k],
                             scale = rule->weight[k] / (d * d + IM(square) * IM(square));

                part_re[k] = d * scale;
                part_im[k] = -IM(square) * scale;
        }
        for (int k = middle ? 0 : 1; k < VM_RULE_NODES; k++) {
                re += part_re[k];
                im += part_im[k];
        }
        w = c128_mul(c128_of(-2.0 * h / VM_PI * y, 2.0 * h / VM_PI * x), c128_of(re, im));
        if (!middle) {
                e = c128_div(c128_of(0.0, h / VM_PI), z);
                w = c128_of(RE(w) + RE(e), IM(w) + IM(e));
        }
        if (pole && RE(turn) < 700.0 && RE(square) > -700.0) {
                e = c128_exp(turn);
                e = middle ? c128_of(1.0 + RE(e), IM(e)) : c128_of(1.0 - RE(e), -IM(e));
                e = c128_div(c128_exp(c128_of(-RE(square), -IM(square))), e);
                w = c128_of(RE(w) + 2.0 * RE(e), IM(w) + 2.0 * IM(e));
        }
        return w;
}

VM_RARE c128 vm_faddeeva(c128 z) {
        const double x = RE(z), y = IM(z);
        c128 w, e;

        if (x != x || y != y)
                return c128_of(VM_NAN, VM_NAN);
        if (vm_abs(x) == VM_INF && vm_abs(y) < VM_INF)
                return c128_of(0.0, vm_flip(0.0, vm_sign(x)));
        w = vm_faddeeva_quadrant(vm_abs(x), vm_abs(y));
        if (y < 0.0) { /* 2 e^(-z^2) - w(-z), and w of the conjugate is the conjugate of w(-z) */
                e = vm_square(c128_of(vm_abs(x), -y));
                e = c128_exp(c128_of(-RE(e), -IM(e)));
                w = c128_of(2.0 * RE(e) - RE(w), IM(w) - 2.0 * IM(e));
                return c128_of(RE(w), x < 0.0 ? -IM(w) : IM(w));
        }
        return c128_of(RE(w), x < 0.0 ? -IM(w) : IM(w));
}

/* S and C: the integrals of sin and cos(pi t^2 / 2) from 0 to x. Below VM_FRESNEL_FAR by x^3 and x polynomials of x^4;
 * beyond, of the angle pi x^2 / 2 and of f and g, which change slowly (DLMF 7.5.3): times pi x and pi^2 x^3 they are
 * polynomials of x^-2. */
#define VM_FRESNEL_FAR 1.6
static const double vm_fresnel_s[] = {
        0x1.27dfb864472fcp-2,  -0x1.68b9cec812851p-3,  0x1.9ab06bfabf53ep-5,  -0x1.f3fe0eb38fbf3p-8,
        0x1.767699ba49426p-11, -0x1.7ae7955d14c5cp-15, 0x1.1431e077c3b7dp-19, -0x1.2fd845c99be1bp-24,
        0x1.05366817e9a45p-29, -0x1.68eab507fb541p-35, 0x1.97211af905525p-41,
};
static const double vm_fresnel_c[] = {
        0x1.c619e2233a323p-2,  -0x1.663b2c010fafdp-2,  0x1.54e01957bae73p-3,  -0x1.23da7e47495e6p-5,
        0x1.1901a7bc51d7fp-8,  -0x1.5ad806f8f37a6p-12, 0x1.2a08fd82c1504p-16, -0x1.79547f1227608p-21,
        0x1.6ebaa6f68cbc3p-26, -0x1.1a519e3b71fd6p-31, 0x1.611adc6abbe3dp-37, -0x1.6b9b0cc145bd3p-43,
};
static const double vm_fresnel_f[] = {
        0x1.faacc77ecf9ebp-1,   -0x1.35d28ceebb928p-6,  -0x1.a1b11470395d6p-8,  0x1.0d68b681f0fe9p-9,
        -0x1.1b6f44093aa21p-12, -0x1.4b611475a88cdp-14, 0x1.39920bcf83dc5p-14,  -0x1.1249a95bd3abfp-15,
        0x1.1eb00e52be744p-17,  0x1.693ea0fb3b3a3p-22,  -0x1.2050c1847a45fp-19, 0x1.c62e26fb854bep-20,
        -0x1.ec19a42b06932p-21, 0x1.82b3f3fabd845p-22,  -0x1.e2cc0978a1453p-25, -0x1.590b9c2d42e78p-25,
        0x1.403dd687bf243p-26,  -0x1.799ac1c6853f4p-25, 0x1.d53d32fbdff54p-24,  -0x1.2c4da7e85466cp-25,
        -0x1.74a5c2dca3ea3p-24, 0x1.d900ce3b2fc07p-26,  0x1.3d70bffc83914p-24,  -0x1.c592e2db7683bp-26,
        -0x1.49b831b1b26e2p-25, 0x1.3413ed8a45184p-26,  0x1.f826e0c5d90e8p-28,  -0x1.194a4be8c78dfp-28,
};
static const double vm_fresnel_g[] = {
        0x1.e74f9eafe3e59p-1,   -0x1.50ca2ecf1b53dp-4,  -0x1.400ed0aad762cp-6,  0x1.909b6e62642dfp-7,
        -0x1.a66b82e3475cdp-9,  0x1.d6b249e4991efp-16,  0x1.0d8cd90ff687bp-11,  -0x1.72f19b2264b36p-12,
        0x1.3d4fc2abf6c05p-13,  -0x1.32eec4a24889fp-15, -0x1.098be25c1552dp-17, 0x1.1df8c11b26b3cp-16,
        -0x1.c15d431be558fp-17, 0x1.fbc99c9a1c293p-18,  -0x1.d33cd9cb921d2p-19, 0x1.42b04ac2b3e5ep-20,
        0x1.f7b3f52a776bbp-21,  -0x1.ea48c60a6c5b2p-20, -0x1.dd74fb76db997p-21, 0x1.2636f88185b40p-19,
        0x1.63321b2817319p-19,  -0x1.162b2e270e5a4p-18, -0x1.7bae1563d0f74p-19, 0x1.3257a9814b25bp-18,
        0x1.34320f1721e32p-19,  -0x1.e061504074d12p-19, -0x1.48d2f2b88c3c8p-20, 0x1.fd3b0ebd3b7cap-20,
        0x1.67cb925b63772p-22,  -0x1.31be9e2c51168p-21, -0x1.2104f5f2dceedp-25, 0x1.3303736908f90p-24,
};

VM_INLINE void vm_fresnel(double x, double *ret_s, double *ret_c) {
        const double a = vm_abs(x), z = a * a, t = (z * z) * (2.0 / 6.5536) - 1.0;
        const double near_s = a * z * VM_PIECES(t, vm_fresnel_s), near_c = a * VM_PIECES(t, vm_fresnel_c);
        /* Where 1 / x is nothing beside 1/2 the angle is any. */
        const double b = a > VM_FRESNEL_FAR ? a : VM_FRESNEL_FAR, c = b < 0x1p60 ? b : 0x1p60, by = 1.0 / b;
        const double u = by * by, v = 5.12 * u - 1.0, f = by * (1.0 / VM_PI) * VM_PIECES(v, vm_fresnel_f);
        const double g = by * u * (1.0 / (VM_PI * VM_PI)) * VM_PIECES(v, vm_fresnel_g);
        /* x^2 in quarters of a turn: whole turns are taken off exactly, of both parts of the square. */
        const double square = c * c, rest = vm_product_rest(c, c, square), turn = square - 4.0 * floor(0.25 * square);
        const double quarters = turn + VM_ROUND, r = 0.5 * VM_PI * ((turn - (quarters - VM_ROUND)) + rest);
        const uint64_t k   = vm_bits(quarters);
        const double sin_r = vm_trig_sin(r), cos_r = vm_trig_cos(r);
        const double sine   = vm_flip(vm_odd(k, cos_r, sin_r), (k << 62) & VM_SIGN);
        const double cosine = vm_flip(vm_odd(k, sin_r, cos_r), ((k + 1) << 62) & VM_SIGN);
        const double s      = a < VM_FRESNEL_FAR ? near_s : 0.5 - (f * cosine + g * sine);
        const double far_c  = 0.5 + (f * sine - g * cosine);

        *ret_s = vm_or_nan(x, vm_flip(s, vm_sign(x)));
        *ret_c = vm_or_nan(x, vm_flip(a < VM_FRESNEL_FAR ? near_c : far_c, vm_sign(x)));
}

/* The integral of e^(i t^2) from x to infinity, and K of it: e^(-i (x^2 + pi / 4)) / sqrt(pi) times that, w / 2. */
VM_RARE c128 vm_modfresnel(double x, c128 *ret_k) {
        const double root_half = 0.7071067811865476;
        const c128 w           = vm_faddeeva(c128_of(root_half * x, root_half * x));
        const double c = vm_cos(x * x), s = vm_sin(x * x);
        const c128 turn = c128_of(root_half * (c - s), root_half * (c + s)), f = c128_mul(turn, w);

        *ret_k = c128_of(0.5 * RE(w), 0.5 * IM(w));
        return c128_of(0.5 * VM_ROOT_PI * RE(f), 0.5 * VM_ROOT_PI * IM(f));
}

/* A normal distribution of deviation sigma, folded with a Cauchy distribution of half width gamma. */
VM_RARE double vm_voigt(double x, double sigma, double gamma) {
        const double scale = 1.0 / (sigma * 1.4142135623730951);

        if (sigma == 0.0 && gamma == 0.0)
                return x == 0.0 ? VM_INF : x != x ? x + x : 0.0;
        if (gamma == VM_INF && vm_abs(x) < VM_INF)
                return 0.0;
        if (gamma == 0.0)
                return vm_exp_square(x * scale, -1.0) * scale / VM_ROOT_PI;
        if (sigma == 0.0)
                return gamma / VM_PI / (x * x + gamma * gamma);
        return RE(vm_faddeeva(c128_of(x * scale, gamma * scale))) * scale / VM_ROOT_PI;
}
