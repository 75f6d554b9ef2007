#include "support/test.h"

#include <stdio.h>

#include "arrow/flatbuffer_write.h"
#include "arrow/ipc_schema.h"
#include "base/context.h"

#define FOLDER "fuzz/corpora/ipc_schema/"

/* The description that fuzz/corpora/make_ipc_schema_seeds.py writes. */
struct text {
    char data[65536];
    size_t size;
};

static void put(struct text *text, const char *format, ...) KTK_PRINTF(2, 3);

static void put(struct text *text, const char *format, ...) {
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text->data + text->size, sizeof(text->data) - text->size, format, args);
    va_end(args);
    assert_true(size >= 0 && (size_t)size < sizeof(text->data) - text->size);
    text->size += (size_t)size;
}

static const char *const plain_names[TYPE_COUNT] = {
    [TYPE_NULL] = "null",
    [TYPE_BOOL] = "bool",
    [TYPE_INT8] = "int8",
    [TYPE_INT16] = "int16",
    [TYPE_INT32] = "int32",
    [TYPE_INT64] = "int64",
    [TYPE_UINT8] = "uint8",
    [TYPE_UINT16] = "uint16",
    [TYPE_UINT32] = "uint32",
    [TYPE_UINT64] = "uint64",
    [TYPE_FLOAT16] = "float16",
    [TYPE_FLOAT32] = "float32",
    [TYPE_FLOAT64] = "float64",
    [TYPE_STRING] = "string",
    [TYPE_LARGE_STRING] = "large_string",
    [TYPE_BINARY] = "binary",
    [TYPE_LARGE_BINARY] = "large_binary",
    [TYPE_STRING_VIEW] = "string_view",
    [TYPE_BINARY_VIEW] = "binary_view",
    [TYPE_DATE32] = "date32",
    [TYPE_DATE64] = "date64",
};

static void describe_type(struct text *out, const struct field *field);

static void describe_field(struct text *out, const struct field *field) {
    put(out, "%s:", field->name);
    describe_type(out, field);
    put(out, "%s", field->nullable ? "?" : "");
    for (int32_t i = 0; i < field->key_value_count; i++) {
        put(out, "{%s=%s}", field->key_values[i].key, field->key_values[i].value);
    }
}

static void describe_children(struct text *out, const struct field *field) {
    put(out, "<");
    for (int32_t i = 0; i < field->child_count; i++) {
        put(out, "%s", i > 0 ? "," : "");
        describe_field(out, &field->children[i]);
    }
    put(out, ">");
}

static void describe_type(struct text *out, const struct field *field) {
    static const char *const units[] = {"s", "ms", "us", "ns"};
    const struct data_type *type = &field->type;

    switch (type->id) {
    case TYPE_FIXED_BINARY:
        put(out, "fixed_binary(%d)", type->width);
        break;
    case TYPE_TIME32:
    case TYPE_TIME64:
        put(out, "time%d(%s)", type->id == TYPE_TIME32 ? 32 : 64, units[type->unit]);
        break;
    case TYPE_TIMESTAMP:
        put(out, "timestamp(%s,%s)", units[type->unit],
            type->timezone == NULL ? "" : type->timezone);
        break;
    case TYPE_DURATION:
        put(out, "duration(%s)", units[type->unit]);
        break;
    case TYPE_INTERVAL:
        put(out, "interval(%d)", type->width);
        break;
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        put(out, "decimal%d(%d,%d)", type->id == TYPE_DECIMAL128 ? 128 : 256, type->precision,
            type->scale);
        break;
    case TYPE_FIXED_LIST:
        put(out, "fixed_list(%d)", type->width);
        describe_children(out, field);
        break;
    case TYPE_MAP:
        put(out, "map(%s%s)", field->children[0].name, field->keys_sorted ? ",sorted" : "");
        assert_false(field->children[0].nullable);
        describe_children(out, &field->children[0]);
        break;
    case TYPE_DICTIONARY:
        put(out, "dictionary(%s%s)<", plain_names[type->index], type->ordered ? ",ordered" : "");
        describe_type(out, field->dictionary);
        put(out, ">");
        break;
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
    case TYPE_STRUCT:
        put(out, "%s",
            type->id == TYPE_LIST     ? "list"
            : type->id == TYPE_STRUCT ? "struct"
                                      : "large_list");
        describe_children(out, field);
        break;
    default:
        put(out, "%s", plain_names[type->id]);
    }
}

static void describe_schema(struct text *out, const struct schema *schema) {
    for (int32_t i = 0; i < schema->field_count; i++) {
        put(out, "field ");
        describe_field(out, &schema->fields[i]);
        put(out, "\n");
    }
    for (int32_t i = 0; i < schema->key_value_count; i++) {
        put(out, "metadata %s=%zu\n", schema->key_values[i].key, schema->key_values[i].value_size);
    }
}

static void check_description(const struct schema *schema, const char *wanted, size_t size) {
    static struct text text;

    text.size = 0;
    text.data[0] = '\0';
    describe_schema(&text, schema);
    if (text.size != size || memcmp(text.data, wanted, size) != 0) {
        fail_msg("got:\n%s\nwanted:\n%.*s", text.data, (int)size, wanted);
    }
}

/* Decode a message of the corpus, compare it, encode it and compare again. */
static void check_message(ktk_context *context, const char *name, const char *wanted, size_t size) {
    char path[512];
    size_t message_size;
    uint8_t *message;
    struct schema *schema = NULL;
    struct schema *again = NULL;
    struct buffer encoded;
    ktk_error err;

    (void)snprintf(path, sizeof(path), FOLDER "%s", name);
    message = test_read_source_file(path, &message_size);
    CHECK_OK(ktki_ipc_schema_decode(&schema, context, message, message_size, &err));
    check_description(schema, wanted, size);
    ktki_buffer_init(&encoded, test_allocator(), 0);
    CHECK_OK(ktki_ipc_schema_encode(schema, &encoded, &err));
    assert_int_equal(encoded.size % 8, 0);
    CHECK_OK(ktki_ipc_schema_decode(&again, context, encoded.data, encoded.size, &err));
    check_description(again, wanted, size);
    for (int32_t i = 0; i < schema->key_value_count; i++) {
        assert_memory_equal(schema->key_values[i].value, again->key_values[i].value,
                            schema->key_values[i].value_size + 1);
    }
    ktki_buffer_clear(&encoded);
    ktki_schema_free(schema);
    ktki_schema_free(again);
    test_data_free(message);
}

static void reads_what_pyarrow_wrote(void **unused) {
    ktk_context *context = test_context_new(1);
    size_t size;
    char *text = (char *)test_read_source_file("tests/data/arrow/ipc_schema.txt", &size);
    const char *end = text + size;
    int count = 0;

    (void)unused;
    for (char *at = text; at < end; count++) {
        char name[64];
        char *from = (char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        char *to = from;

        assert_int_equal(sscanf(at, "message %63s", name), 1);
        while (to < end && strncmp(to, "message ", 8) != 0) {
            to = (char *)memchr(to, '\n', (size_t)(end - to)) + 1;
        }
        check_message(context, name, from, (size_t)(to - from));
        at = to;
    }
    assert_true(count > 100);
    test_data_free(text);
    test_context_free(context);
}

/* Laid out by hand from the rules of Flatbuffers: one nullable column "a" of int32. Positions count
 * from behind the length; pyarrow reads these bytes as that schema. */
/* clang-format off */
static const uint8_t small_message[] = {
    0xFF, 0xFF, 0xFF, 0xFF, 136, 0, 0, 0, /* continuation, length */
    16, 0, 0, 0, 0, 0,                    /* 0: root table at 16; 4: padding */
    10, 0, 11, 0, 8, 0, 10, 0, 4, 0,      /* 6: vtable: version 8, header type 10, header 4 */
    10, 0, 0, 0, 20, 0, 0, 0, 4, 0, 1,    /* 16: message: header at 20 + 20, V5, a schema */
    0, 0, 0,                              /* 27 */
    10, 0, 8, 0, 0, 0, 4, 0, 0, 0,        /* 30: vtable: fields 4, nothing else */
    10, 0, 0, 0, 4, 0, 0, 0,              /* 40: schema: fields at 44 + 4 */
    1, 0, 0, 0, 28, 0, 0, 0,              /* 48: one field, at 52 + 28 */
    0, 0, 0, 0, 0, 0,                     /* 56 */
    18, 0, 18, 0, 4, 0, 16, 0, 17, 0,     /* 62: vtable: name 4, nullable 16, type number 17, */
    8, 0, 0, 0, 12, 0, 0, 0,              /* 72: type 8, no dictionary, children 12, no metadata */
    18, 0, 0, 0, 16, 0, 0, 0,             /* 80: field: name at 84 + 16 */
    32, 0, 0, 0, 40, 0, 0, 0,             /* 88: type at 88 + 32, children at 92 + 40 */
    1, 2, 0, 0,                           /* 96: nullable, Int */
    1, 0, 0, 0, 'a', 0,                   /* 100: name */
    0, 0, 0, 0, 0, 0,                     /* 106 */
    8, 0, 9, 0, 4, 0, 8, 0,               /* 112: vtable: bits 4, signed 8 */
    8, 0, 0, 0, 32, 0, 0, 0, 1,           /* 120: Int */
    0, 0, 0,                              /* 129 */
    0, 0, 0, 0,                           /* 132: no children */
};
/* clang-format on */

static void encodes_a_small_schema_as_laid_out_by_hand(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = NULL;
    struct buffer out;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    schema->fields[0] = (struct field){.name = "a", .type = {.id = TYPE_INT32}, .nullable = true};
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&out, "before", &err));
    CHECK_OK(ktki_ipc_schema_encode(schema, &out, &err));
    assert_int_equal(out.size, 6 + sizeof(small_message));
    assert_memory_equal(out.data + 6, small_message, sizeof(small_message));
    ktki_buffer_clear(&out);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void decodes_a_small_schema_laid_out_by_hand(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_ipc_schema_decode(&schema, context, small_message, sizeof(small_message), &err));
    check_description(schema, "field a:int32?\n", 15);
    ktki_schema_free(schema);
    test_context_free(context);
}

/* One byte of the message above changed. */
static void refuses_damaged_messages(void **unused) {
    static const struct {
        size_t position;
        uint8_t value;
        ktk_status status;
        const char *message;
    } cases[] = {
        {0, 200, KTK_E_CORRUPT, "bad root table"}, {24, 2, KTK_E_UNSUPPORTED, "version number 2"},
        {26, 3, KTK_E_CORRUPT, "holds no schema"}, {20, 0, KTK_E_CORRUPT, "holds no schema"},
        {48, 255, KTK_E_CORRUPT, "bad fields"},    {52, 255, KTK_E_CORRUPT, "bad field"},
        {97, 0, KTK_E_CORRUPT, "without a type"},  {97, 27, KTK_E_UNSUPPORTED, "type number 27"},
        {124, 33, KTK_E_CORRUPT, "integer width"}, {104, 0x80, KTK_E_CORRUPT, "not UTF-8"},
        {104, 0, KTK_E_UNSUPPORTED, "NUL inside"}, {100, 255, KTK_E_CORRUPT, "bad text"},
    };
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t message[sizeof(small_message)];
        struct schema *schema = TEST_POISON;

        memcpy(message, small_message, sizeof(message));
        message[8 + cases[i].position] = cases[i].value;
        CHECK_STATUS(ktki_ipc_schema_decode(&schema, context, message, sizeof(message), &err),
                     cases[i].status);
        CHECK_MESSAGE(cases[i].message);
        assert_ptr_equal(schema, TEST_POISON);
    }
    test_context_free(context);
}

static void refuses_what_it_cannot_hold(void **unused) {
    static const struct {
        const char *name;
        ktk_status status;
        const char *message;
    } cases[] = {
        {"refused_union.bin", KTK_E_UNSUPPORTED, "column 0: the Arrow type union"},
        {"refused_run_ends.bin", KTK_E_UNSUPPORTED, "run-end encoded"},
        {"refused_list_view.bin", KTK_E_UNSUPPORTED, "list view"},
        {"refused_decimal32.bin", KTK_E_UNSUPPORTED, "decimals of 32 bits"},
        {"refused_deep.bin", KTK_E_LIMIT, "more than 64 levels"},
    };
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schema *schema = TEST_POISON;
        char path[512];
        size_t size;
        uint8_t *message;

        (void)snprintf(path, sizeof(path), FOLDER "%s", cases[i].name);
        message = test_read_source_file(path, &size);
        CHECK_STATUS(ktki_ipc_schema_decode(&schema, context, message, size, &err),
                     cases[i].status);
        CHECK_MESSAGE(cases[i].message);
        assert_ptr_equal(schema, TEST_POISON);
        test_data_free(message);
    }
    test_context_free(context);
}

static void refuses_every_cut(void **unused) {
    ktk_context *context = test_context_new(1);
    size_t size;
    uint8_t *message = test_read_source_file(FOLDER "made_nested.bin", &size);
    ktk_error err;

    (void)unused;
    for (size_t cut = 0; cut < size; cut++) {
        struct schema *schema = TEST_POISON;

        CHECK_STATUS(ktki_ipc_schema_decode(&schema, context, message, cut, &err), KTK_E_CORRUPT);
        assert_ptr_equal(schema, TEST_POISON);
    }
    test_data_free(message);
    test_context_free(context);
}

/* Let a second offset lead where the first one does. */
static void share(struct buffer *buffer, size_t first, size_t second) {
    uint32_t distance;

    memcpy(&distance, buffer->data + first, sizeof(distance));
    distance -= (uint32_t)(second - first);
    memcpy(buffer->data + second, &distance, sizeof(distance));
}

static void write_field_with_twins(struct flatbuffer_writer *writer, size_t reference,
                                   size_t *items) {
    struct flatbuffer_slot slots[] = {{0, 0, 0},
                                      {0, 0, 0},
                                      {1, 13, 0}, /* a struct */
                                      FLATBUFFER_REFERENCE,
                                      {0, 0, 0},
                                      FLATBUFFER_REFERENCE};
    ktk_error err;

    CHECK_OK(ktki_flatbuffer_write_table(writer, reference, slots, 6, &err));
    CHECK_OK(ktki_flatbuffer_write_table(writer, slots[3].at, NULL, 0, &err));
    CHECK_OK(ktki_flatbuffer_write_vector(writer, slots[5].at, 2, items, &err));
}

/* A struct whose two children are one and the same struct, and so on for 40 levels: 2^40 fields in
 * 2 KiB. */
static void bounds_the_work_on_shared_tables(void **unused) {
    ktk_context *context = test_context_new(1);
    struct flatbuffer_slot message[] = {{2, 4, 0}, {1, 1, 0}, FLATBUFFER_REFERENCE};
    struct flatbuffer_slot schema_slots[] = {{0, 0, 0}, FLATBUFFER_REFERENCE};
    struct flatbuffer_writer writer;
    struct schema *schema = TEST_POISON;
    struct buffer flat;
    struct buffer out;
    size_t reference;
    size_t items;
    uint32_t size;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&flat, test_allocator(), 0);
    CHECK_OK(ktki_flatbuffer_begin(&writer, &flat, &reference, &err));
    CHECK_OK(ktki_flatbuffer_write_table(&writer, reference, message, 3, &err));
    CHECK_OK(ktki_flatbuffer_write_table(&writer, message[2].at, schema_slots, 2, &err));
    CHECK_OK(ktki_flatbuffer_write_vector(&writer, schema_slots[1].at, 1, &reference, &err));
    for (int level = 0; level < 40; level++) {
        write_field_with_twins(&writer, reference, &items);
        if (level > 0) {
            share(&flat, reference, reference + 4);
        }
        reference = items;
    }
    ktki_buffer_init(&out, test_allocator(), 0);
    size = (uint32_t)flat.size;
    CHECK_OK(ktki_buffer_append(&out, &size, sizeof(size), &err));
    CHECK_OK(ktki_buffer_append(&out, flat.data, flat.size, &err));
    CHECK_STATUS(ktki_ipc_schema_decode(&schema, context, out.data, out.size, &err), KTK_E_CORRUPT);
    assert_ptr_equal(schema, TEST_POISON);
    ktki_buffer_clear(&flat);
    ktki_buffer_clear(&out);
    test_context_free(context);
}

static void survives_each_failing_allocation(void **unused) {
    size_t size;
    uint8_t *message = test_read_source_file(FOLDER "made_dictionaries.bin", &size);
    bool done = false;
    int64_t n = 0;

    (void)unused;
    for (; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct schema *schema = NULL;
        ktk_error err;
        struct buffer encoded;
        ktk_status status = ktki_ipc_schema_decode(&schema, context, message, size, &err);

        ktki_buffer_init(&encoded, ktki_context_allocator(context), 0);
        if (status == KTK_OK) {
            status = ktki_ipc_schema_encode(schema, &encoded, &err);
            assert_true(status == KTK_OK || encoded.size == 0);
        }
        done = status == KTK_OK;
        assert_true(done || status == KTK_E_NO_MEMORY);
        ktki_buffer_clear(&encoded);
        ktki_schema_free(schema);
        test_context_free(context);
    }
    assert_true(n > 2);
    test_data_free(message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_pyarrow_wrote),
        cmocka_unit_test(encodes_a_small_schema_as_laid_out_by_hand),
        cmocka_unit_test(decodes_a_small_schema_laid_out_by_hand),
        cmocka_unit_test(refuses_damaged_messages),
        cmocka_unit_test(refuses_what_it_cannot_hold),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(bounds_the_work_on_shared_tables),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
