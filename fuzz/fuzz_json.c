/* JSON: what is read has one normal form, ASCII throughout, that is read again as the same; passing
 * over a document accepts what going through it accepts; every number has a value. */
#include "fuzz.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/text.h"

#define DEPTH_MAX 63

static void check_number(const struct json_reader *reader) {
    double value = 0;

    FUZZ_ASSERT(reader->text_size > 0);
    FUZZ_ASSERT(ktki_parse_f64(reader->text, reader->text_size, &value));
}

static ktk_status walk(const char *text, size_t size) {
    struct json_reader reader;
    enum json_event event = JSON_NULL;
    int32_t depth = 0;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&reader, ktki_alloc_default(), text, size, DEPTH_MAX);
    while (event != JSON_END) {
        status = ktki_json_next(&reader, &event, NULL);
        if (status != KTK_OK) {
            break;
        }
        depth += event == JSON_OBJECT_BEGIN || event == JSON_ARRAY_BEGIN ? 1 : 0;
        depth -= event == JSON_OBJECT_END || event == JSON_ARRAY_END ? 1 : 0;
        FUZZ_ASSERT(depth == reader.depth && depth >= 0 && depth <= DEPTH_MAX);
        FUZZ_ASSERT(reader.token >= text && reader.token <= reader.at);
        FUZZ_ASSERT(reader.at <= text + size);
        if (event == JSON_KEY || event == JSON_STRING) {
            FUZZ_ASSERT(ktki_utf8_is_valid(reader.text, reader.text_size));
        } else if (event == JSON_NUMBER) {
            check_number(&reader);
        }
    }
    ktki_json_reader_clear(&reader);
    return status;
}

static ktk_status skip(const char *text, size_t size) {
    struct json_reader reader;
    enum json_event event = JSON_NULL;
    ktk_status status;

    ktki_json_reader_init(&reader, ktki_alloc_default(), text, size, DEPTH_MAX);
    status = ktki_json_skip(&reader, NULL, NULL, NULL);
    if (status == KTK_OK) {
        status = ktki_json_next(&reader, &event, NULL);
        FUZZ_ASSERT(status != KTK_OK || event == JSON_END);
    }
    ktki_json_reader_clear(&reader);
    return status;
}

static void check_normal_form(const struct buffer *first) {
    struct buffer second;

    for (size_t i = 0; i < first->size; i++) {
        FUZZ_ASSERT(first->data[i] >= 0x20 && first->data[i] < 0x7F);
    }
    ktki_buffer_init(&second, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_json_normalise(&second, (const char *)first->data, first->size, true,
                                    ktki_alloc_default(), NULL) == KTK_OK);
    FUZZ_ASSERT(second.size == first->size);
    FUZZ_ASSERT(memcmp(second.data, first->data, first->size) == 0);
    ktki_buffer_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    ktk_status status = walk(text, size);
    struct buffer first;

    ktki_buffer_init(&first, ktki_alloc_default(), 0);
    FUZZ_ASSERT(skip(text, size) == status);
    FUZZ_ASSERT(ktki_json_normalise(&first, text, size, true, ktki_alloc_default(), NULL) ==
                status);
    if (status == KTK_OK) {
        check_normal_form(&first);
    } else {
        FUZZ_ASSERT(first.size == 0);
    }
    ktki_buffer_clear(&first);
    return 0;
}
