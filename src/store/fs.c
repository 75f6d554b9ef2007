#include "store/fs.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/context.h"
#include "base/error.h"
#include "store/fs_list.h"
#include "store/fs_lock.h"
#include "store/fs_path.h"
#include "store/fs_read.h"
#include "store/fs_write.h"

/* Up to this many deferred puts are synced one by one, 0.2 ms or, on a disk, 10 ms each. More make
 * one syncfs() cheaper, though that also waits for what other programs wrote. */
#define DEFERRED_MAX 16

/* A put that is not durable yet. */
struct deferred {
    char *key;
    int made; /* as in ktki_fs_open_folder() */
};

struct fs {
    ktk_context *context; /* the store around this holds a reference */
    const ktk_allocator *allocator;
    struct fs_root root;
    pthread_mutex_t sync_lock;     /* held for the whole of a sync: taken first */
    pthread_mutex_t deferred_lock; /* over the fields below */
    struct deferred deferred[DEFERRED_MAX];
    size_t deferred_count;
    bool must_sync_all; /* there were more, or no memory for them */
};

/* ---- deferred puts ---- */

static void deferred_clear(struct fs *fs, struct deferred *deferred, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ktki_free_text(fs->allocator, deferred[i].key);
        deferred[i].key = NULL;
    }
}

static void remember(struct fs *fs, const char *key, int made) {
    char *copy = NULL;

    if (ktki_copy_text(fs->allocator, key, strlen(key), &copy, NULL) != KTK_OK) {
        copy = NULL;
    }
    pthread_mutex_lock(&fs->deferred_lock);
    if (copy == NULL || fs->deferred_count == DEFERRED_MAX) {
        fs->must_sync_all = true;
    } else {
        fs->deferred[fs->deferred_count++] = (struct deferred){copy, made};
        copy = NULL;
    }
    pthread_mutex_unlock(&fs->deferred_lock);
    ktki_free_text(fs->allocator, copy);
}

static ktk_status sync_each(struct fs *fs, const struct deferred *deferred, size_t count,
                            ktk_error *err) {
    ktk_status status = KTK_OK;

    /* All files before all folders: the folders' entries are then written together. */
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_fs_sync(&fs->root, deferred[i].key, err));
    }
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_fs_sync_folders(&fs->root, deferred[i].key, deferred[i].made, err));
    }
out:
    return status;
}

static ktk_status sync_all(struct fs *fs, ktk_error *err) {
    return syncfs(fs->root.fd) == 0 ? KTK_OK
                                    : ktki_error_errno(err, errno, "cannot sync the filesystem");
}

static ktk_status fs_sync(void *state, ktk_error *err) {
    struct deferred deferred[DEFERRED_MAX];
    struct fs *fs = state;
    size_t count;
    bool must_sync_all;
    ktk_status status;

    /* A second sync waits for the first, which may have taken over the puts that it asks about. */
    pthread_mutex_lock(&fs->sync_lock);
    pthread_mutex_lock(&fs->deferred_lock);
    count = fs->deferred_count;
    memcpy(deferred, fs->deferred, count * sizeof(*deferred));
    must_sync_all = fs->must_sync_all;
    fs->deferred_count = 0;
    fs->must_sync_all = false;
    pthread_mutex_unlock(&fs->deferred_lock);
    status = must_sync_all ? sync_all(fs, err) : sync_each(fs, deferred, count, err);
    deferred_clear(fs, deferred, count);
    if (status != KTK_OK) {
        pthread_mutex_lock(&fs->deferred_lock);
        fs->must_sync_all = true;
        pthread_mutex_unlock(&fs->deferred_lock);
    }
    pthread_mutex_unlock(&fs->sync_lock);
    return status;
}

/* ---- operations ---- */

static ktk_status fs_get(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                         ktk_error *err) {
    struct fs *fs = state;
    ktk_status status = ktki_fs_check_key(key, err);

    return status != KTK_OK ? status : ktki_fs_read(&fs->root, fs->context, key, out, version, err);
}

static ktk_status fs_get_range(void *state, const char *key, int64_t offset, int64_t size,
                               ktk_bytes *out, ktk_error *err) {
    struct fs *fs = state;
    ktk_status status = ktki_fs_check_key(key, err);

    return status != KTK_OK
               ? status
               : ktki_fs_read_range(&fs->root, fs->context, key, offset, size, out, err);
}

static ktk_status fs_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct fs *fs = state;
    ktk_status status = ktki_fs_check_key(key, err);

    return status != KTK_OK ? status : ktki_fs_head(&fs->root, key, out, err);
}

static bool is_deferred(const ktk_put_condition *condition) {
    return condition != NULL && (condition->flags & (uint32_t)KTK_PUT_DEFER_SYNC) != 0;
}

static ktk_status fs_put(void *state, const char *key, const void *data, size_t size,
                         const ktk_put_condition *condition, ktk_store_version *version,
                         ktk_error *err) {
    struct fs *fs = state;
    int made;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_fs_check_key(key, err));
    KTKI_TRY(ktki_fs_write(&fs->root, key, data, size, condition, version, &made, err));
    if (is_deferred(condition)) {
        remember(fs, key, made);
    }
out:
    return status;
}

/* A put whose value comes in pieces. */
struct piecewise {
    struct fs *fs;
    struct fs_put put;
};

static void piecewise_end(void *state) {
    struct piecewise *piecewise = state;

    ktki_fs_put_end(&piecewise->put);
    KTKI_DELETE(piecewise->fs->allocator, piecewise);
}

static ktk_status piecewise_begin(void *state, const char *key, const ktk_put_condition *condition,
                                  void **out, ktk_error *err) {
    struct fs *fs = state;
    struct piecewise *piecewise = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_fs_check_key(key, err));
    KTKI_TRY(KTKI_NEW(fs->allocator, &piecewise, err));
    piecewise->fs = fs;
    status = ktki_fs_put_begin(&piecewise->put, &fs->root, key, condition, err);
    if (status != KTK_OK) {
        piecewise_end(piecewise);
        goto out;
    }
    *out = piecewise;
out:
    return status;
}

static ktk_status piecewise_append(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_fs_put_append(&((struct piecewise *)state)->put, data, size, err);
}

static ktk_status piecewise_finish(void *state, ktk_store_version *version, ktk_error *err) {
    struct piecewise *piecewise = state;
    struct fs_put *put = &piecewise->put;
    ktk_status status = ktki_fs_put_finish(put, version, err);

    if (status == KTK_OK && is_deferred(put->condition)) {
        remember(piecewise->fs, put->key, put->made);
    }
    return status;
}

static const struct put_ops piecewise_puts = {
    .has_conditions = true,
    .begin = piecewise_begin,
    .append = piecewise_append,
    .finish = piecewise_finish,
    .end = piecewise_end,
};

static ktk_status fs_remove(void *state, const char *key, ktk_error *err) {
    struct fs *fs = state;
    ktk_status status = ktki_fs_check_key(key, err);

    return status != KTK_OK ? status : ktki_fs_remove(&fs->root, key, err);
}

static ktk_status fs_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                          ktk_error *err) {
    struct fs *fs = state;

    return ktki_fs_list(&fs->root, fs->allocator, prefix, false, fn, fn_state, err);
}

static ktk_status fs_list_keys(void *state, const char *prefix, ktk_store_list_fn fn,
                               void *fn_state, ktk_error *err) {
    struct fs *fs = state;

    return ktki_fs_list(&fs->root, fs->allocator, prefix, true, fn, fn_state, err);
}

static int fs_take_turn(void *state, const char *key) {
    struct fs *fs = state;

    return ktki_fs_take_turn(&fs->root, key);
}

static void fs_end_turn(void *unused, int turn) {
    (void)unused;
    ktki_fs_end_turn(turn);
}

static void fs_free(void *state) {
    struct fs *fs = state;

    deferred_clear(fs, fs->deferred, fs->deferred_count);
    ktki_fs_root_close(&fs->root);
    pthread_mutex_destroy(&fs->deferred_lock);
    pthread_mutex_destroy(&fs->sync_lock);
    KTKI_DELETE(fs->allocator, fs);
}

static const ktk_store_ops fs_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT,
    .get = fs_get,
    .get_range = fs_get_range,
    .head = fs_head,
    .put = fs_put,
    .remove = fs_remove,
    .list = fs_list,
    .sync = fs_sync,
    .free = fs_free,
};

ktk_status ktki_store_fs_new(ktk_store **out, ktk_context *context, const char *path,
                             bool make_missing, enum key_space keys, const char *name,
                             ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct store_setup setup = {.ops = &fs_ops, .caps = fs_ops.caps, .name = name, .keys = keys};
    struct fs *fs = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &fs, err));
    fs->context = context;
    fs->allocator = allocator;
    fs->root.fd = -1;
    if (pthread_mutex_init(&fs->sync_lock, NULL) != 0 ||
        pthread_mutex_init(&fs->deferred_lock, NULL) != 0) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make the locks of a store");
    }
    KTKI_TRY(ktki_fs_root_open(&fs->root, path, make_missing, err));
    setup.state = fs;
    setup.puts = &piecewise_puts;
    setup.list_keys = fs_list_keys;
    setup.take_turn = fs_take_turn;
    setup.end_turn = fs_end_turn;
    KTKI_TRY(ktki_store_new(out, context, &setup, err));
    fs = NULL;
out:
    if (fs != NULL) {
        fs_free(fs);
    }
    return status;
}
