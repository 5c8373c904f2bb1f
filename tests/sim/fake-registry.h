/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of operators has one entry: `fake`. The linker puts this in the place of lib/ops/registry.c
 * (tests/meson.build, `wrapped`), so that graphs of fake operators are encoded and decoded like any other. */
#include "sim/fake-plan.h"

uint32_t __wrap_op_count(void);
const Op *__wrap_op_find(const char *name);
uint32_t __wrap_op_id(const Op *op);

uint32_t __wrap_op_count(void) {
        return 1;
}

const Op *__wrap_op_find(const char *name) {
        return strcmp(name, fake_op.name) == 0 ? &fake_op : NULL;
}

uint32_t __wrap_op_id(_unused_ const Op *op) {
        return 0;
}
