#include "dataset/pandas_metadata.h"

#include <kartothek/version.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "base/json_write.h"

/* One parse: the reader, and where texts go. */
struct parser {
    struct json_reader json;
    struct arena *arena;
};

/* A member of any map: `key` decoded, for sorting; both texts as they are to be written. */
struct sorted_member {
    const char *key;
    size_t key_size;
    size_t position;
    const char *value;
    size_t value_size;
};

static int compare_members(const void *a, const void *b) {
    const struct sorted_member *first = a;
    const struct sorted_member *second = b;
    size_t common = first->key_size < second->key_size ? first->key_size : second->key_size;
    int order = common == 0 ? 0 : memcmp(first->key, second->key, common);

    if (order == 0) {
        order = (first->key_size > second->key_size) - (first->key_size < second->key_size);
    }
    return order != 0 ? order
                      : (first->position > second->position) - (first->position < second->position);
}

/* Python keeps the last of equal keys, and so do we. */
static ktk_status append_members(struct buffer *out, struct buffer *members, ktk_error *err) {
    struct sorted_member *sorted = (struct sorted_member *)members->data;
    size_t count = members->size / sizeof(*sorted);
    bool has_items = false;
    struct json_writer key;
    ktk_status status = KTK_OK;

    if (count > 0) {
        qsort(sorted, count, sizeof(*sorted), compare_members);
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '{', err));
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && sorted[i].key_size == sorted[i + 1].key_size &&
            memcmp(sorted[i].key, sorted[i + 1].key, sorted[i].key_size) == 0) {
            continue;
        }
        KTKI_TRY(ktki_buffer_append_text(out, has_items ? ", " : "", err));
        has_items = true;
        ktki_json_writer_init(&key, out);
        KTKI_TRY(ktki_json_string(&key, sorted[i].key, sorted[i].key_size, err));
        KTKI_TRY(ktki_buffer_append_text(out, ": ", err));
        KTKI_TRY(ktki_buffer_append(out, sorted[i].value, sorted[i].value_size, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(out, '}', err));
out:
    return status;
}

static ktk_status append_value(struct parser *parser, enum json_event event, struct buffer *out,
                               ktk_error *err);

/* A value that is a member of a map, as text in the arena. */
static ktk_status keep_value(struct parser *parser, const char **out, size_t *size,
                             ktk_error *err) {
    struct buffer value;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&value, parser->arena->allocator, 0);
    KTKI_TRY(ktki_json_next(&parser->json, &event, err));
    KTKI_TRY(append_value(parser, event, &value, err));
    KTKI_TRY(ktki_arena_text(parser->arena, (const char *)value.data, value.size, out, err));
    *size = value.size;
out:
    ktki_buffer_clear(&value);
    return status;
}

static ktk_status append_map(struct parser *parser, struct buffer *out, ktk_error *err) {
    struct buffer members;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&members, parser->arena->allocator, 0);
    for (size_t position = 0;; position++) {
        struct sorted_member member = {.position = position};

        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        member.key_size = parser->json.text_size;
        KTKI_TRY(ktki_arena_text(parser->arena, parser->json.text, parser->json.text_size,
                                 &member.key, err));
        KTKI_TRY(keep_value(parser, &member.value, &member.value_size, err));
        KTKI_TRY(ktki_buffer_append(&members, &member, sizeof(member), err));
    }
    KTKI_TRY(append_members(out, &members, err));
out:
    ktki_buffer_clear(&members);
    return status;
}

static ktk_status append_list(struct parser *parser, struct buffer *out, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_byte(out, '[', err));
    for (bool has_items = false;; has_items = true) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_ARRAY_END) {
            break;
        }
        KTKI_TRY(ktki_buffer_append_text(out, has_items ? ", " : "", err));
        KTKI_TRY(append_value(parser, event, out, err));
    }
    KTKI_TRY(ktki_buffer_append_byte(out, ']', err));
out:
    return status;
}

/* The value that `event` began, with sorted keys. The reader bounds the depth. */
static ktk_status append_value(struct parser *parser, enum json_event event, struct buffer *out,
                               ktk_error *err) {
    const struct json_reader *json = &parser->json;
    struct json_writer text;

    switch (event) {
    case JSON_OBJECT_BEGIN:
        return append_map(parser, out, err);
    case JSON_ARRAY_BEGIN:
        return append_list(parser, out, err);
    case JSON_STRING:
        ktki_json_writer_init(&text, out);
        return ktki_json_string(&text, json->text, json->text_size, err);
    case JSON_NUMBER:
        return ktki_buffer_append(out, json->text, json->text_size, err);
    case JSON_TRUE:
        return ktki_buffer_append_text(out, "true", err);
    case JSON_FALSE:
        return ktki_buffer_append_text(out, "false", err);
    default:
        return ktki_buffer_append_text(out, "null", err);
    }
}

/* ---- reading ---- */

static ktk_status wrong(const char *what, ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "the pandas metadata has %s", what);
}

/* A text, or NULL for null. */
static ktk_status keep_text(struct parser *parser, const char **out, ktk_error *err) {
    const struct json_reader *json = &parser->json;
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_next(&parser->json, &event, err));
    if (event == JSON_NULL) {
        *out = NULL;
        goto out;
    }
    if ((event != JSON_STRING && event != JSON_NUMBER) ||
        (json->text_size > 0 && memchr(json->text, 0, json->text_size) != NULL)) {
        KTKI_TRY(wrong("a column whose names and types are no texts", err));
    }
    KTKI_TRY(ktki_arena_text(parser->arena, json->text, json->text_size, out, err));
out:
    return status;
}

static ktk_status parse_column_member(struct parser *parser, struct pandas_column *column,
                                      ktk_error *err) {
    const struct {
        const char *key;
        const char **text;
    } texts[] = {
        {"field_name", &column->field_name},
        {"name", &column->name},
        {"pandas_type", &column->pandas_type},
        {"numpy_type", &column->numpy_type},
    };
    size_t size;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (ktki_json_is(&parser->json, texts[i].key)) {
            return keep_text(parser, texts[i].text, err);
        }
    }
    if (ktki_json_is(&parser->json, "metadata")) {
        return keep_value(parser, &column->metadata, &size, err);
    }
    return ktki_json_skip(&parser->json, NULL, NULL, err);
}

static ktk_status parse_column(struct parser *parser, struct buffer *columns, ktk_error *err) {
    struct pandas_column column = {.metadata = "null"};
    enum json_event event;
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(parse_column_member(parser, &column, err));
    }
    /* Before pyarrow 0.8 there was the name only. */
    column.field_name = column.field_name == NULL ? column.name : column.field_name;
    if (column.field_name == NULL) {
        KTKI_TRY(wrong("a column without a name", err));
    }
    KTKI_TRY(ktki_buffer_append(columns, &column, sizeof(column), err));
out:
    return status;
}

/* Arrays in the arena from what grew in a buffer. */
static ktk_status keep_array(struct parser *parser, const struct buffer *array, size_t element_size,
                             void *out, int32_t *count, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (array->size / element_size > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the pandas metadata has too many columns");
    }
    KTKI_TRY(ktki_arena_array(parser->arena, array->size, 1, out, err));
    if (array->size > 0) {
        memcpy(*(void **)out, array->data, array->size);
    }
    *count = (int32_t)(array->size / element_size);
out:
    return status;
}

static ktk_status parse_columns(struct parser *parser, struct pandas_metadata *pandas,
                                ktk_error *err) {
    struct buffer columns;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&columns, parser->arena->allocator, 0);
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_ARRAY_BEGIN, "a list of columns", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_ARRAY_END) {
            break;
        }
        if (event != JSON_OBJECT_BEGIN) {
            KTKI_TRY(wrong("a column that is no map", err));
        }
        KTKI_TRY(parse_column(parser, &columns, err));
    }
    KTKI_TRY(keep_array(parser, &columns, sizeof(struct pandas_column), &pandas->columns,
                        &pandas->column_count, err));
out:
    ktki_buffer_clear(&columns);
    return status;
}

static ktk_status parse_index(struct parser *parser, enum json_event event, struct buffer *indices,
                              ktk_error *err) {
    const struct json_reader *json = &parser->json;
    struct pandas_index index = {0};
    struct buffer value;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&value, parser->arena->allocator, 0);
    if (event == JSON_STRING) {
        KTKI_TRY(
            ktki_arena_text(parser->arena, json->text, json->text_size, &index.field_name, err));
    }
    KTKI_TRY(append_value(parser, event, &value, err));
    KTKI_TRY(
        ktki_arena_text(parser->arena, (const char *)value.data, value.size, &index.json, err));
    KTKI_TRY(ktki_buffer_append(indices, &index, sizeof(index), err));
out:
    ktki_buffer_clear(&value);
    return status;
}

static ktk_status parse_indices(struct parser *parser, struct pandas_metadata *pandas,
                                ktk_error *err) {
    struct buffer indices;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&indices, parser->arena->allocator, 0);
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_ARRAY_BEGIN, "a list of index columns", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_ARRAY_END) {
            break;
        }
        KTKI_TRY(parse_index(parser, event, &indices, err));
    }
    KTKI_TRY(keep_array(parser, &indices, sizeof(struct pandas_index), &pandas->indices,
                        &pandas->index_count, err));
out:
    ktki_buffer_clear(&indices);
    return status;
}

static ktk_status parse_member(struct parser *parser, struct pandas_metadata *pandas,
                               struct buffer *members, ktk_error *err) {
    struct json_reader *json = &parser->json;
    struct pandas_member member = {0};
    size_t size;
    ktk_status status = KTK_OK;

    if (ktki_json_is(json, "columns")) {
        return parse_columns(parser, pandas, err);
    }
    if (ktki_json_is(json, "index_columns")) {
        return parse_indices(parser, pandas, err);
    }
    if (json->text_size > 0 && memchr(json->text, 0, json->text_size) != NULL) {
        return wrong("a key with a NUL", err);
    }
    KTKI_TRY(ktki_arena_text(parser->arena, json->text, json->text_size, &member.key, err));
    KTKI_TRY(keep_value(parser, &member.json, &size, err));
    KTKI_TRY(ktki_buffer_append(members, &member, sizeof(member), err));
out:
    return status;
}

static ktk_status parse_map(struct parser *parser, struct pandas_metadata *pandas, ktk_error *err) {
    struct buffer members;
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&members, parser->arena->allocator, 0);
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&parser->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(parse_member(parser, pandas, &members, err));
    }
    KTKI_TRY(ktki_json_expect(&parser->json, JSON_END, "the end of the text", err));
    KTKI_TRY(keep_array(parser, &members, sizeof(struct pandas_member), &pandas->members,
                        &pandas->member_count, err));
out:
    ktki_buffer_clear(&members);
    return status;
}

ktk_status ktki_pandas_parse(struct pandas_metadata *out, bool *has_entry, struct arena *arena,
                             const struct schema *schema, ktk_error *err) {
    const struct key_value *entry = ktki_schema_key_value(schema, KTKI_PANDAS_KEY);
    struct pandas_metadata pandas = {0};
    struct parser parser = {.arena = arena};
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&parser.json, arena->allocator, entry != NULL ? entry->value : "",
                          entry != NULL ? entry->value_size : 0,
                          ktki_context_limits(schema->context)->nesting_max);
    if (entry != NULL) {
        status = parse_map(&parser, &pandas, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "pandas metadata");
            goto out;
        }
    }
    *out = pandas;
    *has_entry = entry != NULL;
out:
    ktki_json_reader_clear(&parser.json);
    return status;
}

/* ---- making and writing ---- */

ktk_status ktki_pandas_init(struct pandas_metadata *out, struct arena *arena, ktk_error *err) {
    static const struct pandas_member members[] = {
        {"column_indexes", "[{\"field_name\": null, \"metadata\": {\"encoding\": \"UTF-8\"}, "
                           "\"name\": null, \"numpy_type\": \"object\", \"pandas_type\": "
                           "\"unicode\"}]"},
        {"creator", "{\"library\": \"kartothek\", \"version\": \"" KTK_VERSION_TEXT "\"}"},
        {"pandas_version", "null"},
    };
    struct pandas_metadata pandas = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(arena, 1, sizeof(members), &pandas.members, err));
    memcpy(pandas.members, members, sizeof(members));
    pandas.member_count = (int32_t)(sizeof(members) / sizeof(members[0]));
    *out = pandas;
out:
    return status;
}

static ktk_status write_text_member(struct json_writer *json, const char *key, const char *text,
                                    ktk_error *err) {
    ktk_status status = ktki_json_key(json, key, err);

    return status == KTK_OK ? ktki_json_text(json, text, err) : status;
}

static ktk_status write_columns(const struct pandas_metadata *pandas, struct buffer *out,
                                ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_array(&json, err));
    for (int32_t i = 0; i < pandas->column_count; i++) {
        const struct pandas_column *column = &pandas->columns[i];

        KTKI_TRY(ktki_json_begin_object(&json, err));
        KTKI_TRY(write_text_member(&json, "field_name", column->field_name, err));
        KTKI_TRY(ktki_json_key(&json, "metadata", err));
        KTKI_TRY(ktki_json_raw(&json, column->metadata, strlen(column->metadata), err));
        KTKI_TRY(write_text_member(&json, "name", column->name, err));
        KTKI_TRY(write_text_member(&json, "numpy_type", column->numpy_type, err));
        KTKI_TRY(write_text_member(&json, "pandas_type", column->pandas_type, err));
        KTKI_TRY(ktki_json_end_object(&json, err));
    }
    KTKI_TRY(ktki_json_end_array(&json, err));
out:
    return status;
}

static ktk_status write_indices(const struct pandas_metadata *pandas, struct buffer *out,
                                ktk_error *err) {
    struct json_writer json;
    ktk_status status = KTK_OK;

    ktki_json_writer_init(&json, out);
    KTKI_TRY(ktki_json_begin_array(&json, err));
    for (int32_t i = 0; i < pandas->index_count; i++) {
        const char *text = pandas->indices[i].json;

        KTKI_TRY(ktki_json_raw(&json, text, strlen(text), err));
    }
    KTKI_TRY(ktki_json_end_array(&json, err));
out:
    return status;
}

static ktk_status add_member(struct buffer *members, const char *key, const char *value,
                             size_t value_size, ktk_error *err) {
    const struct sorted_member member = {key, strlen(key), members->size / sizeof(member), value,
                                         value_size};

    return ktki_buffer_append(members, &member, sizeof(member), err);
}

ktk_status ktki_pandas_write(const struct pandas_metadata *pandas, struct arena *arena,
                             struct buffer *out, ktk_error *err) {
    struct buffer columns;
    struct buffer indices;
    struct buffer members;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&columns, arena->allocator, 0);
    ktki_buffer_init(&indices, arena->allocator, 0);
    ktki_buffer_init(&members, arena->allocator, 0);
    KTKI_TRY(write_columns(pandas, &columns, err));
    KTKI_TRY(write_indices(pandas, &indices, err));
    for (int32_t i = 0; i < pandas->member_count; i++) {
        const struct pandas_member *member = &pandas->members[i];

        KTKI_TRY(add_member(&members, member->key, member->json, strlen(member->json), err));
    }
    KTKI_TRY(add_member(&members, "columns", (const char *)columns.data, columns.size, err));
    KTKI_TRY(add_member(&members, "index_columns", (const char *)indices.data, indices.size, err));
    KTKI_TRY(append_members(out, &members, err));
out:
    ktki_buffer_clear(&members);
    ktki_buffer_clear(&indices);
    ktki_buffer_clear(&columns);
    return status;
}

ktk_status ktki_pandas_attach(const struct pandas_metadata *pandas, struct arena *arena,
                              struct schema *schema, ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, arena->allocator, 0);
    KTKI_TRY(ktki_pandas_write(pandas, arena, &text, err));
    KTKI_TRY(ktki_schema_set_key_value(schema, KTKI_PANDAS_KEY, (const char *)text.data, text.size,
                                       err));
out:
    ktki_buffer_clear(&text);
    return status;
}
