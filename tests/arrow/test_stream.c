#include "arrow/stream.h"

#include "support/test.h"

#include <errno.h>

#include <kartothek/arrow.h>

/* A stream of ours dressed as one of another library: the callbacks are other functions. */
struct dressed {
    struct ArrowArrayStream inner;
};

static int dressed_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct dressed *dressed = stream->private_data;
    return dressed->inner.get_schema(&dressed->inner, out);
}

static int dressed_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct dressed *dressed = stream->private_data;
    return dressed->inner.get_next(&dressed->inner, out);
}

static const char *dressed_error(struct ArrowArrayStream *stream) {
    struct dressed *dressed = stream->private_data;
    return dressed->inner.get_last_error(&dressed->inner);
}

static void dressed_release(struct ArrowArrayStream *stream) {
    struct dressed *dressed = stream->private_data;
    dressed->inner.release(&dressed->inner);
    stream->release = NULL;
}

static struct ArrowArrayStream dress(struct dressed *dressed, struct ArrowArrayStream *inner) {
    dressed->inner = *inner;
    inner->release = NULL;
    return (struct ArrowArrayStream){dressed_schema, dressed_next, dressed_error, dressed_release,
                                     dressed};
}

static ktk_status make_schema(struct schema **out, ktk_context *context, ktk_error *err) {
    ktk_status status = ktki_schema_new(out, context, 1, err);

    if (status == KTK_OK) {
        (*out)->fields[0] =
            (struct field){.name = "n", .type = {.id = TYPE_INT64}, .nullable = true};
    }
    return status;
}

static ktk_status make_batch(struct batch *out, struct schema *schema, int64_t rows,
                             ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = ktki_batch_init(&batch, schema, rows, err);

    if (status == KTK_OK) {
        status =
            ktki_array_nulls(&batch.columns[0], schema->context, &schema->fields[0], rows, err);
    }
    if (status == KTK_OK) {
        *out = batch;
    } else {
        ktki_batch_clear(&batch);
    }
    return status;
}

/* Two batches of 3 and 0 rows. */
static ktk_status make_stream(struct ArrowArrayStream *out, ktk_context *context, ktk_error *err) {
    struct schema *schema = NULL;
    struct batch batches[2] = {{0}};
    ktk_status status = make_schema(&schema, context, err);

    if (status == KTK_OK) {
        status = make_batch(&batches[0], schema, 3, err);
    }
    if (status == KTK_OK) {
        status = make_batch(&batches[1], schema, 0, err);
    }
    if (status == KTK_OK) {
        status = ktki_stream_of_batches(out, context, schema, batches, 2, err);
        assert_int_equal(batches[0].schema == NULL, status == KTK_OK);
    }
    ktki_batch_clear(&batches[0]);
    ktki_batch_clear(&batches[1]);
    ktki_schema_free(schema);
    return status;
}

static ktk_status read_all(struct ArrowArrayStream *stream, ktk_context *context, int64_t *rows,
                           int *batches, ktk_error *err) {
    struct stream_reader reader = {0};
    struct batch batch = {0};
    ktk_status status = ktki_reader_init(&reader, context, stream, err);

    *rows = 0;
    *batches = 0;
    while (status == KTK_OK) {
        status = ktki_reader_next(&reader, &batch, err);
        if (status != KTK_OK || batch.schema == NULL) {
            break;
        }
        *rows += batch.row_count;
        *batches += 1;
        assert_int_equal(batch.columns[0].length, batch.row_count);
        ktki_batch_clear(&batch);
    }
    if (status == KTK_OK) { /* the end stays the end */
        assert_int_equal(ktki_reader_next(&reader, &batch, err), KTK_OK);
        assert_null(batch.schema);
        assert_true(ktki_field_equals(
            &reader.schema->fields[0],
            &(struct field){.name = "n", .type = {.id = TYPE_INT64}, .nullable = true}));
    }
    ktki_reader_clear(&reader);
    return status;
}

static void reads_own_and_foreign_streams(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    struct ArrowArrayStream foreign;
    struct dressed dressed;
    int64_t rows;
    int batches;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_stream(&stream, context, &err));
    CHECK_OK(read_all(&stream, context, &rows, &batches, &err));
    assert_int_equal(rows, 3);
    assert_int_equal(batches, 2);
    ktki_stream_clear(&stream);
    CHECK_OK(make_stream(&stream, context, &err));
    foreign = dress(&dressed, &stream);
    CHECK_OK(read_all(&foreign, context, &rows, &batches, &err));
    assert_int_equal(rows, 3);
    assert_int_equal(batches, 2);
    ktki_stream_clear(&foreign);
    ktki_stream_clear(&foreign);
    CHECK_STATUS(read_all(&foreign, context, &rows, &batches, &err), KTK_E_INVALID);
    test_context_free(context);
}

static void hands_out_struct_arrays(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_stream(&stream, context, &err));
    CHECK_OK(ktk_stream_schema(&stream, &schema, &err));
    assert_string_equal(schema.format, "+s");
    assert_string_equal(schema.children[0]->format, "l");
    schema.release(&schema);
    CHECK_OK(ktk_stream_next(&stream, &array, &err));
    assert_int_equal(array.length, 3);
    assert_int_equal(array.n_children, 1);
    array.release(&array);
    ktki_stream_clear(&stream); /* the second batch was never asked for */
    CHECK_STATUS(ktk_stream_next(&stream, &array, &err), KTK_E_INVALID);
    test_context_free(context);
}

struct failing {
    int calls;
    ktk_status status;
    bool is_freed;
};

static ktk_status fail_with_status(void *state, struct batch *out, ktk_error *err) {
    struct failing *failing = state;

    (void)out;
    failing->calls++;
    (void)ktk_error_set(err, failing->status, "call %d with '\xC3\xA4'", failing->calls);
    err->detail = failing->status == KTK_E_IO ? ENOSPC : 0;
    return failing->status;
}

static void note_free(void *state) {
    ((struct failing *)state)->is_freed = true;
}

static void keeps_the_whole_error_of_own_producers(void **unused) {
    ktk_context *context = test_context_new(1);
    struct failing failing = {.status = KTK_E_CONFLICT};
    struct ArrowArrayStream stream;
    struct ArrowArray array = {.private_data = TEST_POISON};
    struct schema *schema;
    int64_t rows;
    int batches;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_schema(&schema, context, &err));
    CHECK_OK(
        ktki_stream_new(&stream, context, schema, fail_with_status, note_free, &failing, &err));
    ktki_schema_free(schema);
    assert_null(stream.get_last_error(&stream));
    CHECK_STATUS(ktk_stream_next(&stream, &array, &err), KTK_E_CONFLICT);
    CHECK_MESSAGE("call 1 with '\xC3\xA4'");
    CHECK_STATUS(ktk_stream_next(&stream, &array, &err), KTK_E_CONFLICT);
    CHECK_MESSAGE("call 1 with");
    assert_int_equal(failing.calls, 1);
    assert_ptr_equal(array.private_data, TEST_POISON);
    CHECK_STATUS(read_all(&stream, context, &rows, &batches, &err), KTK_E_CONFLICT);
    assert_string_equal(stream.get_last_error(&stream), "call 1 with '\xC3\xA4'");
    assert_false(failing.is_freed);
    ktki_stream_clear(&stream);
    assert_true(failing.is_freed);
    test_context_free(context);
}

static void tells_statuses_apart_across_libraries(void **unused) {
    static const ktk_status survivors[] = {
        KTK_E_NO_MEMORY, KTK_E_INVALID,   KTK_E_NOT_FOUND,   KTK_E_EXISTS, KTK_E_CONFLICT,
        KTK_E_CORRUPT,   KTK_E_LIMIT,     KTK_E_UNSUPPORTED, KTK_E_DENIED, KTK_E_UNAVAILABLE,
        KTK_E_READ_ONLY, KTK_E_CANCELLED, KTK_E_IO,
    };
    ktk_context *context = test_context_new(1);
    struct schema *schema;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_schema(&schema, context, &err));
    for (size_t i = 0; i < sizeof(survivors) / sizeof(survivors[0]); i++) {
        struct failing failing = {.status = survivors[i]};
        struct ArrowArrayStream stream;
        struct ArrowArrayStream foreign;
        struct ArrowArray array;
        struct dressed dressed;

        CHECK_OK(ktki_stream_new(&stream, context, schema, fail_with_status, NULL, &failing, &err));
        foreign = dress(&dressed, &stream);
        CHECK_STATUS(ktk_stream_next(&foreign, &array, &err), survivors[i]);
        CHECK_MESSAGE("call 1");
        assert_int_not_equal(err.detail, 0);
        if (survivors[i] == KTK_E_IO) {
            assert_int_equal(err.detail, ENOSPC);
        }
        ktki_stream_clear(&foreign);
    }
    ktki_schema_free(schema);
    test_context_free(context);
}

static void survives_every_allocation_failure(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArrayStream stream = {0};
        struct ArrowArrayStream foreign = {0};
        struct dressed dressed;
        int64_t rows;
        int batches;
        ktk_error err;
        ktk_status status = make_stream(&stream, context, &err);

        if (status == KTK_OK) {
            foreign = dress(&dressed, &stream);
            status = read_all(&foreign, context, &rows, &batches, &err);
        }
        ktki_stream_clear(&stream);
        ktki_stream_clear(&foreign);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_own_and_foreign_streams),
        cmocka_unit_test(hands_out_struct_arrays),
        cmocka_unit_test(keeps_the_whole_error_of_own_producers),
        cmocka_unit_test(tells_statuses_apart_across_libraries),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
