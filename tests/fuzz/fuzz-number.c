/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in text: what is read as one is the double that strtod() has for it, to the bit; and what Python would not
 * take for one is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[NUMBER_MAX], *stop;
        double got, want;
        char element[16];

        for (DType t = DTYPE_I8; t <= DTYPE_F64; t++)
                number_of((const char *) data, (const char *) data + size, t, element);
        if (!number_f64((const char *) data, (const char *) data + size, &got) || size >= sizeof(text))
                return 0;
        assert(size > 0 && !memchr(data, 'x', size) && !memchr(data, ' ', size) && !memchr(data, 0, size));
        memcpy(text, data, size);
        text[size] = '\0';
        want       = strtod(text, &stop);
        assert(stop == text + size);
        assert((isnan(got) && isnan(want)) || memcmp(&got, &want, sizeof(got)) == 0);
        return 0;
}
