/* The `pandas` entry of a schema: what was read and is written is written the same again, and a
 * schema that is normalised stays as it is. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/context.h"
#include "dataset/pandas_metadata.h"
#include "dataset/table_schema.h"

static void check_round_trip(struct schema *data, const struct pandas_metadata *pandas,
                             struct arena *arena) {
    struct pandas_metadata again;
    struct buffer first;
    struct buffer second;
    bool has_entry;

    ktki_buffer_init(&first, arena->allocator, 0);
    ktki_buffer_init(&second, arena->allocator, 0);
    FUZZ_ASSERT(ktki_pandas_write(pandas, arena, &first, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_schema_set_key_value(data, KTKI_PANDAS_KEY, (const char *)first.data,
                                          first.size, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_pandas_parse(&again, &has_entry, arena, data, NULL) == KTK_OK && has_entry);
    FUZZ_ASSERT(ktki_pandas_write(&again, arena, &second, NULL) == KTK_OK);
    FUZZ_ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    ktki_buffer_clear(&second);
    ktki_buffer_clear(&first);
}

static void check_normalise(const struct schema *data) {
    static const char *const keys[] = {"b"};
    struct schema *normal;
    struct schema *again;
    ktk_error err;

    if (ktki_table_schema_normalise(&normal, data, keys, 1, &err) != KTK_OK) {
        FUZZ_ASSERT(err.status == KTK_E_UNSUPPORTED);
        return;
    }
    FUZZ_ASSERT(ktki_table_schema_normalise(&again, normal, keys, 1, &err) == KTK_OK);
    FUZZ_ASSERT(normal->field_count <= data->field_count);
    FUZZ_ASSERT(again->field_count == normal->field_count);
    FUZZ_ASSERT(strcmp(ktki_schema_key_value(normal, KTKI_PANDAS_KEY)->value,
                       ktki_schema_key_value(again, KTKI_PANDAS_KEY)->value) == 0);
    ktki_schema_free(again);
    ktki_schema_free(normal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    struct pandas_metadata pandas;
    struct schema *schema;
    struct arena arena;
    ktk_context *context;
    bool has_entry;

    options.threads = 1;
    FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    ktki_arena_init(&arena, ktki_context_allocator(context));
    FUZZ_ASSERT(ktki_schema_new(&schema, context, 3, NULL) == KTK_OK);
    schema->fields[0] = (struct field){.name = "a", .type = {.id = TYPE_INT8}, .nullable = true};
    schema->fields[1] = (struct field){.name = "b", .type = {.id = TYPE_STRING}, .nullable = true};
    schema->fields[2] = (struct field){.name = "i", .type = {.id = TYPE_INT64}, .nullable = true};
    FUZZ_ASSERT(ktki_schema_set_key_value(schema, KTKI_PANDAS_KEY, (const char *)data, size,
                                          NULL) == KTK_OK);
    if (ktki_pandas_parse(&pandas, &has_entry, &arena, schema, NULL) == KTK_OK) {
        FUZZ_ASSERT(has_entry);
        check_normalise(schema);
        check_round_trip(schema, &pandas, &arena);
    }
    ktki_schema_free(schema);
    ktki_arena_clear(&arena);
    ktk_context_free(context);
    return 0;
}
