#include "store/azure.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/secret.h"
#include "net/url_encode.h"
#include "store/azure_container.h"
#include "store/azure_copy.h"
#include "store/object_parts.h"

/* What is larger goes in blocks (reliability.md 2). */
#define SINGLE_PUT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define BLOCK_COUNT_MAX 50000
/* So many small objects fill a line of some hundred milliseconds. */
#define CALLS_AT_ONCE 16

/* --- what the exchanger asks --------------------------------------------------------------- */

static ktk_status sign(void *state, const struct call *call, int64_t now_ms,
                       struct signed_call *out, ktk_error *err) {
    struct azure_container *container = state;
    struct azure_keys keys;
    struct secret_allocator secrets;
    struct buffer texts;
    ktk_status status = KTK_OK;

    ktki_secret_allocator_init(&secrets, container->objects.allocator);
    ktki_buffer_init(&texts, &secrets.allocator, 0);
    KTKI_TRY(ktki_azure_credentials_get(container->credentials, &keys, &texts, err));
    KTKI_TRY(ktki_sign_azure(&container->objects.crypto, container->settings.endpoint, &keys, call,
                             now_ms, &secrets.allocator, out, err));
out:
    ktki_buffer_clear(&texts);
    return status;
}

static void explain(void *state, const struct http_answer *answer, struct service_error *out) {
    ktki_object_explain(&((struct azure_container *)state)->objects, answer, out);
}

static bool adapt(void *state, const struct http_answer *answer,
                  const struct service_error *error) {
    struct azure_container *container = state;

    (void)error;
    return answer->status == 401 && ktki_azure_credentials_renew(container->credentials);
}

static const char *source(void *state) {
    return ktki_azure_credentials_source(((struct azure_container *)state)->credentials);
}

static const struct service_ops service = {sign, explain, adapt, source};

static const struct call_param list_params[] = {{"restype", "container"}, {"comp", "list"}};

static const struct object_list_format list_format = {
    .entry = "EnumerationResults/Blobs/Blob",
    .key = "Name",
    .size = "Properties/Content-Length",
    .modified = "Properties/Last-Modified",
    .version = "Properties/Etag",
    .is_http_date = true,
    .next = "EnumerationResults/NextMarker",
    .next_param = "marker",
    .params = list_params,
    .param_count = sizeof(list_params) / sizeof(list_params[0]),
};

/* --- writing ------------------------------------------------------------------------------- */

static ktk_status make_container(struct azure_container *container, ktk_error *err) {
    static const struct call_param param = {"restype", "container"};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_object_call_init(&call, &container->objects, "PUT", "make the container", NULL, err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = "";
    status = ktki_object_make_root(&container->objects, &call, err);
out:
    ktki_object_call_clear(&call);
    return status;
}

static ktk_status send_put(struct azure_container *container, const char *key, const void *data,
                           size_t size, const ktk_put_condition *condition,
                           ktk_store_version *version, struct service_error *why, ktk_error *err) {
    struct object_put put = {
        .key = key, .data = data, .size = size, .header = {"x-ms-blob-type", "BlockBlob"}};
    int32_t code;

    if (condition != NULL) {
        put.must_not_exist = condition->must_not_exist;
        put.matches = condition->matches == NULL ? NULL : condition->matches->text;
    }
    return ktki_object_put(&container->objects, &put, version, &code, why, err);
}

static bool has_condition(const ktk_put_condition *condition) {
    return condition != NULL && (condition->must_not_exist || condition->matches != NULL);
}

/* What the status of a put means. */
static ktk_status judge(const char *key, const ktk_put_condition *condition, ktk_status status,
                        ktk_error *err) {
    if (status == KTK_E_NOT_FOUND && has_condition(condition) && condition->matches != NULL) {
        status = ktk_error_set(err, KTK_E_CONFLICT, "'%s' is gone", key);
    } else if (status == KTK_E_CONFLICT && has_condition(condition) && condition->must_not_exist) {
        status = ktk_error_set(err, KTK_E_EXISTS, "'%s' exists already", key);
    }
    return status;
}

/* Nothing tells that the container is not there before the first block is refused. */
static ktk_status begin_blocks(struct object_parts *parts, ktk_error *err) {
    struct azure_container *container = (struct azure_container *)parts->store;

    (void)err;
    if (container->settings.makes_container &&
        !atomic_exchange(&container->has_tried_to_make, true)) {
        KTKI_IGNORE(make_container(container, NULL));
    }
    return KTK_OK;
}

/* Names of blocks are base64 of one length; these digits and zeros are that, and stand for
 * themselves. */
static void describe(const struct object_parts *parts, size_t index, struct object_part *part) {
    (void)parts;
    (void)snprintf(part->name, sizeof(part->name), "%012zu", index);
    part->params[0] = (struct call_param){"comp", "block"};
    part->params[1] = (struct call_param){"blockid", part->name};
}

static ktk_status note_block(struct object_parts *parts, size_t index,
                             const struct http_answer *answer, ktk_error *err) {
    ktk_status status = KTK_OK;

    (void)answer;
    if (index == 0) {
        KTKI_TRY(ktki_buffer_append_text(
            &parts->list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>", err));
    }
    KTKI_TRY(ktki_buffer_append_format(&parts->list, err, "<Latest>%012zu</Latest>", index));
out:
    return status;
}

static ktk_status join_blocks(struct object_parts *parts, ktk_store_version *version,
                              ktk_error *err) {
    static const struct call_param param = {"comp", "blocklist"};
    struct object_store *store = parts->store;
    struct http_header condition;
    struct http_answer answer = {0};
    struct object_call call;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_call_init(&call, store, "PUT", "join the parts of", parts->key, err));
    KTKI_TRY(ktki_buffer_append_text(&parts->list, "</BlockList>", err));
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.body = parts->list.data;
    call.call.body_size = parts->list.size;
    if (has_condition(parts->condition)) {
        condition = parts->condition->must_not_exist
                        ? (struct http_header){"If-None-Match", "*"}
                        : (struct http_header){"If-Match", parts->condition->matches->text};
        call.call.headers = &condition;
        call.call.header_count = 1;
        call.call.is_once = true;
    }
    status = ktki_exchange(store->exchanger, &call.call, &answer, NULL, err);
    KTKI_TRY(judge(parts->key, parts->condition, status, err));
    if (version != NULL) {
        ktki_object_version(&answer, version);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    return status;
}

/* Blocks that are not joined are dropped by the service after a week, or with the next blob of the
 * name; there is no call to have it do so. */
static void give_up_blocks(struct object_parts *parts) {
    (void)parts;
}

static ktk_status azure_put(void *state, const char *key, const void *data, size_t size,
                            const ktk_put_condition *condition, ktk_store_version *version,
                            ktk_error *err);

static const struct object_parts_ops blocks = {
    .count_max = BLOCK_COUNT_MAX,
    .put = azure_put,
    .begin = begin_blocks,
    .describe = describe,
    .note = note_block,
    .join = join_blocks,
    .give_up = give_up_blocks,
};

static ktk_status azure_put(void *state, const char *key, const void *data, size_t size,
                            const ktk_put_condition *condition, ktk_store_version *version,
                            ktk_error *err) {
    struct azure_container *container = state;
    struct service_error why;
    ktk_status status;

    if (size > SINGLE_PUT_BYTES_MAX && !has_condition(condition)) {
        return ktki_object_parts_put(&container->objects, &blocks, key, data, size, version, err);
    }
    status = send_put(container, key, data, size, condition, version, &why, err);
    if (status == KTK_E_NOT_FOUND && strcmp(why.code, "ContainerNotFound") == 0 &&
        container->settings.makes_container &&
        !atomic_exchange(&container->has_tried_to_make, true)) {
        KTKI_TRY(make_container(container, err));
        status = send_put(container, key, data, size, condition, version, &why, err);
    }
    status = judge(key, condition, status, err);
out:
    return status;
}

/* The signature of the call is good for the source, too, which is in the same account. */
static ktk_status azure_copy(void *state, const char *key, void *source_state,
                             const char *source_key, int64_t *size, ktk_error *err) {
    struct azure_container *container = state;
    struct azure_container *source = source_state;
    struct object_call call;
    ktk_store_entry entry;
    struct buffer url;
    int32_t code;
    ktk_status status = KTK_OK;

    if (strcmp(container->settings.endpoint, source->settings.endpoint) != 0 ||
        atomic_load(&container->has_no_copies)) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "'%s' is not copied by the service", key);
    }
    ktki_buffer_init(&url, container->objects.allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, &source->objects, "GET", "copy", source_key, err));
    KTKI_TRY(ktki_buffer_append_text(&url, source->settings.endpoint, err));
    KTKI_TRY(ktki_buffer_append_text(&url, call.call.path, err));
    KTKI_TRY(ktki_buffer_append_byte(&url, '\0', err));
    KTKI_TRY(ktki_object_head(source, source_key, &entry, err));
    status = ktki_azure_copy(&container->objects, key, (const char *)url.data, &code, err);
    if (code >= 400 && code < 500 && code != 404 && code != 409) {
        atomic_store(&container->has_no_copies, true);
    }
    KTKI_TRY(status);
    *size = entry.size;
out:
    ktki_object_call_clear(&call);
    ktki_buffer_clear(&url);
    return status;
}

static ktk_status azure_begin(void *state, const char *key, const ktk_put_condition *condition,
                              void **out, ktk_error *err) {
    struct object_parts *parts;
    ktk_status status = ktki_object_parts_begin(&parts, state, &blocks, key, condition, err);

    if (status == KTK_OK) {
        *out = parts;
    }
    return status;
}

static const struct put_ops puts_in_parts = {
    .has_conditions = true,
    .begin = azure_begin,
    .append = ktki_object_parts_append,
    .finish = ktki_object_parts_finish,
    .end = ktki_object_parts_end,
};

/* --- the store ----------------------------------------------------------------------------- */

static void container_free(struct azure_container *container) {
    if (container == NULL) {
        return;
    }
    ktki_exchanger_free(container->objects.exchanger);
    ktki_azure_credentials_free(container->credentials);
    ktki_azure_settings_clear(&container->settings);
    ktki_free_text(container->objects.allocator, container->name);
    ktki_free_text(container->objects.allocator, container->root);
    KTKI_DELETE(container->objects.allocator, container);
}

static void azure_free(void *state) {
    container_free(state);
}

static const ktk_store_ops ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT |
            (uint32_t)KTK_STORE_PROBED,
    .get = ktki_object_get,
    .get_range = ktki_object_get_range,
    .head = ktki_object_head,
    .put = azure_put,
    .remove = ktki_object_remove,
    .list = ktki_object_list,
    .free = azure_free,
    .calls_at_once = CALLS_AT_ONCE,
};

static ktk_status set_names(struct azure_container *container, ktk_error *err) {
    const struct azure_settings *settings = &container->settings;
    const ktk_allocator *allocator = container->objects.allocator;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&text, err, "az://%s/%s/%s", settings->account,
                                       settings->container, settings->prefix));
    KTKI_TRY(
        ktki_copy_text(allocator, (const char *)text.data, text.size - 1, &container->name, err));
    text.size = 0;
    KTKI_TRY(ktki_buffer_append_byte(&text, '/', err));
    KTKI_TRY(ktki_url_encode(&text, settings->container, strlen(settings->container), false, err));
    KTKI_TRY(ktki_copy_text(allocator, (const char *)text.data, text.size, &container->root, err));
    container->objects.name = container->name;
    container->objects.root = container->root;
    container->objects.prefix = settings->prefix;
out:
    ktki_buffer_clear(&text);
    return status;
}

static ktk_status set_up(struct azure_container *container, ktk_error *err) {
    const struct azure_settings *settings = &container->settings;
    const struct exchanger_options options = {
        .http = {.ca_file = settings->ca_file, .trusts_anybody = settings->trusts_anybody}};
    const struct azure_credentials_options keys = {
        .account = settings->account,
        .key = settings->key,
        .sas = settings->sas,
        .given_as = settings->has_keys_of_connection ? "connection string" : NULL,
        .is_anonymous = settings->is_anonymous,
        .http = &options.http};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_crypto_api_load(&container->objects.crypto, err));
    KTKI_TRY(ktki_azure_credentials_new(&container->credentials, container->objects.allocator,
                                        &keys, err));
    KTKI_TRY(ktki_exchanger_new(&container->objects.exchanger, container->objects.allocator,
                                &service, container, &options, err));
out:
    return status;
}

static void azure_describe(void *state, struct store_origin *out) {
    struct azure_container *container = state;

    out->provider = "Azure Blob";
    out->endpoint = container->settings.endpoint;
    out->credentials = ktki_azure_credentials_source(container->credentials);
    out->missing = atomic_load(&container->objects.is_missing) ? "container" : NULL;
    out->clock_ahead_ms = ktki_exchanger_clock_ahead_ms(container->objects.exchanger);
}

ktk_status ktki_store_azure_new(ktk_store **out, ktk_context *context, const struct store_url *url,
                                enum key_space keys, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct store_setup setup = ktki_object_setup(&ops, keys, azure_describe);
    struct azure_container *container = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &container, err));
    container->objects.allocator = allocator;
    container->objects.limits = ktki_context_limits(context);
    container->objects.list = &list_format;
    container->objects.counts_from_start = true;
    KTKI_TRY(ktki_azure_settings_read(&container->settings, url, err));
    KTKI_TRY(set_names(container, err));
    KTKI_TRY(set_up(container, err));
    setup.copy = azure_copy;
    setup.remove_many = ktki_azure_remove_many;
    setup.state = container;
    setup.name = container->name;
    setup.puts = &puts_in_parts;
    KTKI_TRY(ktki_store_new(out, context, &setup, err));
    container = NULL;
out:
    container_free(container);
    return status;
}
