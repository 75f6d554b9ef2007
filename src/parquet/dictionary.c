#include "base/error.h"
#include "base/text.h"
#include "parquet/leaf_reader.h"
#include "parquet/names.h"

static ktk_status too_short(ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "its dictionary holds fewer values than announced");
}

static ktk_status load_fixed(struct leaf_reader *reader, struct cursor values, size_t count,
                             ktk_error *err) {
    const struct value_rule *rule = &reader->rule;
    const struct cursor whole = values;
    struct scratch_block *block = &reader->scratch->dictionary;
    ktk_status status = KTK_OK;

    if (rule->read == NULL) {
        if (count > ktki_cursor_left(&values) / rule->width) {
            return too_short(err);
        }
        reader->dictionary.values = values.at;
        return KTK_OK;
    }
    /* A value takes a byte at least, so that no count can ask for more memory than there is input.
     */
    if (count > ktki_cursor_left(&values)) {
        return too_short(err);
    }
    KTKI_TRY(ktki_scratch_reserve(reader->scratch, block, count * rule->width, err));
    if (!rule->read(&values, rule->plain_width, count, block->data, rule->width)) {
        status = ktki_value_fault(rule, whole, count, err);
        goto out;
    }
    reader->dictionary.values = block->data;
out:
    return status;
}

static ktk_status check_utf8(const struct leaf_reader *reader, const struct cursor *values,
                             const struct text_entry *texts, size_t count, ktk_error *err) {
    if (!reader->rule.is_utf8) {
        return KTK_OK;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *text = values->at + texts[i].offset;
        if (!reader->kernels->is_ascii(text, texts[i].size) &&
            !ktki_utf8_is_valid(text, texts[i].size)) {
            return ktk_error_set(err, KTK_E_CORRUPT, "text %zu of its dictionary is not UTF-8", i);
        }
    }
    return KTK_OK;
}

static ktk_status load_texts(struct leaf_reader *reader, struct cursor values, size_t count,
                             ktk_error *err) {
    struct scratch_block *block = &reader->scratch->dictionary;
    struct cursor in = values;
    struct text_entry *texts;
    bool is_even = true;
    ktk_status status = KTK_OK;

    if (count > ktki_cursor_left(&values) / sizeof(uint32_t)) {
        return too_short(err);
    }
    KTKI_TRY(ktki_scratch_reserve(reader->scratch, block, (count + 1) * sizeof(*texts), err));
    texts = (struct text_entry *)block->data;
    for (size_t i = 0; i < count; i++) {
        uint32_t size;
        if (!ktki_cursor_u32le(&in, &size)) {
            status = too_short(err);
            goto out;
        }
        texts[i] = (struct text_entry){(uint32_t)(in.at - values.at), size};
        is_even &= size == texts[0].size;
        if (!ktki_cursor_skip(&in, size)) {
            status = too_short(err);
            goto out;
        }
    }
    texts[count] = (struct text_entry){0, 0};
    KTKI_TRY(check_utf8(reader, &values, texts, count, err));
    reader->dictionary.texts = texts;
    reader->dictionary.bytes = values.at;
    reader->dictionary.is_even = is_even;
    reader->dictionary.even_size = texts[0].size;
out:
    return status;
}

ktk_status ktki_dictionary_load(struct leaf_reader *reader, const struct page *page,
                                ktk_error *err) {
    const struct page_header *header = &page->header;
    struct cursor values;
    ktk_status status = KTK_OK;

    if (header->encoding != PQ_PLAIN && header->encoding != PQ_PLAIN_DICTIONARY) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "a dictionary in the encoding %s is not supported",
                  ktki_parquet_encoding_name((int32_t)header->encoding));
    }
    KTKI_TRY(ktki_page_dictionary(&values, page, &reader->format, reader->scratch, err));
    switch (reader->rule.entries) {
    case SINK_FIXED:
        KTKI_TRY(load_fixed(reader, values, (size_t)header->value_count, err));
        break;
    case SINK_TEXT_32:
    case SINK_TEXT_64:
        KTKI_TRY(load_texts(reader, values, (size_t)header->value_count, err));
        break;
    default:
        break; /* booleans have no dictionary encoding, nulls no values */
    }
    reader->dictionary.count = (uint32_t)header->value_count;
    reader->dictionary.is_present = true;
out:
    return status;
}
