#include "parquet/metadata.h"
#include "parquet/thrift_write.h"

/* Field ids are those of parquet.thrift. */

static void put_counts(struct thrift_writer *writer, int16_t id, const int64_t *counts,
                       int32_t count) {
    if (count > 0) {
        ktki_thrift_list(writer, id, THRIFT_I64, (size_t)count);
        for (int32_t i = 0; i < count; i++) {
            ktki_thrift_list_i64(writer, counts[i]);
        }
    }
}

static void put_bounds(struct thrift_writer *writer, int16_t id, const struct parquet_bytes *bounds,
                       int32_t count) {
    ktki_thrift_list(writer, id, THRIFT_BINARY, (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        ktki_thrift_list_binary(writer, bounds[i].data, bounds[i].size);
    }
}

ktk_status ktki_column_index_encode(const struct column_index *index, struct buffer *out,
                                    ktk_error *err) {
    struct thrift_writer writer = ktki_thrift_writer(out, err);

    ktki_thrift_list(&writer, 1, THRIFT_TRUE, (size_t)index->page_count);
    for (int32_t i = 0; i < index->page_count; i++) {
        ktki_thrift_list_bool(&writer, index->null_pages[i]);
    }
    put_bounds(&writer, 2, index->mins, index->page_count);
    put_bounds(&writer, 3, index->maxs, index->page_count);
    ktki_thrift_i32(&writer, 4, index->boundary_order);
    put_counts(&writer, 5, index->null_counts, index->null_count_count);
    put_counts(&writer, 6, index->repetitions, index->repetition_count);
    put_counts(&writer, 7, index->definitions, index->definition_count);
    return ktki_thrift_finish(&writer);
}

ktk_status ktki_offset_index_encode(const struct offset_index *index, struct buffer *out,
                                    ktk_error *err) {
    struct thrift_writer writer = ktki_thrift_writer(out, err);

    ktki_thrift_list(&writer, 1, THRIFT_STRUCT, (size_t)index->page_count);
    for (int32_t i = 0; i < index->page_count; i++) {
        int16_t outer = ktki_thrift_element_begin(&writer);

        ktki_thrift_i64(&writer, 1, index->pages[i].offset);
        ktki_thrift_i32(&writer, 2, index->pages[i].size);
        ktki_thrift_i64(&writer, 3, index->pages[i].first_row);
        ktki_thrift_struct_end(&writer, outer);
    }
    put_counts(&writer, 2, index->text_bytes, index->text_bytes_count);
    return ktki_thrift_finish(&writer);
}
