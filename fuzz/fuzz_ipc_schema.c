/* A schema that decodes must encode, and what was encoded must decode to the same schema: equal
 * fields, and equal bytes when encoded once more. */
#include <string.h>

#include "arrow/ipc_schema.h"
#include "base/alloc.h"
#include "fuzz.h"

static void encode(const struct schema *schema, struct buffer *out) {
    ktki_buffer_init(out, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_ipc_schema_encode(schema, out, NULL) == KTK_OK);
}

static void check(ktk_context *context, const struct schema *schema) {
    struct schema *again = NULL;
    struct buffer first;
    struct buffer second;

    encode(schema, &first);
    FUZZ_ASSERT(ktki_ipc_schema_decode(&again, context, first.data, first.size, NULL) == KTK_OK);
    FUZZ_ASSERT(again->field_count == schema->field_count);
    for (int32_t i = 0; i < schema->field_count; i++) {
        FUZZ_ASSERT(ktki_field_equals(&schema->fields[i], &again->fields[i]));
    }
    encode(again, &second);
    FUZZ_ASSERT(first.size == second.size);
    FUZZ_ASSERT(memcmp(first.data, second.data, first.size) == 0);
    ktki_buffer_clear(&first);
    ktki_buffer_clear(&second);
    ktki_schema_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    struct schema *schema = NULL;

    options.threads = 1;
    FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    if (ktki_ipc_schema_decode(&schema, context, data, size, NULL) == KTK_OK) {
        check(context, schema);
    }
    ktki_schema_free(schema);
    ktk_context_free(context);
    return 0;
}
