/* Hashes of rows; the values wanted are what pandas 1.3.5 and 3.1.1 gave. */
#include "support/test.h"

#include <kartothek/arrow.h>

#define ROWS_MAX 8

struct hashes {
    uint64_t values[ROWS_MAX];
    int64_t count;
};

static ktk_status keep(void *state, const uint64_t *values, int64_t count, ktk_error *err) {
    struct hashes *hashes = state;

    (void)err;
    assert_true(hashes->count + count <= ROWS_MAX);
    memcpy(hashes->values + hashes->count, values, (size_t)count * sizeof(*values));
    hashes->count += count;
    return KTK_OK;
}

/* Hash the rows of a CSV text whose columns, up to three, are a, b and c. */
static ktk_status hash_text(ktk_context *context, struct hashes *out, const char *text,
                            const char *const *types, const ktk_hash_options *options,
                            ktk_error *err) {
    static const char *const names[] = {"a", "b", "c"};
    static const char *const nulls[] = {"null"};
    ktk_csv_read_options csv = KTK_CSV_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_bytes bytes = {(const uint8_t *)text, strlen(text), NULL, NULL};
    ktk_status status;

    csv.type_columns = names;
    csv.type_names = types;
    for (csv.type_count = 0; csv.type_count < 3 && types[csv.type_count] != NULL;) {
        csv.type_count++;
    }
    csv.null_values = nulls;
    csv.null_value_count = 1;
    csv.batch_rows_max = 2;
    out->count = 0;
    status = ktk_csv_read(&stream, context, &bytes, &csv, err);
    return status == KTK_OK ? ktk_hash_rows(context, &stream, options, keep, out, err) : status;
}

static void check(const char *text, const char *const *types, bool as_pandas_1,
                  const uint64_t *wanted, int64_t count) {
    ktk_context *context = test_context_new(1);
    ktk_hash_options options = KTK_HASH_OPTIONS_INIT;
    struct hashes hashes;
    ktk_error err;

    options.bools_as_text = as_pandas_1;
    options.signed_zeros = as_pandas_1;
    CHECK_OK(hash_text(context, &hashes, text, types, &options, &err));
    assert_int_equal(hashes.count, count);
    for (int64_t i = 0; i < count; i++) {
        if (hashes.values[i] != wanted[i]) {
            fail_msg("%s, row %d: %llu is not %llu", types[0], (int)i,
                     (unsigned long long)hashes.values[i], (unsigned long long)wanted[i]);
        }
    }
    test_context_free(context);
}

#define TYPES(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }
#define U(number) UINT64_C(number)
#define CHECK(text, types, as_pandas_1, ...)                                                       \
    check(text, types, as_pandas_1, (const uint64_t[]){__VA_ARGS__},                               \
          (int64_t)(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))

static void numbers_hash_as_in_pandas(void **unused) {
    (void)unused;
    for (int as_pandas_1 = 0; as_pandas_1 < 2; as_pandas_1++) {
        CHECK("a\n0\n1\n-1\n4611686018427387904\n", TYPES("int64"), as_pandas_1, U(3430018387555),
              U(11358988112447789330), U(1334179124670874820), U(4543533558895144562));
        CHECK("a\n0\n1\n-1\n127\n", TYPES("int8"), as_pandas_1, U(3430018387555),
              U(11358988112447789330), U(9386105243648579173), U(11828363613991068754));
        CHECK("a\n0\n18446744073709551615\n", TYPES("uint64"), as_pandas_1, U(3430018387555),
              U(1334179124670874820));
        CHECK("a\n0.0\n1.5\n0.10000000149011612\n", TYPES("float"), as_pandas_1, U(3430018387555),
              U(3493880828656015293), U(14383538770664837797));
    }
    CHECK("a\n0.0\n-0.0\n1.5\ninf\n", TYPES("double"), true, U(3430018387555),
          U(9087072686950899025), U(9420430238428514091), U(402709737223303923));
    CHECK("a\n0.0\n-0.0\n1.5\ninf\n", TYPES("double"), false, U(3430018387555), U(3430018387555),
          U(9420430238428514091), U(402709737223303923));
    CHECK("a\nfalse\ntrue\n", TYPES("bool"), true, U(16778541276121956512), U(204418114797948771));
    CHECK("a\nfalse\ntrue\n", TYPES("bool"), false, U(3430018387555), U(11358988112447789330));
    /* pandas' Int64 */
    CHECK("a\n1\nnull\n", TYPES("int64"), false, U(11358988112447789330), U(6917525597621889360));
}

static void others_hash_as_in_pandas(void **unused) {
    (void)unused;
    CHECK("a\n\"\"\na\n\u00fc\nnull\n", TYPES("string"), false, U(7462795705713544501),
          U(5694802365760992243), U(8084397870635638996), U(18446740643690359120));
    CHECK("a\n\"\"\n61\nff\n", TYPES("binary"), false, U(7462795705713544501),
          U(5694802365760992243), U(1730636269067341334));
    CHECK("a\n1970-01-01 00:00:00\n2020-01-01 12:00:00.000001\nnull\n", TYPES("timestamp[us]"),
          false, U(3430018387555), U(10198452219082263088), U(9087072686950899025));
    CHECK("a\n2020-01-01\n1969-12-31\n", TYPES("date32"), false, U(14343152151424007737),
          U(1322086891937989468));
}

static void rows_combine_as_in_pandas(void **unused) {
    static const char text[] = "a,b,c\n1,x,1.5\n2,y,nan\n3,null,-0.0\n";

    (void)unused;
    CHECK(text, TYPES("int64", "string", "double"), true, U(15611351886676368245),
          U(16233151011892446258), U(12266346190247232020));
    CHECK(text, TYPES("int64", "string", "double"), false, U(15611351886676368245),
          U(16233151011892446258), U(12287627771662557606));
}

static void columns_are_hashed_as_asked(void **unused) {
    static const char *const columns[] = {"c", "a", "d"};
    ktk_context *context = test_context_new(1);
    ktk_hash_options options = KTK_HASH_OPTIONS_INIT;
    struct hashes hashes;
    struct hashes turned;
    ktk_error err;

    (void)unused;
    options.columns = columns;
    options.column_count = 2;
    CHECK_OK(hash_text(context, &hashes, "a,b,c\n1,x,1.5\n", TYPES("int64", "string", "double"),
                       &options, &err));
    CHECK_OK(hash_text(context, &turned, "a,b\n1.5,1\n", TYPES("double", "int64"), NULL, &err));
    assert_int_equal(hashes.count, 1);
    assert_true(hashes.values[0] == turned.values[0]);
    options.column_count = 3;
    CHECK_STATUS(hash_text(context, &hashes, "a,b,c\n1,x,1.5\n", TYPES("int64", "string", "double"),
                           &options, &err),
                 KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'d'");
    /* An empty frame has no rows to hash. */
    CHECK_OK(hash_text(context, &hashes, "a\n", TYPES("int64"), NULL, &err));
    assert_int_equal(hashes.count, 0);
    test_context_free(context);
}

static void buckets_are_those_of_kartothek(void **unused) {
    static const int wanted[] = {0, 0, 1, 2, 0, 3, 2, 0};
    ktk_context *context = test_context_new(1);
    struct hashes hashes;
    ktk_error err;

    (void)unused;
    CHECK_OK(
        hash_text(context, &hashes, "a\n0\n1\n2\n3\n4\n5\n6\n7\n", TYPES("int64"), NULL, &err));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(hashes.values[i] % 5, wanted[i]);
    }
    test_context_free(context);
}

static void survives_lack_of_memory(void **unused) {
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct hashes hashes;
        ktk_error err;
        ktk_status status =
            hash_text(context, &hashes, "a,b\n2020-01-01,x\n2020-01-02,y\n1999-01-01,z\n",
                      TYPES("date32", "string"), NULL, &err);

        done = status == KTK_OK;
        assert_true(done || status == KTK_E_NO_MEMORY);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_hash_as_in_pandas),
        cmocka_unit_test(others_hash_as_in_pandas),
        cmocka_unit_test(rows_combine_as_in_pandas),
        cmocka_unit_test(columns_are_hashed_as_asked),
        cmocka_unit_test(buckets_are_those_of_kartothek),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
