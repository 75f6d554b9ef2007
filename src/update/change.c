#include "update/change.h"

#include "base/error.h"

static const struct operation_name {
    const char *text;
    char letter;
} names[OPERATION_COUNT] = {
    [OPERATION_APPEND] = {"append", 'a'},   [OPERATION_DELETE] = {"delete", 'd'},
    [OPERATION_REPLACE] = {"replace", 'r'}, [OPERATION_OVERWRITE] = {"overwrite", 'o'},
    [OPERATION_COMPACT] = {"compact", 'k'}, [OPERATION_INDEX] = {"index", 'i'},
    [OPERATION_SCHEMA] = {"schema", 's'},   [OPERATION_METADATA] = {"metadata", 'm'},
    [OPERATION_CREATE] = {"create", 'c'},   [OPERATION_RESTORE] = {"restore", 't'},
};

const char *ktki_operation_text(enum operation operation) {
    return names[operation].text;
}

char ktki_operation_letter(enum operation operation) {
    return names[operation].letter;
}

enum operation ktki_operation_of_letter(char letter) {
    int operation = 0;

    while (operation < OPERATION_COUNT && names[operation].letter != letter) {
        operation++;
    }
    return (enum operation)operation;
}

void ktki_change_init(struct change *change, const ktk_allocator *allocator) {
    *change = (struct change){.metadata = "{}", .metadata_size = 2};
    ktki_arena_init(&change->arena, allocator);
    ktki_buffer_init(&change->removed, allocator, 0);
    ktki_buffer_init(&change->inputs, allocator, 0);
    ktki_buffer_init(&change->index_columns, allocator, 0);
    ktki_hash_map_init(&change->removed_set, allocator);
}

void ktki_change_clear(struct change *change) {
    const ktk_allocator *allocator = change->arena.allocator;

    ktk_predicate_free(change->scope);
    ktki_hash_map_clear(&change->removed_set);
    ktki_buffer_clear(&change->index_columns);
    ktki_buffer_clear(&change->inputs);
    ktki_buffer_clear(&change->removed);
    ktki_arena_clear(&change->arena);
    ktki_change_init(change, allocator);
}

ktk_status ktki_change_remove(struct change *change, const char *label, bool is_input,
                              ktk_error *err) {
    size_t size = strlen(label);
    const char *copy;
    uint64_t *position;
    ktk_status status = KTK_OK;

    if (ktki_change_removes(change, label)) {
        goto out;
    }
    KTKI_TRY(ktki_arena_text(&change->arena, label, size, &copy, err));
    KTKI_TRY(ktki_buffer_append(&change->removed, &copy, sizeof(copy), err));
    KTKI_TRY(ktki_hash_map_insert(&change->removed_set, copy, size, (uint64_t)is_input, &position,
                                  NULL, err));
    if (is_input) {
        KTKI_TRY(ktki_buffer_append(&change->inputs, &copy, sizeof(copy), err));
    }
out:
    return status;
}

bool ktki_change_removes(const struct change *change, const char *label) {
    return ktki_hash_map_find(&change->removed_set, label, strlen(label)) != NULL;
}

bool ktki_change_has_input(const struct change *change, const char *label) {
    const uint64_t *found = ktki_hash_map_find(&change->removed_set, label, strlen(label));

    return found != NULL && *found == 1;
}
