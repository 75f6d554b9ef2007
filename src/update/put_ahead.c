#include "update/put_ahead.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "store/backend.h"

/* What waits for its put may take this share of the memory of a writer. A file that finds no room
 * is put by its writer. */
#define MEMORY_BYTES_DEFAULT ((int64_t)256 << 20)
#define MEMORY_SHARE 8

/* Of its own accord a writer takes this where files go far, in parts that take memory, too, and are
 * read from there by row groups: of rows it is 17 MiB. */
#define FAR_WRITER_BYTES ((int64_t)40 << 20)

/* A slot keeps room for its next file up to here. */
#define ROOM_KEPT_MAX ((size_t)2 << 20)

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING };

/* A file; its key and its bytes are the slot's until it is free again. */
struct slot {
    enum slot_state state;
    char *key;
    struct buffer bytes;
};

struct put_ahead {
    ktk_store *store;
    const ktk_allocator *allocator;
    struct pool *pool;
    struct pool_work *work;
    pthread_mutex_t lock; /* of all below; within the pool's lock */
    size_t bytes_max;
    size_t bytes; /* in slots that are not free */
    size_t busy;  /* such slots */
    ktk_status status;
    ktk_error error; /* of the first put that failed */
    size_t slot_count;
    struct slot *slots;
};

int64_t ktki_put_writer_memory(const struct ktk_update *update) {
    int64_t memory = update->file_options.memory_bytes_max;

    return memory == 0 && ktki_store_is_far(update->store) ? FAR_WRITER_BYTES : memory;
}

static ktk_status put(ktk_store *store, const char *key, const struct buffer *bytes,
                      ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;

    condition.flags = KTK_PUT_DEFER_SYNC;
    return ktk_store_put(store, key, bytes->data, bytes->size, &condition, NULL, err);
}

static struct slot *find_slot(const struct put_ahead *ahead, enum slot_state state) {
    for (size_t i = 0; i < ahead->slot_count; i++) {
        if (ahead->slots[i].state == state) {
            return &ahead->slots[i];
        }
    }
    return NULL;
}

/* One put. After a failure those that wait are let go. */
static void help(void *state) {
    struct put_ahead *ahead = state;
    struct slot *slot;
    ktk_error error = {0};
    ktk_status status;

    (void)pthread_mutex_lock(&ahead->lock);
    slot = find_slot(ahead, SLOT_WAITING);
    slot->state = SLOT_RUNNING;
    status = ahead->status;
    (void)pthread_mutex_unlock(&ahead->lock);
    if (status == KTK_OK) {
        status = put(ahead->store, slot->key, &slot->bytes, &error);
    }
    ktki_free_text(ahead->allocator, slot->key);
    (void)pthread_mutex_lock(&ahead->lock);
    slot->key = NULL;
    ahead->bytes -= slot->bytes.size;
    ahead->busy--;
    slot->bytes.size = 0;
    if (slot->bytes.capacity > ROOM_KEPT_MAX) {
        ktki_buffer_clear(&slot->bytes);
    }
    slot->state = SLOT_FREE;
    if (ahead->status == KTK_OK && status != KTK_OK) {
        ahead->status = status;
        ahead->error = error;
    }
    (void)pthread_mutex_unlock(&ahead->lock);
}

static ktk_status tell(const struct put_ahead *ahead, ktk_error *err) {
    if (ahead->status != KTK_OK && err != NULL) {
        *err = ahead->error;
    }
    return ahead->status;
}

/* Moves the file into a slot, whose room the writer gets; false: there is none. */
static bool take(struct put_ahead *ahead, char *key, struct buffer *bytes) {
    struct slot *slot = find_slot(ahead, SLOT_FREE);
    struct buffer room;

    if (slot == NULL || bytes->size > ahead->bytes_max - ahead->bytes) {
        return false;
    }
    room = slot->bytes;
    *slot = (struct slot){SLOT_WAITING, key, *bytes};
    *bytes = room;
    ahead->bytes += slot->bytes.size;
    ahead->busy++;
    return true;
}

ktk_status ktki_put_ahead(struct put_ahead *ahead, ktk_store *store, const char *key,
                          struct buffer *bytes, ktk_error *err) {
    char *copy = NULL;
    bool is_taken = false;
    ktk_status status = KTK_OK;

    if (ahead != NULL) {
        KTKI_TRY(ktki_copy_text(ahead->allocator, key, strlen(key), &copy, err));
        (void)pthread_mutex_lock(&ahead->lock);
        status = tell(ahead, err);
        is_taken = status == KTK_OK && take(ahead, copy, bytes);
        (void)pthread_mutex_unlock(&ahead->lock);
        KTKI_TRY(status);
    }
    if (is_taken) {
        copy = NULL; /* the slot's */
        ktki_pool_work_add(ahead->work);
    } else {
        KTKI_TRY(put(store, key, bytes, err));
        bytes->size = 0;
    }
out:
    if (ahead != NULL) {
        ktki_free_text(ahead->allocator, copy);
    }
    return status;
}

static bool is_done(void *state) {
    struct put_ahead *ahead = state;
    bool result;

    (void)pthread_mutex_lock(&ahead->lock);
    result = ahead->busy == 0;
    (void)pthread_mutex_unlock(&ahead->lock);
    return result;
}

ktk_status ktki_put_ahead_finish(struct put_ahead *ahead, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (ahead != NULL) {
        KTKI_TRY(ktki_pool_work_wait(ahead->work, is_done, err));
        status = tell(ahead, err);
    }
out:
    return status;
}

static ktk_status ahead_new(struct put_ahead **out, const struct ktk_update *update, size_t puts,
                            ktk_error *err) {
    const ktk_allocator *allocator = update->allocator;
    int64_t memory = update->file_options.memory_bytes_max;
    struct put_ahead *ahead = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &ahead, err));
    (void)pthread_mutex_init(&ahead->lock, NULL);
    ahead->store = update->store;
    ahead->allocator = allocator;
    ahead->bytes_max = (size_t)(memory > 0 ? memory : MEMORY_BYTES_DEFAULT) / MEMORY_SHARE;
    KTKI_TRY(ktki_alloc_zeroed(allocator, puts, sizeof(*ahead->slots), &ahead->slots, err));
    ahead->slot_count = puts;
    for (size_t i = 0; i < puts; i++) {
        ktki_buffer_init(&ahead->slots[i].bytes, allocator, 0);
    }
    KTKI_TRY(ktki_context_pool_new(&ahead->pool, update->context, (int32_t)puts, err));
    KTKI_TRY(ktki_pool_work_new(&ahead->work, ahead->pool, help, ahead, err));
    *out = ahead;
    ahead = NULL;
out:
    ktki_put_ahead_free(ahead);
    return status;
}

ktk_status ktki_put_ahead_begin(struct ktk_update *update, size_t file_count, ktk_error *err) {
    int32_t puts = ktki_store_calls_at_once(update->store);

    if (update->puts != NULL || puts <= 1 || ktk_context_threads(update->context) <= 1 ||
        update->file_count + (int64_t)file_count < 2) {
        return KTK_OK;
    }
    return ahead_new(&update->puts, update, (size_t)puts, err);
}

void ktki_put_ahead_free(struct put_ahead *ahead) {
    if (ahead == NULL) {
        return;
    }
    ktki_pool_work_free(ahead->work);
    ktki_pool_free(ahead->pool);
    for (size_t i = 0; i < ahead->slot_count; i++) {
        ktki_free_text(ahead->allocator, ahead->slots[i].key);
        ktki_buffer_clear(&ahead->slots[i].bytes);
    }
    ktki_free_array(ahead->allocator, ahead->slots, ahead->slot_count, sizeof(*ahead->slots));
    (void)pthread_mutex_destroy(&ahead->lock);
    KTKI_DELETE(ahead->allocator, ahead);
}
