/* SPDX-License-Identifier: Apache-2.0 */
/* Two-level segregated fit (Masmano and others, 2004): free extents are in lists by size, eight lists for every power
 * of two, and bitmaps say which lists are not empty. Among those of its own list a request looks a little for one that
 * fits, since chunks of one tensor have one size; any extent of a higher list fits. */
#include <string.h>

#include "io/extents.h"

enum {
        PARTS_SHIFT = 3,
        PARTS       = 1 << PARTS_SHIFT, /* lists for each power of two */
        POWERS      = 64,
        LOOKS       = 16,               /* extents of the list of its own size that a request looks at */
        SLAB        = 256,              /* descriptions are taken from the system so many at a time */
};

typedef struct Bins {
        uint64_t powers;        /* which powers of two have a list that is not empty */
        uint8_t parts[POWERS];  /* which of their lists */
        Extent *list[POWERS][PARTS];
        uint64_t size_bytes;
} Bins;

typedef struct ExtentSlab {
        struct ExtentSlab *next;
        Extent extent[SLAB];
} ExtentSlab;

struct Extents {
        Bins bins[EXTENT_USED]; /* by kind */
        uint64_t used_bytes;
        Extent *first, *last, *unused;
        ExtentSlab *slabs;
};

/* Where a size belongs: the power of two, and which eighth of the way to the next one. */
static void bin_of(uint64_t size_bytes, unsigned *ret_power, unsigned *ret_part) {
        const uint64_t n     = size_bytes / EXTENT_BYTES;
        const unsigned power = 63 - (unsigned) __builtin_clzll(n);

        *ret_power = power;
        *ret_part  = (unsigned) (power < PARTS_SHIFT ? n << (PARTS_SHIFT - power) : n >> (power - PARTS_SHIFT)) % PARTS;
}

static void bin_add(Extents *e, Extent *x, ExtentKind kind) {
        Bins *bins = &e->bins[kind];
        unsigned power, part;

        bin_of(x->size_bytes, &power, &part);
        x->kind = kind;
        x->prev = NULL;
        x->next = bins->list[power][part];
        if (x->next)
                x->next->prev = x;
        bins->list[power][part] = x;
        bins->parts[power] |= (uint8_t) (1 << part);
        bins->powers |= UINT64_C(1) << power;
        bins->size_bytes += x->size_bytes;
}

static void bin_remove(Extents *e, Extent *x) {
        Bins *bins = &e->bins[x->kind];
        unsigned power, part;

        bin_of(x->size_bytes, &power, &part);
        if (x->next)
                x->next->prev = x->prev;
        if (x->prev)
                x->prev->next = x->next;
        else if (!(bins->list[power][part] = x->next)) {
                bins->parts[power] &= (uint8_t) ~(1 << part);
                if (!bins->parts[power])
                        bins->powers &= ~(UINT64_C(1) << power);
        }
        bins->size_bytes -= x->size_bytes;
}

static Extent *bin_find(const Bins *bins, uint64_t size_bytes) {
        unsigned power, part, n = 0;
        uint64_t above;

        bin_of(size_bytes, &power, &part);
        for (Extent *x = bins->list[power][part]; x && n < LOOKS; x = x->next, n++)
                if (x->size_bytes >= size_bytes)
                        return x;
        above = bins->parts[power] >> (part + 1);
        if (above)
                return bins->list[power][part + 1 + (unsigned) __builtin_ctzll(above)];
        above = power < POWERS - 1 ? bins->powers >> (power + 1) : 0;
        if (!above)
                return NULL;
        power += 1 + (unsigned) __builtin_ctzll(above);
        return bins->list[power][__builtin_ctz(bins->parts[power])];
}

/* ---- Descriptions ----------------------------------------------------------------------------------------------- */

static void extent_unused(Extents *e, Extent *x) {
        x->next   = e->unused;
        e->unused = x;
}

static Extent *extent_new(Extents *e) {
        Extent *x;

        if (!e->unused) {
                ExtentSlab *slab = malloc(sizeof(*slab));

                if (!slab)
                        return NULL;
                slab->next = e->slabs;
                e->slabs   = slab;
                for (unsigned k = 0; k < SLAB; k++)
                        extent_unused(e, &slab->extent[k]);
        }
        x         = e->unused;
        e->unused = x->next;
        return x;
}

int extents_new(Extents **ret, uint64_t limit_bytes, Error *err) {
        _cleanup_(extents_freep) Extents *e = calloc(1, sizeof(*e));

        assert(limit_bytes >= EXTENT_BYTES);
        if (!e || !(e->first = extent_new(e)))
                return error_oom(err, sizeof(*e));
        *e->first = (Extent) { .size_bytes = limit_bytes / EXTENT_BYTES * EXTENT_BYTES };
        e->last = e->first;
        bin_add(e, e->first, EXTENT_HOLE);
        *ret = TAKE_PTR(e);
        return 0;
}

Extents *extents_free(Extents *e) {
        if (!e)
                return NULL;
        for (ExtentSlab *next; e->slabs; e->slabs = next) {
                next = e->slabs->next;
                free(e->slabs);
        }
        free(e);
        return NULL;
}

/* ---- Taking and giving ------------------------------------------------------------------------------------------ */

/* Cuts x, which is in no list, after its first bytes. NULL: no memory for the description of the rest. */
static Extent *extent_cut(Extents *e, Extent *x, uint64_t size_bytes) {
        Extent *rest = extent_new(e);

        if (!rest)
                return NULL;
        *rest = (Extent) {
                .offset     = x->offset + size_bytes,
                .size_bytes = x->size_bytes - size_bytes,
                .before     = x,
                .after      = x->after,
        };
        if (rest->after)
                rest->after->before = rest;
        else
                e->last = rest;
        x->after      = rest;
        x->size_bytes = size_bytes;
        return rest;
}

static void extent_use(Extents *e, Extent *x) {
        x->kind = EXTENT_USED;
        x->prev = x->next = NULL;
        e->used_bytes += x->size_bytes;
}

int extents_take(Extents *e, ExtentKind from, uint64_t size_bytes, Extent **ret) {
        Extent *x, *rest;

        assert(from < EXTENT_USED && size_bytes > 0 && size_bytes % EXTENT_BYTES == 0);
        x = bin_find(&e->bins[from], size_bytes);
        if (!x)
                return EXTENTS_NONE;
        bin_remove(e, x);
        if (x->size_bytes > size_bytes) {
                rest = extent_cut(e, x, size_bytes);
                if (!rest) {
                        bin_add(e, x, from);
                        return -ENOMEM;
                }
                bin_add(e, rest, from);
        }
        extent_use(e, x);
        *ret = x;
        return 0;
}

int extents_take_at(Extents *e, uint64_t offset, uint64_t size_bytes, Extent **ret) {
        Extent *x = e->last, *head, *tail;
        uint64_t end;

        if (size_bytes == 0 || offset % EXTENT_BYTES != 0 || size_bytes % EXTENT_BYTES != 0 ||
            __builtin_add_overflow(offset, size_bytes, &end))
                return EXTENTS_NONE;
        while (x && x->offset > offset) /* what is put back in order lies near the end */
                x = x->before;
        if (!x || x->kind != EXTENT_HOLE || x->offset > offset || x->offset + x->size_bytes < end)
                return EXTENTS_NONE;
        bin_remove(e, x);
        if (x->offset < offset) {
                head = x;
                x    = extent_cut(e, head, offset - head->offset);
                if (!x) {
                        bin_add(e, head, EXTENT_HOLE);
                        return -ENOMEM;
                }
                bin_add(e, head, EXTENT_HOLE);
        }
        if (x->size_bytes > size_bytes) {
                tail = extent_cut(e, x, size_bytes);
                if (!tail) {
                        extent_use(e, x);
                        extents_give(e, x, EXTENT_HOLE);
                        return -ENOMEM;
                }
                bin_add(e, tail, EXTENT_HOLE);
        }
        extent_use(e, x);
        *ret = x;
        return 0;
}

int extents_take_largest(Extents *e, Extent **ret) {
        const Bins *bins = &e->bins[EXTENT_FREE];
        Extent *x, *largest;
        unsigned power;

        if (!bins->powers)
                return EXTENTS_NONE;
        power   = 63 - (unsigned) __builtin_clzll(bins->powers);
        largest = bins->list[power][31 - __builtin_clz(bins->parts[power])];
        assert(largest); /* a bit says so */
        for (x = largest; x; x = x->next)
                if (x->size_bytes > largest->size_bytes)
                        largest = x;
        bin_remove(e, largest);
        extent_use(e, largest);
        *ret = largest;
        return 0;
}

/* Makes x and its successor, which is in no list, one. */
static void extent_join(Extents *e, Extent *x) {
        Extent *after = x->after;

        x->size_bytes += after->size_bytes;
        x->after = after->after;
        if (x->after)
                x->after->before = x;
        else
                e->last = x;
        extent_unused(e, after);
}

void extents_give(Extents *e, Extent *x, ExtentKind as) {
        assert(x->kind == EXTENT_USED && as < EXTENT_USED);
        e->used_bytes -= x->size_bytes;
        if (x->after && x->after->kind == as) {
                bin_remove(e, x->after);
                extent_join(e, x);
        }
        if (x->before && x->before->kind == as) {
                x = x->before;
                bin_remove(e, x);
                extent_join(e, x);
        }
        bin_add(e, x, as);
}

void extents_shrink(Extents *e, Extent *x, uint64_t keep_bytes) {
        Extent *rest;

        assert(x->kind == EXTENT_USED && keep_bytes > 0 && keep_bytes % EXTENT_BYTES == 0);
        if (keep_bytes >= x->size_bytes)
                return;
        rest = extent_cut(e, x, keep_bytes);
        if (!rest)
                return;
        rest->kind = EXTENT_USED;
        extents_give(e, rest, EXTENT_FREE);
}

uint64_t extents_bytes(const Extents *e, ExtentKind kind) {
        return kind == EXTENT_USED ? e->used_bytes : e->bins[kind].size_bytes;
}

const Extent *extents_first(const Extents *e) {
        return e->first;
}
