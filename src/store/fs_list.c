#include "store/fs_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "store/fs_write.h"

/* A folder still to be read; paths end with '/', but that of the root is empty. */
struct pending {
    struct pending *next;
    const char *path;
};

/* Folders wait in a list instead of on the stack, with one open at a time, so that no depth of
 * folders exhausts the stack or the descriptors. */
struct walk {
    const struct fs_root *root;
    struct arena texts;
    struct pending *pending;
    struct buffer key; /* path of the entry at hand, NUL-terminated */
    bool is_bare;
    ktk_store_list_fn fn;
    void *fn_state;
};

static ktk_status push_folder(struct walk *walk, const char *path, size_t size, ktk_error *err) {
    struct pending *pending = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&walk->texts, 1, sizeof(*pending), &pending, err));
    KTKI_TRY(ktki_arena_text(&walk->texts, path, size, &pending->path, err));
    pending->next = walk->pending;
    walk->pending = pending;
out:
    return status;
}

static ktk_status set_key(struct walk *walk, const char *path, const char *name, const char *end,
                          ktk_error *err) {
    ktk_status status = KTK_OK;

    walk->key.size = 0;
    KTKI_TRY(ktki_buffer_append_text(&walk->key, path, err));
    KTKI_TRY(ktki_buffer_append_text(&walk->key, name, err));
    KTKI_TRY(ktki_buffer_append_text(&walk->key, end, err));
    KTKI_TRY(ktki_buffer_append_byte(&walk->key, '\0', err));
out:
    return status;
}

/* What a link points to, if it stays below the root. */
static bool follow_link(const struct fs_root *root, const char *key, struct stat *info) {
    int fd = ktki_fs_open(root, key, O_PATH);
    bool is_followed = fd >= 0 && fstat(fd, info) == 0 && S_ISREG(info->st_mode);

    if (fd >= 0) {
        close(fd);
    }
    return is_followed;
}

/* What the folder tells of an entry is enough, if it does and nobody wants more. */
static bool is_told(const struct walk *walk, const struct dirent *found, struct stat *info) {
    bool is_file = found->d_type == DT_REG;

    *info = (struct stat){.st_mode = is_file ? S_IFREG : S_IFDIR};
    return walk->is_bare && (is_file || found->d_type == DT_DIR);
}

static ktk_status visit(struct walk *walk, int folder, const char *path, const struct dirent *found,
                        ktk_error *err) {
    ktk_store_entry entry = {NULL, -1, -1, {{0}}};
    const char *name = found->d_name;
    struct stat info;
    ktk_status status = KTK_OK;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || ktki_fs_is_reserved(name) ||
        (!is_told(walk, found, &info) && fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)) {
        return KTK_OK;
    }
    if (S_ISDIR(info.st_mode)) {
        KTKI_TRY(set_key(walk, path, name, "/", err));
        KTKI_TRY(push_folder(walk, (const char *)walk->key.data, walk->key.size - 1, err));
        return KTK_OK;
    }
    KTKI_TRY(set_key(walk, path, name, "", err));
    entry.key = (const char *)walk->key.data;
    if (S_ISREG(info.st_mode) ||
        (S_ISLNK(info.st_mode) && follow_link(walk->root, entry.key, &info))) {
        if (!walk->is_bare) {
            ktki_fs_entry(&info, &entry);
        }
        KTKI_TRY(walk->fn(walk->fn_state, &entry, err));
    }
out:
    return status;
}

static ktk_status open_stream(const struct fs_root *root, const char *path, DIR **out,
                              ktk_error *err) {
    size_t size = strlen(path);
    char folder[PATH_MAX];
    int fd;

    /* Longer paths cannot be opened, so what lies there is no key. */
    *out = NULL;
    if (size >= sizeof(folder)) {
        return KTK_OK;
    }
    memcpy(folder, path, size + 1);
    if (size > 0) {
        folder[size - 1] = '\0';
    }
    fd = ktki_fs_open(root, folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? KTK_OK
                                                   : ktki_fs_error(err, errno, "list", path);
    }
    *out = fdopendir(fd);
    if (*out == NULL) {
        ktk_status status = ktki_fs_error(err, errno, "list", path);
        close(fd);
        return status;
    }
    return KTK_OK;
}

static ktk_status read_folder(struct walk *walk, const char *path, const char *name_prefix,
                              ktk_error *err) {
    size_t prefix_size = strlen(name_prefix);
    DIR *stream = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_stream(walk->root, path, &stream, err));
    while (stream != NULL) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(stream);
        if (entry == NULL && errno != 0 && errno != ENOENT) {
            KTKI_TRY(ktki_fs_error(err, errno, "list", path));
        }
        if (entry == NULL) {
            break;
        }
        if (strncmp(entry->d_name, name_prefix, prefix_size) == 0) {
            KTKI_TRY(visit(walk, dirfd(stream), path, entry, err));
        }
    }
out:
    if (stream != NULL) {
        closedir(stream);
    }
    return status;
}

/* No key starts with a folder that cannot be part of one. */
static bool is_folder_of_keys(const char *prefix, size_t size) {
    char folder[PATH_MAX];

    if (size >= sizeof(folder)) {
        return false;
    }
    memcpy(folder, prefix, size);
    folder[size] = '\0';
    return ktki_fs_check_key(folder, NULL) == KTK_OK;
}

ktk_status ktki_fs_list(const struct fs_root *root, const ktk_allocator *allocator,
                        const char *prefix, bool is_bare, ktk_store_list_fn fn, void *fn_state,
                        ktk_error *err) {
    const char *slash = strrchr(prefix, '/');
    const char *name_prefix = slash == NULL ? prefix : slash + 1;
    struct walk walk = {.root = root, .is_bare = is_bare, .fn = fn, .fn_state = fn_state};
    ktk_status status = KTK_OK;

    ktki_arena_init(&walk.texts, allocator);
    ktki_buffer_init(&walk.key, allocator, 0);
    if (slash == NULL || is_folder_of_keys(prefix, (size_t)(slash - prefix))) {
        KTKI_TRY(push_folder(&walk, prefix, (size_t)(name_prefix - prefix), err));
    }
    while (walk.pending != NULL) {
        const char *path = walk.pending->path;

        walk.pending = walk.pending->next;
        KTKI_TRY(read_folder(&walk, path, name_prefix, err));
        name_prefix = "";
    }
out:
    ktki_buffer_clear(&walk.key);
    ktki_arena_clear(&walk.texts);
    return status;
}
