/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Airy's functions, their derivatives and their integrals from zero to x.
 *
 * Both functions solve y'' = t y, so their Taylor series around any place follow from y and y' there, and so do those
 * of the derivative and of the integral. Up to VM_ANCHORS the nearest whole number is such a place: it is at most 1/2
 * away, and VM_ANCHOR_TERMS terms are exact. Ai decreases, so that Bi's part of an error would grow beside it: from
 * VM_AIRY_MAPPED on it and its derivative are e^-zeta by powers of x, times polynomials of 1 / zeta,
 * zeta = 2/3 |x|^(3/2).
 *
 * Beyond the anchors functions are Bessel's of zeta and orders of thirds, and the asymptotic series of the functions
 * (DLMF 9.7) are integrated term by term: with their coefficients u[k], those of the integral are
 * c[k] = u[k] + (k - 1/2) c[k - 1]; there zeta is above 42, and the smallest term below 2^-56. The numbers at the
 * anchors are mpmath's. */
#include "ops/math-bessel.h"

enum { VM_ANCHORS = 16, VM_ANCHOR_TERMS = 26, VM_ITAIRY_TERMS = 60 };
#define VM_AIRY_MAPPED 2.0

typedef struct VmAnchor {
        double value, slope, integral;
} VmAnchor;

typedef struct VmAiry {
        double value, slope;
} VmAiry;

typedef struct VmItairy {
        double ai, bi;
} VmItairy;

/* Of Ai and of Bi, at -VM_ANCHORS … VM_ANCHORS. */
static const VmAnchor vm_airy_anchors[2 * VM_ANCHORS + 1][2] = {
        { { -0.1430579316690997, -0.9747644416212727, -0.6063312309492462 },
          { 0.2431231514282272, -0.5684556059761354, 0.03645907154167764 } },
        { { 0.2782174908708289, 0.272374204308642, -0.6835806283619359 },
          { -0.06912659453101005, 1.0764297530843747, -0.07202621431290852 } },
        { { -0.2659834827840778, 0.44302487700284365, -0.6996415521551229 },
          { -0.11966555279762452, -0.9974118189493335, 0.07058336488728588 } },
        { { 0.17151043937053703, -0.8715196778799533, -0.5986759619335067 },
          { 0.2426132290926272, 0.6230972488192877, -0.04645687817794714 } },
        { { -0.06655517505437313, 1.0231104533679707, -0.7522883891661012 },
          { -0.2957199120780731, -0.23673219783112331, 0.01766081903155463 } },
        { { -0.008759589255702381, -1.0273278736645794, -0.5734835018585489 },
          { 0.3096547674267819, -0.022022995314464465, 0.004543256554671069 } },
        { { 0.04024123848644319, 0.99626504413279, -0.7656984031342129 },
          { -0.3146798296438386, 0.11941411339990923, -0.015040424806140021 } },
        { { -0.022133721547341403, -0.9756639809263316, -0.5588197489447188 },
          { 0.3249473234552449, -0.05740051384366925, 0.010330373551680197 } },
        { { -0.0527050503563862, 0.9355609381983065, -0.7839825965711773 },
          { -0.33125158075113786, -0.1594504978129814, 0.014756446293227662 } },
        { { 0.18428083525050565, -0.7710081684101265, -0.5534516681263181 },
          { 0.293762071854414, 0.4982445900581135, -0.06491674126616585 } },
        { { -0.3291451736298231, 0.3459354872813429, -0.7326752562674856 },
          { -0.14669837667055705, -0.812898785105067, 0.1303810644524539 } },
        { { 0.35076100902411433, 0.32719281855444315, -0.7178822045478277 },
          { -0.13836913490160058, 0.7784117730018992, -0.15873093858143864 } },
        { { -0.07026553294928951, -0.7906285753685813, -0.47800749642926166 },
          { 0.3922347057069993, -0.1166705674383409, 0.05076005849528754 } },
        { { -0.37881429367765806, 0.3145837692165988, -0.8014628426713235 },
          { -0.19828962637492653, -0.6756112226852585, 0.19544248951370605 } },
        { { 0.22740742820168558, 0.618259020741691, -0.9017728260386064 },
          { -0.4123025879563985, 0.2787951669211695, -0.19354740799810316 } },
        { { 0.5355608832923521, -0.01016056711664521, -0.4656739834670686 },
          { 0.1039973894969446, 0.5923756264227924, -0.37300500963429495 } },
        { { 0.3550280538878172, -0.2588194037928068, 0.0 }, { 0.6149266274460007, 0.4482883573538264, 0.0 } },
        { { 0.13529241631288141, -0.1591474412967932, 0.2363173419171098 },
          { 1.2074235949528713, 0.9324359333927756, 0.8727691167380082 } },
        { { 0.03492413042327438, -0.05309038443365363, 0.3125327557806797 },
          { 3.2980949999782148, 4.10068204993289, 2.8734082599825452 } },
        { { 0.006591139357460719, -0.011912976705951319, 0.3299203760070218 },
          { 14.037328963730232, 22.92221496638217, 10.062003031306201 } },
        { { 0.0009515638512048018, -0.001958640950204179, 0.3328926453861221 },
          { 83.84707140846814, 161.9266835046134, 48.21947526380343 } },
        { { 0.00010834442813607442, -0.0002474138908684625, 0.33328759030591787 },
          { 657.7920441711711, 1435.8190802179824, 321.47831857046515 } },
        { { 9.947694360252889e-06, -2.4765200397034955e-05, 0.33332945170523853 },
          { 6536.446104809864, 15725.602621930477, 2838.369692679631 } },
        { { 7.492128863997167e-07, -2.008150894738792e-06, 0.3333330603569233 },
          { 80327.79070943025, 209552.6708739713, 31806.43844834043 } },
        { { 4.6922076160992316e-08, -1.3414392979067865e-07, 0.33333331724248355 },
          { 1199586.00412446, 3354342.3127445388, 440065.2580490418 } },
        { { 2.47116843087249e-09, -7.480641389658946e-09, 0.33333333253066366 },
          { 21472868.891435347, 63807489.78090821, 7377921.170522001 } },
        { { 1.1047532552898686e-10, -3.5206336767389237e-10, 0.33333333329916903 },
          { 455641153.54822516, 1429236134.4828658, 147809803.1074067 } },
        { { 4.2262758649603595e-12, -1.4111441246628517e-11, 0.33333333333208365 },
          { 11355782530.430477, 37400168196.92698, 3499633936.985429 } },
        { { 1.3931846888753607e-13, -4.854736554985309e-13, 0.3333333333332938 },
          { 329807225829.07416, 1135507502443.3708, 97037614223.61343 } },
        { { 3.981776078833335e-15, -1.4432080573972625e-14, 0.33333333333333226 },
          { 11086706719059.404, 39757544969908.34, 3126927406710.635 } },
        { { 9.920205491192377e-17, -3.729310110017901e-16, 0.3333333333333333 },
          { 428805361786534.1, 1596691411588002.8, 116327376388098.78 } },
        { { 2.1649625207379925e-18, -8.420567954017772e-18, 0.3333333333333333 },
          { 1.8982099567493588e+16, 7.319749203407011e+16, 4967308973718507.0 } },
        { { 4.1568888289170244e-20, -1.669188676838181e-19, 0.3333333333333333 },
          { 9.572123906049187e+17, 3.8137435071218627e+18, 2.4222240920965923e+17 } },
};

/* Of 1 / zeta from 0 to zeta(VM_AIRY_MAPPED)^-1, as -1 to 1: Ai e^zeta 2 sqrt(pi) x^(1/4), -Ai' e^zeta 2 sqrt(pi)
 * x^(-1/4). */
static const double vm_airy_value[] = {
        0x1.f7a4cf9aff946p-1,  -0x1.deda93a68b5dep-7,  0x1.7276586a11385p-10,  -0x1.ddd739ca18bc1p-13,
        0x1.968a3b6efc38dp-15, -0x1.9e8b6af132636p-17, 0x1.e18ccb0347449p-19,  -0x1.34f9092edd4f4p-20,
        0x1.ad3c7de4413b8p-22, -0x1.3e41de24e2948p-23, 0x1.f07119e80113ep-25,  -0x1.94054cec45365p-26,
        0x1.6dbd9c4b3da7dp-27, -0x1.5d4ef2e49daa0p-28, 0x1.45c7a57016692p-30,  -0x1.203960d88530bp-34,
        0x1.814d492993ab3p-30, -0x1.2a32f14cbb1e4p-30, -0x1.082eba9000384p-31, 0x1.d1813188e0bc0p-32,
        0x1.d528d9531294bp-33, -0x1.43cb63a27e512p-33,
};
static const double vm_airy_slope[] = {
        0x1.05f57e9290b56p+0,   0x1.5b8e3cb3fa275p-6,  -0x1.c4d93c10b5163p-10, 0x1.13a8be860decap-12,
        -0x1.c7723c1236d98p-15, 0x1.c81cf6e0d95a1p-17, -0x1.05af9e0f47ff2p-18, 0x1.4cd0630e28f79p-20,
        -0x1.cb331d0a20e16p-22, 0x1.52a1fbc2002d9p-23, -0x1.06f8b658b7f0cp-24, 0x1.aa5ac2b0cbb01p-26,
        -0x1.805de1e40bc06p-27, 0x1.6f212348f561bp-28, -0x1.59b4322c4ded5p-30, 0x1.e866ceaa1468fp-35,
        -0x1.8e04748b7e664p-30, 0x1.398f26a8f8c82p-30, 0x1.0f37c99961be3p-31,  -0x1.e9328b946d0b8p-32,
        -0x1.e3d3c15b4b791p-33, 0x1.51c030ff7949ap-33,
};

/* 1 / (k (k - 1)) and 1 / (k + 1). */
static const double vm_anchor_up[VM_ANCHOR_TERMS] = {
        0.0,         0.0,         1.0 / 2.0,   1.0 / 6.0,   1.0 / 12.0,  1.0 / 20.0,  1.0 / 30.0,
        1.0 / 42.0,  1.0 / 56.0,  1.0 / 72.0,  1.0 / 90.0,  1.0 / 110.0, 1.0 / 132.0, 1.0 / 156.0,
        1.0 / 182.0, 1.0 / 210.0, 1.0 / 240.0, 1.0 / 272.0, 1.0 / 306.0, 1.0 / 342.0, 1.0 / 380.0,
        1.0 / 420.0, 1.0 / 462.0, 1.0 / 506.0, 1.0 / 552.0, 1.0 / 600.0,
};
static const double vm_anchor_integral[VM_ANCHOR_TERMS] = {
        1.0,        1.0 / 2.0,  1.0 / 3.0,  1.0 / 4.0,  1.0 / 5.0,  1.0 / 6.0,  1.0 / 7.0,  1.0 / 8.0,  1.0 / 9.0,
        1.0 / 10.0, 1.0 / 11.0, 1.0 / 12.0, 1.0 / 13.0, 1.0 / 14.0, 1.0 / 15.0, 1.0 / 16.0, 1.0 / 17.0, 1.0 / 18.0,
        1.0 / 19.0, 1.0 / 20.0, 1.0 / 21.0, 1.0 / 22.0, 1.0 / 23.0, 1.0 / 24.0, 1.0 / 25.0, 1.0 / 26.0,
};

VM_INLINE double vm_anchor_of(double x) {
        const double place = floor(x + 0.5);

        return place > VM_ANCHORS ? VM_ANCHORS : place < -VM_ANCHORS ? -VM_ANCHORS : place;
}

/* At place + h. `here` is the coefficient of h^k times h^(k - 1), as are those before it. */
VM_INLINE VmAnchor vm_from_anchor(double place, double h, bool second) {
        const VmAnchor *at = &vm_airy_anchors[(int) place + VM_ANCHORS][second];
        const double h2 = h * h, u = place * h2, v = h2 * h;
        double third = at->slope, two = 0.5 * (place * at->value) * h;
        double one = (place * at->slope + at->value) * h2 * (1.0 / 6.0);
        double sum = third + two + one, slope = third + 2.0 * two + 3.0 * one;
        double integral = third * vm_anchor_integral[1] + two * vm_anchor_integral[2] + one * vm_anchor_integral[3];

#pragma GCC unroll 32
        for (int k = 4; k < VM_ANCHOR_TERMS; k++) {
                const double here = (u * two + v * third) * vm_anchor_up[k];

                sum += here;
                slope += k * here;
                integral += here * vm_anchor_integral[k];
                third = two;
                two   = one;
                one   = here;
        }
        return (VmAnchor) { at->value + h * sum, slope, at->integral + h * (at->value + h * integral) };
}

/* Ai, or Bi; scaled: times e^zeta, or e^-zeta. */
VM_RARE VmAiry vm_airy_far(double x, bool second, bool scaled) {
        const double a = vm_abs(x), root = sqrt(a), zeta = 2.0 / 3.0 * a * root, root3 = 1.7320508075688772;
        VmAiry ret;

        if (x != x)
                return (VmAiry) { VM_NAN, VM_NAN };
        if (x == VM_INF)
                return second && !scaled ? (VmAiry) { VM_INF, VM_INF } : (VmAiry) { 0.0, second ? VM_INF : -0.0 };
        if (x < 0.0) {
                VmBessel third, two;

                if (x == -VM_INF)
                        return (VmAiry) { 0.0, VM_NAN };
                third = vm_bessel_jy(1.0 / 3.0, zeta);
                two   = vm_bessel_jy(2.0 / 3.0, zeta);
                if (second)
                        return (VmAiry) { -0.5 * root * (third.first / root3 + third.second),
                                          0.5 * a * (two.first / root3 - two.second) };
                return (VmAiry) { 0.5 * root * (third.first - third.second / root3),
                                  0.5 * a * (two.first + two.second / root3) };
        }
        if (second) {
                const double third = vm_bessel_i(1.0 / 3.0, zeta), two = vm_bessel_i(2.0 / 3.0, zeta);
                const double factor = scaled ? 1.0 : vm_exp(0.5 * zeta); /* K's part is nothing beside it */

                ret = (VmAiry) { root / root3 * 2.0 * third * factor, x / root3 * 2.0 * two * factor };
                return (VmAiry) { ret.value * factor, ret.slope * factor };
        }
        {
                const double factor = scaled ? 1.0 : vm_exp(-zeta);

                return (VmAiry) { root / root3 / VM_PI * vm_bessel_k(1.0 / 3.0, zeta) * factor,
                                  -x / root3 / VM_PI * vm_bessel_k(2.0 / 3.0, zeta) * factor };
        }
}

VM_RARE VmAiry vm_airy(double x, bool second, bool scaled) {
        const double a = vm_abs(x), zeta = 2.0 / 3.0 * a * sqrt(a), place = vm_anchor_of(x);

        if (scaled && !second && x < 0.0)
                return (VmAiry) { VM_NAN, VM_NAN };
        if (!second && x >= VM_AIRY_MAPPED && x < VM_INF) {
                const double t     = (2.0 * VM_AIRY_MAPPED * 0.9428090415820634) / zeta - 1.0; /* 2 sqrt(2) / 3 */
                const double scale = (scaled ? 1.0 : vm_exp(-zeta)) * (0.5 / VM_ROOT_PI), fourth = sqrt(sqrt(x));

                return (VmAiry) { scale / fourth * VM_PIECES(t, vm_airy_value),
                                  -scale * fourth * VM_PIECES(t, vm_airy_slope) };
        }
        if (!(a <= VM_ANCHORS + 0.5))
                return vm_airy_far(x, second, scaled);
        {
                const VmAnchor there = vm_from_anchor(place, x - place, second);
                const double factor  = scaled && x > 0.0 ? vm_exp(second ? -zeta : zeta) : 1.0;

                return (VmAiry) { factor * there.value, factor * there.slope };
        }
}

/* The sums of c[k] / zeta^k of the even and of the odd k, of which each second is turned where `turn` is -1. */
VM_RARE void vm_itairy_sums(double zeta, double turn, double *ret_even, double *ret_odd) {
        double u = 1.0, c = 1.0, power = 1.0, least = 1.0, even = 1.0, odd = 0.0;

        for (int k = 1; k < VM_ITAIRY_TERMS; k++) {
                double term;

                u *= (6.0 * k - 5.0) * (6.0 * k - 3.0) * (6.0 * k - 1.0) / (216.0 * k * (2.0 * k - 1.0));
                c = u + (k - 0.5) * c;
                power /= zeta;
                term = c * power;
                if (term > least || term < 0x1p-58)
                        break;
                least = term;
                *(k & 1 ? &odd : &even) += (k & 2) == 0 ? term : turn * term;
        }
        *ret_even = even;
        *ret_odd  = odd;
}

VM_RARE VmItairy vm_itairy(double x) {
        const double a = vm_abs(x), root = sqrt(a), zeta = 2.0 / 3.0 * a * root;
        double even, odd, scale;

        if (x != x)
                return (VmItairy) { x + x, x + x };
        if (a <= VM_ANCHORS + 0.5) {
                const double place = vm_anchor_of(x), h = x - place;

                return (VmItairy) { vm_from_anchor(place, h, false).integral, vm_from_anchor(place, h, true).integral };
        }
        if (a == VM_INF)
                return x > 0.0 ? (VmItairy) { 1.0 / 3.0, VM_INF } : (VmItairy) { -2.0 / 3.0, 0.0 };
        scale = 1.0 / (sqrt(VM_PI * a) * sqrt(root));
        if (x > 0.0) {
                const double half = vm_exp(0.5 * zeta);

                vm_itairy_sums(zeta, 1.0, &even, &odd);
                return (VmItairy) { 1.0 / 3.0 - 0.5 * scale * vm_exp(-zeta) * (even - odd),
                                    scale * half * (even + odd) * half };
        }
        {
                const double c = vm_cos(zeta), s = vm_sin(zeta), half = 0.7071067811865476;
                const double cosine = half * (c - s), sine = half * (c + s); /* of zeta + pi / 4 */

                vm_itairy_sums(zeta, -1.0, &even, &odd);
                return (VmItairy) { scale * (cosine * even + sine * odd) - 2.0 / 3.0,
                                    scale * (cosine * odd - sine * even) };
        }
}
