#include <limits.h>

#include "arrow/schema.h"
#include "arrow/schema_format.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

/* What one exported node owns: a block with its children's structs and its texts, so that each node
 * can be released alone when a consumer has moved it out of its parent. */
struct node {
    ktk_context *context; /* a reference */
    size_t block_size;
    int64_t child_count;
    struct ArrowSchema dictionary;
    struct ArrowSchema *children;
    struct ArrowSchema **child_pointers;
    char *texts; /* metadata, format, name, one behind the other */
};

static void clear_schema(struct ArrowSchema *schema) {
    if (schema->release != NULL) {
        schema->release(schema);
    }
}

static void node_free(struct node *node) {
    ktk_context *context;

    if (node == NULL) {
        return;
    }
    context = node->context;
    for (int64_t i = 0; i < node->child_count; i++) {
        clear_schema(&node->children[i]);
    }
    clear_schema(&node->dictionary);
    ktki_free_array(ktki_context_allocator(context), node, node->block_size, 1);
    ktk_context_free(context);
}

static void schema_release(struct ArrowSchema *schema) {
    node_free(schema->private_data);
    schema->release = NULL;
}

static ktk_status node_new(struct node **out, ktk_context *context, int32_t child_count,
                           size_t text_size, ktk_error *err) {
    size_t children_size = (size_t)child_count * (sizeof(struct ArrowSchema) + sizeof(void *));
    struct node *node = NULL;
    size_t size;
    ktk_status status = KTK_OK;

    if (!ktki_add_size(children_size + sizeof(*node), text_size, &size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a schema does not fit in memory");
    }
    KTKI_TRY(ktki_alloc_zeroed(ktki_context_allocator(context), size, 1, &node, err));
    node->context = ktk_context_ref(context);
    node->block_size = size;
    node->child_count = child_count;
    node->children = (struct ArrowSchema *)(node + 1);
    node->child_pointers = (struct ArrowSchema **)(node->children + child_count);
    node->texts = (char *)(node->child_pointers + child_count);
    *out = node;
out:
    return status;
}

static ktk_status append_sized(struct buffer *out, const char *data, size_t size, ktk_error *err) {
    int32_t length = (int32_t)size;
    ktk_status status = KTK_OK;

    if (size > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "schema metadata of %zu bytes is too large for Arrow", size);
    }
    KTKI_TRY(ktki_buffer_append(out, &length, sizeof(length), err));
    KTKI_TRY(ktki_buffer_append(out, data, size, err));
out:
    return status;
}

static ktk_status append_metadata(const struct field *field, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (field->key_value_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append(out, &field->key_value_count, sizeof(int32_t), err));
    for (int32_t i = 0; i < field->key_value_count; i++) {
        const struct key_value *entry = &field->key_values[i];
        KTKI_TRY(append_sized(out, entry->key, strlen(entry->key), err));
        KTKI_TRY(append_sized(out, entry->value, entry->value_size, err));
    }
out:
    return status;
}

static int64_t flags_of(const struct field *field) {
    return (field->nullable ? ARROW_FLAG_NULLABLE : 0) |
           (field->keys_sorted ? ARROW_FLAG_MAP_KEYS_SORTED : 0) |
           (field->type.id == TYPE_DICTIONARY && field->type.ordered ? ARROW_FLAG_DICTIONARY_ORDERED
                                                                     : 0);
}

static ktk_status export_field(ktk_context *context, const struct field *field,
                               struct ArrowSchema *out, ktk_error *err) {
    struct buffer texts;
    struct node *node = NULL;
    size_t format_at;
    size_t name_at;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&texts, ktki_context_allocator(context), 0);
    KTKI_TRY(append_metadata(field, &texts, err));
    format_at = texts.size;
    KTKI_TRY(ktki_format_append(&field->type, &texts, err));
    KTKI_TRY(ktki_buffer_append_byte(&texts, 0, err));
    name_at = texts.size;
    KTKI_TRY(ktki_buffer_append_text(&texts, field->name == NULL ? "" : field->name, err));
    KTKI_TRY(ktki_buffer_append_byte(&texts, 0, err));
    KTKI_TRY(node_new(&node, context, field->child_count, texts.size, err));
    memcpy(node->texts, texts.data, texts.size);
    for (int32_t i = 0; i < field->child_count; i++) {
        KTKI_TRY(export_field(context, &field->children[i], &node->children[i], err));
        node->child_pointers[i] = &node->children[i];
    }
    if (field->dictionary != NULL) {
        KTKI_TRY(export_field(context, field->dictionary, &node->dictionary, err));
    }
    *out = (struct ArrowSchema){
        .format = node->texts + format_at,
        .name = node->texts + name_at,
        .metadata = format_at == 0 ? NULL : node->texts,
        .flags = flags_of(field),
        .n_children = field->child_count,
        .children = field->child_count == 0 ? NULL : node->child_pointers,
        .dictionary = field->dictionary == NULL ? NULL : &node->dictionary,
        .release = schema_release,
        .private_data = node,
    };
    node = NULL;
out:
    node_free(node);
    ktki_buffer_clear(&texts);
    return status;
}

ktk_status ktki_schema_export(const struct schema *schema, struct ArrowSchema *out,
                              ktk_error *err) {
    const struct field row = {
        .name = "",
        .type = {.id = TYPE_STRUCT},
        .child_count = schema->field_count,
        .children = schema->fields,
        .key_value_count = schema->key_value_count,
        .key_values = schema->key_values,
    };

    return export_field(schema->context, &row, out, err);
}
