/* The examples of "Authenticating Requests: Using the Authorization Header", Amazon S3 API
 * Reference. */
#include "support/test.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/context.h"
#include "net/sign_aws.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct example {
    const char *method;
    const char *path;
    struct call_param params[2];
    size_t param_count;
    struct http_header headers[2];
    size_t header_count;
    const char *body;
    const char *url;
    const char *names;
    const char *signature;
};

static const struct example examples[] = {
    {"GET",
     "/test.txt",
     {{0}},
     0,
     {{"Range", "bytes=0-9"}},
     1,
     NULL,
     "https://examplebucket.s3.amazonaws.com/test.txt",
     "host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT",
     "/test%24file.text",
     {{0}},
     0,
     {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}, {"Date", "Fri, 24 May 2013 00:00:00 GMT"}},
     2,
     "Welcome to Amazon S3.",
     "https://examplebucket.s3.amazonaws.com/test%24file.text",
     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET",
     "/",
     {{"lifecycle", ""}},
     1,
     {{0}},
     0,
     NULL,
     "https://examplebucket.s3.amazonaws.com/?lifecycle=",
     "host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET",
     "/",
     {{"prefix", "J"}, {"max-keys", "2"}},
     2,
     {{0}},
     0,
     NULL,
     "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
     "host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

#define EXAMPLE_TIME_MS 1369353600000 /* 2013-05-24T00:00:00Z */

static const struct aws_endpoint endpoint = {"https", "examplebucket.s3.amazonaws.com", "us-east-1",
                                             "s3"};
static const struct aws_keys keys = {"AKIAIOSFODNN7EXAMPLE",
                                     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};

static const char *value_of(const struct signed_call *with, const char *name) {
    for (size_t i = 0; i < with->header_count; i++) {
        if (strcmp(with->headers[i].name, name) == 0) {
            return with->headers[i].value;
        }
    }
    return NULL;
}

static void set_up(struct signed_call *with, const ktk_allocator *allocator) {
    memset(with, 0, sizeof(*with));
    ktki_buffer_init(&with->url, allocator, 0);
    ktki_buffer_init(&with->space, allocator, 0);
}

static void tear_down(struct signed_call *with) {
    ktki_buffer_clear(&with->url);
    ktki_buffer_clear(&with->space);
}

static struct call call_of(const struct example *example) {
    return (struct call){.method = example->method,
                         .path = example->path,
                         .params = example->params,
                         .param_count = example->param_count,
                         .headers = example->headers,
                         .header_count = example->header_count,
                         .body = example->body,
                         .body_size = example->body == NULL ? 0 : strlen(example->body)};
}

static void signs_as_documented(void **unused) {
    struct crypto_api crypto;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_crypto_api_load(&crypto, &err));
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct call call = call_of(&examples[i]);
        struct signed_call with;
        char wanted[512];

        set_up(&with, test_allocator());
        CHECK_OK(ktki_sign_aws(&crypto, &endpoint, &keys, &call, EXAMPLE_TIME_MS, test_allocator(),
                               &with, &err));
        (void)snprintf(wanted, sizeof(wanted),
                       "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                       "aws4_request, SignedHeaders=%s, Signature=%s",
                       examples[i].names, examples[i].signature);
        assert_string_equal(value_of(&with, "Authorization"), wanted);
        assert_string_equal((const char *)with.url.data, examples[i].url);
        assert_string_equal(value_of(&with, "x-amz-date"), "20130524T000000Z");
        assert_null(value_of(&with, "x-amz-security-token"));
        if (examples[i].body == NULL) {
            assert_string_equal(value_of(&with, "x-amz-content-sha256"), EMPTY_SHA256);
        }
        tear_down(&with);
    }
    assert_int_equal(test_allocator_live(), 0);
}

static void signs_the_token_of_a_session(void **unused) {
    const struct aws_keys session = {keys.access_key, keys.secret_key, "token=="};
    const struct call call = call_of(&examples[0]);
    struct signed_call with;
    struct crypto_api crypto;
    ktk_error err;

    (void)unused;
    set_up(&with, test_allocator());
    CHECK_OK(ktki_crypto_api_load(&crypto, &err));
    CHECK_OK(ktki_sign_aws(&crypto, &endpoint, &session, &call, EXAMPLE_TIME_MS, test_allocator(),
                           &with, &err));
    assert_string_equal(value_of(&with, "x-amz-security-token"), "token==");
    assert_non_null(strstr(value_of(&with, "Authorization"), "x-amz-date;x-amz-security-token,"));
    tear_down(&with);
}

static void signs_nothing_without_keys(void **unused) {
    const struct call call = call_of(&examples[3]);
    struct signed_call with;
    struct crypto_api crypto;
    ktk_error err;

    (void)unused;
    set_up(&with, test_allocator());
    CHECK_OK(ktki_crypto_api_load(&crypto, &err));
    CHECK_OK(ktki_sign_aws(&crypto, &endpoint, NULL, &call, EXAMPLE_TIME_MS, test_allocator(),
                           &with, &err));
    assert_string_equal((const char *)with.url.data, examples[3].url);
    assert_int_equal(with.header_count, 0);
    tear_down(&with);
}

static void knows_digests_and_base64(void **unused) {
    static const char *const texts[][2] = {/* RFC 4648, 10 */
                                           {"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    struct crypto_api crypto;
    uint8_t digest[KTKI_SHA256_SIZE];
    char hex[2 * KTKI_SHA256_SIZE + 1];
    struct buffer out;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_crypto_api_load(&crypto, &err));
    CHECK_OK(ktki_sha256(&crypto, "", 0, digest, &err));
    ktki_hex_encode(digest, sizeof(digest), hex);
    assert_string_equal(hex, EMPTY_SHA256);
    CHECK_OK(ktki_md5(&crypto, "abc", 3, digest, &err)); /* RFC 1321, A.5 */
    ktki_hex_encode(digest, KTKI_MD5_SIZE, hex);
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
    CHECK_OK(ktki_hmac_sha256(&crypto, "Jefe", 4, "what do ya want for nothing?", 28, digest,
                              &err)); /* RFC 4231, 4.3 */
    ktki_hex_encode(digest, sizeof(digest), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    ktki_buffer_init(&out, test_allocator(), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        out.size = 0;
        CHECK_OK(ktki_base64_append(&out, texts[i][0], strlen(texts[i][0]), &err));
        assert_int_equal(out.size, strlen(texts[i][1]));
        assert_true(out.size == 0 || memcmp(out.data, texts[i][1], out.size) == 0);
        out.size = 0;
        CHECK_OK(ktki_base64_decode(&out, texts[i][1], &err));
        assert_int_equal(out.size, strlen(texts[i][0]));
        assert_true(out.size == 0 || memcmp(out.data, texts[i][0], out.size) == 0);
    }
    CHECK_STATUS(ktki_base64_decode(&out, "Zg=", &err), KTK_E_INVALID);
    CHECK_STATUS(ktki_base64_decode(&out, "Z===", &err), KTK_E_INVALID);
    CHECK_STATUS(ktki_base64_decode(&out, "Zm 9", &err), KTK_E_INVALID);
    ktki_buffer_clear(&out);
}

static void survives_each_failing_allocation(void **unused) {
    const struct call call = call_of(&examples[3]);
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct signed_call with;
        struct crypto_api crypto;
        ktk_error err;
        ktk_status status;

        CHECK_OK(ktki_crypto_api_load(&crypto, &err));
        set_up(&with, ktki_context_allocator(context));
        status = ktki_sign_aws(&crypto, &endpoint, &keys, &call, EXAMPLE_TIME_MS,
                               ktki_context_allocator(context), &with, &err);
        done = !test_context_has_failed();
        assert_int_equal(status, done ? KTK_OK : KTK_E_NO_MEMORY);
        tear_down(&with);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_documented),
        cmocka_unit_test(signs_the_token_of_a_session),
        cmocka_unit_test(signs_nothing_without_keys),
        cmocka_unit_test(knows_digests_and_base64),
        cmocka_unit_test(survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
