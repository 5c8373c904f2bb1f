/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the Fourier transforms share: ops/fft.c writes them as graphs of fft_block (ops/fft-block.c), which transforms
 * along the last axis, whole lines in one task. */
#include "graph/graph.h"

typedef enum FftKind {
        FFT_COMPLEX,   /* n numbers into n complex ones */
        FFT_REAL,      /* n real numbers into the first n / 2 + 1 of their spectrum: the others are conjugates */
        FFT_HERMITIAN, /* and back */
} FftKind;

typedef struct FftBlockParams {
        int64_t kind;
        int64_t n;    /* length of the transform: lines are filled up with zeros */
        bool inverse; /* exp(+2 pi i …) */
        double scale;
        /* Of a transform of so many numbers this is a part (0: of none): number k of the line at place j of the axis
         * before is multiplied by root j k. */
        int64_t whole;
} FftBlockParams;

/* exp(-pi i k^2 / n) times a factor, for k = 0 … n - 1. If there are more elements, the last ones are the same for
 * k = n - 1 … 1, and those between are 0. */
typedef struct ChirpParams {
        SourceParams source;
        int64_t n;
        bool conjugated;
        double scale;
} ChirpParams;
