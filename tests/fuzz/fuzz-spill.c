/* SPDX-License-Identifier: Apache-2.0 */
/* What a restart finds on a disk: the first half of the input is the table, the second the file of extents. Checksums
 * are made right first, where the input asks for it, since a disk that lies with them is what is to be survived.
 * Whatever the bytes are: what is found lies in the file and does not overlap, what is read back is refused or was
 * written, and the Spill goes on working. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "io/spill-header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OWNER = 1, MAX_FOUND = 64, MAX_INPUT = 256 << 10 };

static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        uint32_t n_found, n_done;
        uint64_t id[MAX_FOUND];
        size_t size[MAX_FOUND];
        uint32_t offset[MAX_FOUND];
        uint64_t found_bytes;
} now = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void must(bool truth) {
        if (!truth)
                abort();
}

static void on_done(void *userdata _unused_, uint64_t id _unused_, bool written, const Error *err) {
        must(!err || (err->code < 0 && err->text[0]));
        must(!written || !err);
        pthread_mutex_lock(&now.lock);
        now.n_done++;
        pthread_cond_signal(&now.changed);
        pthread_mutex_unlock(&now.lock);
}

static int on_found(void *userdata _unused_, uint64_t id, size_t size_bytes, uint32_t offset) {
        if (now.n_found < MAX_FOUND) {
                now.id[now.n_found]     = id;
                now.size[now.n_found]   = size_bytes;
                now.offset[now.n_found] = offset;
                now.n_found++;
        }
        now.found_bytes += SPILL_PAGE + size_bytes;
        return 0;
}

static void wait_for(uint32_t n) {
        pthread_mutex_lock(&now.lock);
        while (now.n_done < n)
                pthread_cond_wait(&now.changed, &now.lock);
        pthread_mutex_unlock(&now.lock);
}

static void put(const char *dir, const char *name, const uint8_t *data, size_t size) {
        char path[200];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        must(fd >= 0 && write(fd, data, size) == (ssize_t) size);
        close(fd);
}

/* A header in every page that begins like one, with the checksum that its bytes have. */
static void make_right(uint8_t *table, size_t table_bytes, uint8_t *extents, size_t extents_bytes) {
        for (size_t at = 0; at + SPILL_PAGE <= extents_bytes; at += SPILL_PAGE) {
                uint64_t check = XXH3_64bits(extents + at, SPILL_PAGE - 8);

                if (memcmp(extents + at, "MARSpill", 8) == 0)
                        memcpy(extents + at + SPILL_PAGE - 8, &check, 8);
        }
        for (size_t k = 0; (k + 1) * SPILL_SLOT <= table_bytes; k++) {
                uint8_t *slot = table + k * SPILL_SLOT;
                SpillSlot s;

                memcpy(&s, slot, sizeof(s));
                if (s.offset % SPILL_PAGE == 0 && s.offset < extents_bytes && extents_bytes - s.offset >= SPILL_PAGE)
                        memcpy(&s.check, extents + s.offset + SPILL_PAGE - 8, 8);
                spill_slot_encode(&s, OWNER, k, slot);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) uint8_t *bytes = malloc(size + 1);
        char root[] = "/dev/shm/mars-fuzz-XXXXXX", dir[100];
        size_t table_bytes = size > 2 ? ((size_t) data[0] + 1) * SPILL_SLOT : 0;
        SpillConfig config = {
                .dirs  = root,
                .owner = OWNER,
                .limit_bytes = 1 << 20, /* else the file grows in large steps */
                .keep  = true,
                .ring  = { .backend = RING_SYNC },
                .done  = on_done,
        };
        static char chunk[3 * SPILL_PAGE];
        uint32_t n_begun = 0;
        struct stat st;
        SpillStats stats;
        Spill *s;
        Error err;

        if (!bytes || size > MAX_INPUT || size < 2 || table_bytes > size - 2)
                return 0;
        now.n_found = now.n_done = 0;
        now.found_bytes          = 0;
        memcpy(bytes, data, size);
        if (data[1] & 1)
                make_right(bytes + 2, table_bytes, bytes + 2 + table_bytes, size - 2 - table_bytes);
        must(mkdtemp(root));
        snprintf(dir, sizeof(dir), "%s/mars-kept-%016x", root, OWNER);
        must(mkdir(dir, 0700) == 0);
        put(dir, "table", bytes + 2, table_bytes);
        put(dir, "extents", bytes + 2 + table_bytes, size - 2 - table_bytes);
        must(spill_restore(&s, &config, on_found, &err) == 0);
        spill_stats(s, &stats);
        must(now.found_bytes <= size && stats.file_bytes <= size && stats.promised_bytes == stats.file_bytes);
        for (uint32_t k = 0; k < now.n_found; k++) {
                const size_t pages = (now.offset[k] + now.size[k] + SPILL_PAGE) / SPILL_PAGE;
                char *memory       = aligned_alloc(SPILL_PAGE, pages * SPILL_PAGE);

                must(memory && now.offset[k] < SPILL_PAGE && spill_offset(s, now.id[k]) == now.offset[k]);
                must(spill_read(s, now.id[k], memory + now.offset[k]) == 0);
                wait_for(++n_begun);
                free(memory);
                if (k % 2)
                        spill_drop(s, now.id[k]);
        }
        for (uint64_t id = UINT64_MAX; id > UINT64_MAX - 3; id--) {
                bool taken = false;

                for (uint32_t k = 0; k < now.n_found; k++)
                        taken = taken || now.id[k] == id;
                if (taken || now.n_found == MAX_FOUND)
                        continue;
                must(spill_write(s, id, chunk, sizeof(chunk)) == 0);
                wait_for(++n_begun);
                must(spill_read(s, id, chunk) == 0);
                wait_for(++n_begun);
        }
        spill_free(s);
        must(stat(dir, &st) < 0 && rmdir(root) == 0);
        return 0;
}
