/* SPDX-License-Identifier: Apache-2.0 */
/* The format: for each member a header and its content, then a directory of all of them. Numbers are little-endian;
 * those that do not fit into 32 bits are in a field of their own behind the name (zip64), which is there only then,
 * since old readers do not know it.
 *
 * A CRC that begins and ends with 0 is linear: that of a member is the sum, in GF(2), of those of its fragments with
 * zeros everywhere else, in any order. crc32_combine() puts zeros behind. That of the format begins and ends with ones:
 * what this makes of it is the CRC of as many zeros. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/zip.h"

enum {
        HEADER      = 30,
        ENTRY       = 46, /* of the directory */
        END         = 22,
        END64       = 56 + 20, /* and what says where it is */
        EXTRA64     = 4,       /* of a field: what it is, and its length */
        VERSION     = 20,      /* 2.0 */
        VERSION64   = 45,
        UTF8        = 1 << 11,
        ID_64       = 0x0001,
        ID_ALIGN    = 0xd935,     /* as zipalign has it: the alignment, and zeros */
        DATE        = 1 << 5 | 1, /* 1 January 1980: equal tensors make equal files */
        FILE_MODE   = 0100644,
        UNIX        = 3 << 8,
        CRC_AT_ONCE = 1 << 30, /* zlib counts in 32 bits */
};

#define MOST_32 UINT64_C(0xffffffff)
#define MOST_16 0xffff

/* ---- Sums ------------------------------------------------------------------------------------------------------- */

/* Of so many zeros: twice as many for each bit, beginning at the highest. */
static uint32_t sum_of_zeros(uint64_t n_bytes) {
        uint64_t n   = 0;
        uint32_t sum = 0;

        for (int bit = 63; bit >= 0; bit--) {
                sum = (uint32_t) crc32_combine(sum, sum, (z_off_t) n);
                n *= 2;
                if (n_bytes >> bit & 1) {
                        sum = (uint32_t) crc32(sum, (const Bytef[]) { 0 }, 1);
                        n++;
                }
        }
        return sum;
}

void zip_sum_init(ZipSum *sum, uint64_t size_bytes) {
        *sum = (ZipSum) { .size_bytes = size_bytes, .sum = sum_of_zeros(size_bytes) };
}

void zip_sum_add(ZipSum *sum, const void *data, size_t n_bytes, uint64_t offset) {
        const Bytef *at = data;
        uint32_t own    = UINT32_MAX; /* as if it began with 0 */

        assert(offset <= sum->size_bytes && n_bytes <= sum->size_bytes - offset);
        for (size_t left = n_bytes; left > 0;) {
                const size_t n = MIN(left, (size_t) CRC_AT_ONCE);

                own = (uint32_t) crc32(own, at, (uInt) n);
                at += n;
                left -= n;
        }
        own = (uint32_t) crc32_combine(~own, 0, (z_off_t) (sum->size_bytes - offset - n_bytes));
        __atomic_xor_fetch(&sum->sum, own, __ATOMIC_RELAXED);
}

/* ---- Numbers ---------------------------------------------------------------------------------------------------- */

static char *put(char *at, uint64_t value, int n_bytes) {
        for (int k = 0; k < n_bytes; k++)
                *at++ = (char) (value >> 8 * k & 0xff);
        return at;
}

static char *put_name(char *at, const char *name) {
        while (*name)
                *at++ = *name++;
        return at;
}

static bool is_ascii(const char *name) {
        for (; *name; name++)
                if ((unsigned char) *name > 127)
                        return false;
        return true;
}

static bool is_64(const ZipMember *m) {
        return m->size_bytes >= MOST_32;
}

/* Numbers of the directory's entry that do not fit. */
static int n_wide(const ZipMember *m) {
        return (is_64(m) ? 2 : 0) + (m->header >= MOST_32 ? 1 : 0);
}

/* ---- Members ---------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int check_names(const ZipMember *member, size_t n, Error *err) {
        _cleanup_(freep) const char **name = malloc((n + 1) * sizeof(*name));

        if (!name)
                return error_oom(err, (n + 1) * sizeof(*name));
        for (size_t k = 0; k < n; k++) {
                name[k] = member[k].name;
                if (strlen(name[k]) > MOST_16)
                        return error_set(err, ERROR_VALUE, "a name has %zu bytes (at most %d)", strlen(name[k]),
                                         MOST_16);
        }
        qsort(name, n, sizeof(*name), compare_names);
        for (size_t k = 1; k < n; k++)
                if (strcmp(name[k - 1], name[k]) == 0)
                        return error_set(err, ERROR_VALUE, "two members have the name '%s'", name[k]);
        return 0;
}

int zip_place(ZipMember *member, size_t n, uint64_t *ret_size_bytes, Error *err) {
        const int r = check_names(member, n, err);
        uint64_t at = 0;

        for (size_t k = 0; k < n && r == 0; k++) {
                ZipMember *m = &member[k];

                m->header = at;
                at += HEADER + strlen(m->name) + (is_64(m) ? EXTRA64 + 16 : 0) + EXTRA64 + 2;
                m->content = (at + ZIP_ALIGN - 1) / ZIP_ALIGN * ZIP_ALIGN;
                if (__builtin_add_overflow(m->content, m->size_bytes, &at) || at > INT64_MAX / 2)
                        return error_set(err, ERROR_VALUE, "'%s' and what is before it have more than 2^62 bytes",
                                         m->name);
        }
        *ret_size_bytes = at + zip_directory_bytes(member, n);
        return r;
}

void zip_print_header(const ZipMember *m, char *ret) {
        const size_t before = HEADER + strlen(m->name), extra = (size_t) (m->content - m->header) - before;
        char *const end = ret + (m->content - m->header);

        memset(ret, 0, (size_t) (end - ret));
        ret = put(ret, 0x04034b50, 4);
        ret = put(ret, is_64(m) ? VERSION64 : VERSION, 2);
        ret = put(ret, is_ascii(m->name) ? 0 : UTF8, 2);
        ret = put(ret, 0, 2 + 2); /* stored; midnight */
        ret = put(ret, DATE, 2);
        ret = put(ret, m->sum, 4);
        for (int k = 0; k < 2; k++) /* compressed, and not */
                ret = put(ret, MIN(m->size_bytes, MOST_32), 4);
        ret = put(ret, strlen(m->name), 2);
        ret = put(ret, extra, 2);
        ret = put_name(ret, m->name);
        if (is_64(m)) {
                ret = put(ret, ID_64, 2);
                ret = put(ret, 16, 2);
                ret = put(ret, m->size_bytes, 8);
                ret = put(ret, m->size_bytes, 8);
        }
        ret = put(ret, ID_ALIGN, 2);
        ret = put(ret, (uint64_t) (end - ret) - 2, 2);
        put(ret, ZIP_ALIGN, 2);
}

/* ---- The directory ---------------------------------------------------------------------------------------------- */

static size_t entries_bytes(const ZipMember *member, size_t n) {
        size_t bytes = 0;

        for (size_t k = 0; k < n; k++)
                bytes += ENTRY + strlen(member[k].name) + (n_wide(&member[k]) ? EXTRA64 + 8 * n_wide(&member[k]) : 0);
        return bytes;
}

static uint64_t directory_at(const ZipMember *member, size_t n) {
        return n == 0 ? 0 : member[n - 1].content + member[n - 1].size_bytes;
}

static bool end_is_64(const ZipMember *member, size_t n) {
        return n >= MOST_16 || directory_at(member, n) >= MOST_32 || entries_bytes(member, n) >= MOST_32;
}

size_t zip_directory_bytes(const ZipMember *member, size_t n) {
        return entries_bytes(member, n) + (end_is_64(member, n) ? END64 : 0) + END;
}

static char *put_entry(char *at, const ZipMember *m) {
        const int wide    = n_wide(m);
        const int version = wide > 0 ? VERSION64 : VERSION;

        at = put(at, 0x02014b50, 4);
        at = put(at, (uint64_t) (UNIX | version), 2);
        at = put(at, (uint64_t) version, 2);
        at = put(at, is_ascii(m->name) ? 0 : UTF8, 2);
        at = put(at, 0, 2 + 2); /* stored; midnight */
        at = put(at, DATE, 2);
        at = put(at, m->sum, 4);
        for (int k = 0; k < 2; k++)
                at = put(at, MIN(m->size_bytes, MOST_32), 4);
        at = put(at, strlen(m->name), 2);
        at = put(at, wide > 0 ? (uint64_t) (EXTRA64 + 8 * wide) : 0, 2);
        at = put(at, 0, 2 + 2 + 2); /* no comment, the first disk, no text */
        at = put(at, (uint64_t) FILE_MODE << 16, 4);
        at = put(at, MIN(m->header, MOST_32), 4);
        at = put_name(at, m->name);
        if (wide > 0) {
                at = put(at, ID_64, 2);
                at = put(at, 8 * (uint64_t) wide, 2);
        }
        for (int k = 0; k < 2 && is_64(m); k++)
                at = put(at, m->size_bytes, 8);
        return m->header >= MOST_32 ? put(at, m->header, 8) : at;
}

void zip_print_directory(const ZipMember *member, size_t n, char *ret) {
        const uint64_t at = directory_at(member, n), bytes = entries_bytes(member, n);

        for (size_t k = 0; k < n; k++)
                ret = put_entry(ret, &member[k]);
        if (end_is_64(member, n)) {
                ret = put(ret, 0x06064b50, 4);
                ret = put(ret, 56 - 12, 8); /* of what follows */
                ret = put(ret, UNIX | VERSION64, 2);
                ret = put(ret, VERSION64, 2);
                ret = put(ret, 0, 4 + 4); /* one disk */
                ret = put(ret, n, 8);
                ret = put(ret, n, 8);
                ret = put(ret, bytes, 8);
                ret = put(ret, at, 8);
                ret = put(ret, 0x07064b50, 4);
                ret = put(ret, 0, 4);
                ret = put(ret, at + bytes, 8);
                ret = put(ret, 1, 4);
        }
        ret = put(ret, 0x06054b50, 4);
        ret = put(ret, 0, 2 + 2);
        ret = put(ret, MIN((uint64_t) n, (uint64_t) MOST_16), 2);
        ret = put(ret, MIN((uint64_t) n, (uint64_t) MOST_16), 2);
        ret = put(ret, MIN(bytes, MOST_32), 4);
        ret = put(ret, MIN(at, MOST_32), 4);
        put(ret, 0, 2);
}
