#include "store/azure_settings.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "net/url_encode.h"
#include "store/setting.h"

/* The account of the emulator, which is the same for everybody (Azurite's documentation). */
static const char emulator[] =
    "AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

static ktk_status set_endpoint(struct azure_settings *settings, const char *endpoint, size_t size,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    size = ktki_url_size_without_slashes(endpoint, size);
    if (size > 0 && strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "an endpoint of Azure is written as 'https://account.blob.core.windows.net' or "
                  "'http://host:port/account', not '%.*s'",
                  memchr(endpoint, '@', size) != NULL ? 1 : (int)size,
                  memchr(endpoint, '@', size) != NULL ? "?" : endpoint);
    }
    KTKI_TRY(ktki_setting_replace(settings->allocator, &settings->endpoint, endpoint, size, err));
out:
    return status;
}

/* ---- connection strings: "Name=value;…" ---- */

/* Value of a name, whatever its case; NULL: it is not there. */
static const char *find_value(const char *text, const char *name, size_t *size) {
    size_t name_size = strlen(name);

    while (text[0] != '\0') {
        size_t part_size = strcspn(text, ";");

        if (part_size > name_size && text[name_size] == '=' &&
            strncasecmp(text, name, name_size) == 0) {
            *size = part_size - name_size - 1;
            return text + name_size + 1;
        }
        text += part_size + (text[part_size] == ';' ? 1 : 0);
    }
    *size = 0;
    return NULL;
}

/* The endpoint of a string that names its parts alone. */
static ktk_status join_endpoint(struct azure_settings *settings, const char *text, ktk_error *err) {
    size_t protocol_size;
    size_t suffix_size;
    const char *protocol = find_value(text, "DefaultEndpointsProtocol", &protocol_size);
    const char *suffix = find_value(text, "EndpointSuffix", &suffix_size);
    struct buffer endpoint;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&endpoint, settings->allocator, 0);
    if (suffix == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_append_format(
        &endpoint, err, "%.*s://%s.blob.%.*s", protocol == NULL ? 5 : (int)protocol_size,
        protocol == NULL ? "https" : protocol, settings->account, (int)suffix_size, suffix));
    KTKI_TRY(set_endpoint(settings, (const char *)endpoint.data, endpoint.size, err));
out:
    ktki_buffer_clear(&endpoint);
    return status;
}

/* One of another account than the one that is asked for is none of ours. */
static ktk_status read_connection(struct azure_settings *settings, const char *text,
                                  ktk_error *err) {
    size_t size;
    const char *value;
    ktk_status status = KTK_OK;

    if (find_value(text, "UseDevelopmentStorage", &size) != NULL) {
        text = emulator;
    }
    value = find_value(text, "AccountName", &size);
    if (settings->account != NULL && value != NULL &&
        (strlen(settings->account) != size || memcmp(settings->account, value, size) != 0)) {
        goto out;
    }
    if (settings->account == NULL) {
        KTKI_TRY(ktki_setting_replace(settings->allocator, &settings->account, value, size, err));
    }
    value = find_value(text, "AccountKey", &size);
    KTKI_TRY(ktki_setting_replace(settings->allocator, &settings->key, value, size, err));
    value = find_value(text, "SharedAccessSignature", &size);
    KTKI_TRY(ktki_setting_replace(settings->allocator, &settings->sas, value, size, err));
    settings->has_keys_of_connection = settings->key != NULL || settings->sas != NULL;
    value = find_value(text, "BlobEndpoint", &size);
    if (value != NULL) {
        KTKI_TRY(set_endpoint(settings, value, size, err));
    } else if (settings->account != NULL) {
        KTKI_TRY(join_endpoint(settings, text, err));
    }
out:
    return status;
}

/* ---- URLs ---- */

/* az://account/container/prefix */
static ktk_status read_account_url(struct azure_settings *settings, const struct store_url *url,
                                   ktk_error *err) {
    const char *container = url->location + strspn(url->location, "/");
    size_t size = strcspn(container, "/");
    ktk_status status = KTK_OK;

    if (url->host[0] == '\0' || size == 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "'az://' must be followed by an account and a container, as in "
                  "'az://account/container/prefix'");
    }
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->account, url->host, err));
    KTKI_TRY(ktki_setting_replace(settings->allocator, &settings->container, container, size, err));
    KTKI_TRY(ktki_setting_prefix(settings->allocator, &settings->prefix, container + size, err));
    settings->makes_container = url->is_creation_asked && url->create_if_missing;
out:
    return status;
}

/* abfss://container@account.dfs.core.windows.net/prefix */
static ktk_status read_file_system_url(struct azure_settings *settings, const struct store_url *url,
                                       ktk_error *err) {
    size_t size = strcspn(url->host, ".");
    ktk_status status = KTK_OK;

    if (!ktki_setting_is_given(url->user) || size == 0) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "'%s://' must be followed by a container and an account, as in "
                  "'%s://container@account.dfs.core.windows.net/prefix'",
                  url->scheme, url->scheme);
    }
    KTKI_TRY(ktki_setting_replace(settings->allocator, &settings->account, url->host, size, err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->container, url->user, err));
    KTKI_TRY(ktki_setting_prefix(settings->allocator, &settings->prefix, url->location, err));
    settings->makes_container = url->is_creation_asked && url->create_if_missing;
out:
    return status;
}

/* account:key@container */
static ktk_status read_shared_url(struct azure_settings *settings, const struct store_url *url,
                                  ktk_error *err) {
    bool has_sas = ktki_store_url_param(url, "use_sas") != NULL;
    ktk_status status = KTK_OK;

    if (url->user != NULL && url->password == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "Could not parse user/key in store-URL. Note that values have to be "
                  "percent-encoded");
    }
    if (url->host[0] == '\0') {
        KTKI_FAIL(err, KTK_E_INVALID, "a store URL '%s://account:key@container' names a container",
                  url->scheme);
    }
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->account, url->user, err));
    KTKI_TRY(ktki_setting_text(settings->allocator, has_sas ? &settings->sas : &settings->key,
                               url->password, err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->container, url->host, err));
    KTKI_TRY(ktki_setting_prefix(settings->allocator, &settings->prefix, "", err));
    settings->makes_container = url->create_if_missing && !has_sas;
out:
    return status;
}

static ktk_status set_default_endpoint(struct azure_settings *settings, const struct store_url *url,
                                       ktk_error *err) {
    const char *protocol = ktki_store_url_param(url, "default_endpoints_protocol");
    struct buffer endpoint;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&endpoint, settings->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&endpoint, err, "%s://%s.blob.core.windows.net",
                                       ktki_setting_is_given(protocol) ? protocol : "https",
                                       settings->account));
    KTKI_TRY(set_endpoint(settings, (const char *)endpoint.data, endpoint.size, err));
out:
    ktki_buffer_clear(&endpoint);
    return status;
}

/* What every kind of URL has, and the environment. */
static ktk_status read_alike(struct azure_settings *settings, const struct store_url *url,
                             ktk_error *err) {
    const char *connection = getenv("AZURE_STORAGE_CONNECTION_STRING");
    const char *verify = ktki_store_url_param(url, "verify");
    const char *anonymous = ktki_store_url_param(url, "anonymous");
    const char *endpoint = ktki_store_url_param(url, "endpoint");
    const char *shared_endpoint = ktki_store_url_param(url, "blob_endpoint"); /* storefact's name */
    const char *name = getenv("AZURE_STORAGE_ACCOUNT_NAME");
    ktk_status status = KTK_OK;

    settings->trusts_anybody = verify != NULL && strcmp(verify, "false") == 0;
    settings->is_anonymous = anonymous != NULL && strcmp(anonymous, "true") == 0;
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->sas,
                               ktki_store_url_param(url, "sas"), err));
    KTKI_TRY(ktki_setting_text(settings->allocator, &settings->ca_file,
                               ktki_store_url_param(url, "ca_file"), err));
    if (ktki_setting_is_given(connection) && settings->key == NULL && settings->sas == NULL &&
        !settings->is_anonymous) {
        KTKI_TRY(read_connection(settings, connection, err));
    }
    if (settings->account == NULL) {
        KTKI_TRY(ktki_setting_text(
            settings->allocator, &settings->account,
            ktki_setting_is_given(name) ? name : getenv("AZURE_STORAGE_ACCOUNT"), err));
    }
    if (settings->account == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "no account of Azure: name it in the URL or in AZURE_STORAGE_ACCOUNT_NAME");
    }
    endpoint = endpoint == NULL ? shared_endpoint : endpoint;
    KTKI_TRY(set_endpoint(settings, endpoint, endpoint == NULL ? 0 : strlen(endpoint), err));
    KTKI_TRY(settings->endpoint != NULL ? KTK_OK : set_default_endpoint(settings, url, err));
out:
    return status;
}

void ktki_azure_settings_clear(struct azure_settings *settings) {
    char *texts[] = {settings->account, settings->container, settings->prefix, settings->endpoint,
                     settings->ca_file};

    for (size_t i = 0; settings->allocator != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        ktki_free_text(settings->allocator, texts[i]);
    }
    if (settings->allocator != NULL) {
        ktki_free_secret(settings->allocator, settings->key);
        ktki_free_secret(settings->allocator, settings->sas);
    }
    *settings = (struct azure_settings){0};
}

ktk_status ktki_azure_settings_read(struct azure_settings *out, const struct store_url *url,
                                    ktk_error *err) {
    struct azure_settings settings = {.allocator = url->allocator};
    ktk_status status = KTK_OK;

    if (strcmp(url->scheme, "az") == 0) {
        KTKI_TRY(read_account_url(&settings, url, err));
    } else if (strncmp(url->scheme, "abfs", 4) == 0 || strncmp(url->scheme, "wasb", 4) == 0) {
        KTKI_TRY(read_file_system_url(&settings, url, err));
    } else {
        KTKI_TRY(read_shared_url(&settings, url, err));
    }
    KTKI_TRY(read_alike(&settings, url, err));
    *out = settings;
    settings = (struct azure_settings){0};
out:
    ktki_azure_settings_clear(&settings);
    return status;
}
