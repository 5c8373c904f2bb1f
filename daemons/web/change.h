/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What turns one answer into the next, for who has the one: pure, of two texts of JSON. A change is an object:
 *
 *         {}                          nothing has changed
 *         {"now": V}                  it is V from now on
 *         {"set": {NAME: V}, "in": {NAME: CHANGE}}
 *                                     of an object: fields that have another value, and fields with changes in them
 *         {"rows": [{"key": K, CHANGE…}], "drop": [K], "add": [{"at": N, "row": V}]}
 *                                     of a list of rows. Those of drop go, rows are changed, and those of add are put
 *                                     in, each where it stands in the end: in this order
 *         {"shift": N, "append": [V]} of any other list, such as a history: the first N go, and these come at the end
 *
 * A row is an object, and its key is the value of its first field, which no other row of the list has. Each member is
 * there only if it says something. */
#include <stddef.h>

enum {
        CHANGE_LARGE = 1, /* it would be no shorter than the answer itself, or one of them is not JSON */
};
/* 0, and the caller frees *ret; CHANGE_LARGE; or -ENOMEM. */
int change_make(const char *before, const char *now, char **ret, size_t *ret_bytes);
