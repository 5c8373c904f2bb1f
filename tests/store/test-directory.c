/* SPDX-License-Identifier: Apache-2.0 */
#include "store/directory.h"

#include "store/shared.h"

/* The bytes of a store's file, as a source that a test may change. */
typedef struct Bytes {
        uint8_t *data[STORE_MAX_FILES];
        size_t size_bytes[STORE_MAX_FILES];
} Bytes;

static int read_bytes(void *userdata, uint32_t file, uint64_t offset, void *data, size_t size_bytes) {
        const Bytes *b = userdata;

        if (offset > b->size_bytes[file] || size_bytes > b->size_bytes[file] - offset)
                return ERROR_CORRUPT;
        memcpy(data, b->data[file] + offset, size_bytes);
        return 0;
}

static int read_image(DirectoryImage *ret, Bytes *b, uint32_t n_files, Error *err) {
        DirectorySource source = { .n_files = n_files, .read = read_bytes, .userdata = b };

        return directory_read(ret, &source, OWNER, err);
}

enum { CACHE = 1 << 20, N_CHUNKS = 8 };

/* A store with chunks 1 … N_CHUNKS, of which the third is dropped and the last is empty, and its file's bytes. */
static void make(Bytes *ret) {
        Files files;
        Store *s         = shared_new(&files, CACHE);
        ChunkId reserved = 100;
        size_t size      = 500;

        for (ChunkId id = 1; id < N_CHUNKS; id++)
                put(s, id, 1000 * id);
        put(s, N_CHUNKS, 0);
        store_drop(s, 3);
        ck_assert_int_eq(store_reserve(s, 1, &reserved, &size), 0);
        *ret            = (Bytes) { .size_bytes = { CACHE } };
        ret->data[0] = malloc(CACHE);
        ck_assert_int_eq(pread(files.fd[0], ret->data[0], CACHE, 0), CACHE);
        store_free(s);
        files_close(&files);
}

static SegmentHead *head_of(Bytes *b) {
        return (SegmentHead *) b->data[0];
}

static Place first_of(Bytes *b) {
        Place place;

        ck_assert(link_follow(head_of(b)->incarnation, offsetof(SegmentHead, first), head_of(b)->first, &place));
        return place;
}

static DirectorySlot *slots_of(Bytes *b) {
        return (DirectorySlot *) (b->data[0] + place_offset(first_of(b)));
}

static void lead(Bytes *b, Place to) {
        head_of(b)->first = link_make(head_of(b)->incarnation, offsetof(SegmentHead, first), to);
}

static DirectorySlot *slot_of(Bytes *b, ChunkId id) {
        DirectorySlot *slot = slots_of(b);

        for (uint32_t k = 1; k < DIRECTORY_SLOTS; k++)
                if (slot[k].word && slot[k].id == id)
                        return &slot[k];
        ck_abort_msg("no chunk %d", (int) id);
        return NULL;
}

static void sign(Bytes *b, DirectorySlot *slot) {
        slot->word = slot_word(head_of(b)->incarnation, (Place) ((uint8_t *) slot - b->data[0]), slot);
}

static void ck_assert_refused(Bytes *b, const char *words) {
        DirectoryImage image;
        Error err = {};

        ck_assert_int_eq(read_image(&image, b, 1, &err), ERROR_CORRUPT);
        ck_assert_int_eq(err.code, ERROR_CORRUPT);
        ck_assert_msg(strstr(err.text, words), "%s", err.text);
        free(b->data[0]);
}

TEST(what_is_sealed_is_read_and_nothing_else) {
        DirectoryImage image;
        bool met[N_CHUNKS + 1] = {};
        uint32_t n_blocks = 0, n_heads = 0;
        Error err = {};
        Bytes b;

        make(&b);
        ck_assert_msg(read_image(&image, &b, 1, &err) == 0, "%s", err.text);
        for (uint32_t k = 0; k < image.item.n; k++) {
                const struct DirectoryItem *item = &image.item.data[k];

                if (!item->slot) {
                        n_heads += place_offset(item->place) == 0;
                        n_blocks += place_offset(item->place) != 0;
                        continue;
                }
                ck_assert(item->id <= N_CHUNKS && !met[item->id]);
                met[item->id] = true;
                ck_assert_uint_eq(item->size_bytes, item->id == N_CHUNKS ? 0 : 1000 * item->id);
                ck_assert(is_filled((char *) b.data[0] + place_offset(item->place), item->size_bytes, item->id));
        }
        for (ChunkId id = 1; id <= N_CHUNKS; id++)
                ck_assert(met[id] == (id != 3));
        ck_assert_uint_eq(n_heads, 1);
        ck_assert_uint_eq(n_blocks, 1);
        directory_image_done(&image);
        free(b.data[0]);
}

TEST(flipped_bit_is_refused_or_changes_nothing) {
        DirectoryImage image, right;
        uint32_t n_refused = 0, n_same = 0;
        Bytes b;

        make(&b);
        ck_assert_int_eq(read_image(&right, &b, 1, NULL), 0);
        for (uint32_t part = 0; part < 3; part++) {
                uint8_t *at = part == 0 ? b.data[0] : part == 1 ? (uint8_t *) slots_of(&b) : (uint8_t *) slot_of(&b, 5);

                for (size_t bit = 0; bit < 8 * (part == 0 ? sizeof(SegmentHead) : sizeof(DirectorySlot)); bit++) {
                        int r;

                        at[bit / 8] ^= (uint8_t) (1 << bit % 8);
                        r = read_image(&image, &b, 1, NULL);
                        if (r == 0) {
                                n_same++;
                                ck_assert_uint_eq(image.item.n, right.item.n);
                                ck_assert_bytes_eq(image.item.data, right.item.data,
                                                   right.item.n * sizeof(*right.item.data));
                                directory_image_done(&image);
                        } else {
                                ck_assert_int_eq(r, ERROR_CORRUPT);
                                n_refused++;
                        }
                        at[bit / 8] ^= (uint8_t) (1 << bit % 8);
                }
        }
        ck_assert_uint_eq(n_same, 2 * 8 * 32); /* the spare bytes of a block's head and of a slot */
        ck_assert_uint_eq(n_refused, 8 * (sizeof(SegmentHead) + 64));
        directory_image_done(&right);
        free(b.data[0]);
}

TEST(lies_with_a_right_check_are_refused_with_words) {
        DirectorySlot *slot;
        Bytes b;

        make(&b);
        slot        = slot_of(&b, 4);
        slot->place = slot_of(&b, 5)->place + 4999;
        sign(&b, slot);
        ck_assert_refused(&b, "overlaps");

        make(&b);
        slot             = slot_of(&b, 4);
        slot->size_bytes = UINT64_MAX - 10;
        sign(&b, slot);
        ck_assert_refused(&b, "not within");

        make(&b);
        slot        = slot_of(&b, 4);
        slot->place = 4000; /* in the head */
        sign(&b, slot);
        ck_assert_refused(&b, "not within");

        make(&b);
        slot             = slot_of(&b, 4);
        slot->place      = first_of(&b);
        slot->size_bytes = 10; /* the directory itself */
        sign(&b, slot);
        ck_assert_refused(&b, "overlaps");

        make(&b);
        slot        = slot_of(&b, N_CHUNKS);
        slot->place = 5000; /* where no byte is, there is no place */
        sign(&b, slot);
        ck_assert_refused(&b, "not within");

        make(&b);
        slot     = slot_of(&b, 4);
        slot->id = 5;
        sign(&b, slot);
        ck_assert_refused(&b, "twice");

        make(&b);
        slot        = slot_of(&b, 4);
        slot->place = place_make(1, 8192);
        sign(&b, slot);
        ck_assert_refused(&b, "not there");

        make(&b);
        *slot_of(&b, 3 + 1) = *slot_of(&b, 5); /* a copy elsewhere vouches for nothing */
        ck_assert_refused(&b, "damaged");
}

TEST(chain_that_leads_astray_is_refused_with_words) {
        DirectoryHead *block;
        Bytes b;

        make(&b);
        lead(&b, first_of(&b) + STORE_PAGE);
        ck_assert_refused(&b, "no directory");

        make(&b);
        lead(&b, (uint64_t) 1 << 40);
        ck_assert_refused(&b, "nothing can be");

        make(&b);
        lead(&b, place_make(7, STORE_PAGE));
        ck_assert_refused(&b, "nothing can be");

        make(&b);
        head_of(&b)->first = 0;
        ck_assert_refused(&b, "link at 40 is damaged");

        make(&b);
        block       = (DirectoryHead *) slots_of(&b);
        block->next = link_make(head_of(&b)->incarnation, first_of(&b) + offsetof(DirectoryHead, next), first_of(&b));
        ck_assert_refused(&b, "tail");
}

TEST(head_of_another_kind_is_refused_with_words) {
        Bytes b;

        make(&b);
        head_of(&b)->magic++;
        ck_assert_refused(&b, "no memory file of a store");

        make(&b);
        head_of(&b)->version = 2;
        ck_assert_refused(&b, "version 2");

        make(&b);
        head_of(&b)->owner = 1;
        head_of(&b)->check = head_check(head_of(&b));
        ck_assert_refused(&b, "of session 1");

        make(&b);
        head_of(&b)->index = 1;
        head_of(&b)->check = head_check(head_of(&b));
        ck_assert_refused(&b, "first ones");

        make(&b);
        head_of(&b)->page_bytes = 3;
        head_of(&b)->check      = head_check(head_of(&b));
        ck_assert_refused(&b, "damaged");

        make(&b);
        head_of(&b)->file_bytes = (uint64_t) 1 << 60;
        head_of(&b)->check      = head_check(head_of(&b));
        ck_assert_refused(&b, "damaged");

        make(&b);
        head_of(&b)->incarnation++;
        head_of(&b)->check = head_check(head_of(&b)); /* then no slot is one of this store */
        ck_assert_refused(&b, "damaged");

        make(&b);
        b.size_bytes[0] = 100;
        ck_assert_refused(&b, "Bad message");
}

TEST(files_of_two_stores_are_no_store) {
        DirectoryImage image;
        Error err = {};
        Bytes a, b;

        make(&a);
        make(&b);
        head_of(&b)->index = 1;
        head_of(&b)->check = head_check(head_of(&b));
        a.data[1]       = b.data[0];
        a.size_bytes[1] = b.size_bytes[0];
        ck_assert_int_eq(read_image(&image, &a, 2, &err), ERROR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.text, "different stores"));
        head_of(&b)->incarnation = head_of(&a)->incarnation;
        head_of(&b)->check = head_check(head_of(&b));
        ck_assert_int_eq(read_image(&image, &a, 2, &err), ERROR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.text, "ladder"));
        ck_assert_int_eq(read_image(&image, &a, 0, &err), ERROR_CORRUPT);
        ck_assert_int_eq(read_image(&image, &a, 3, &err), ERROR_CORRUPT);
        free(a.data[0]);
        free(b.data[0]);
}
