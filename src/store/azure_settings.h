/** Where a container is and how it is spoken to, as a store URL says. */
#ifndef KTKI_STORE_AZURE_SETTINGS_H
#define KTKI_STORE_AZURE_SETTINGS_H

#include "store/url.h"

/** NULL: not given. */
struct azure_settings {
    const ktk_allocator *allocator;
    char *account;
    char *container;
    char *prefix;   /**< of all keys: "" or "a/b/" */
    char *endpoint; /**< "https://account.blob.core.windows.net", without a '/' at its end */
    char *key;
    char *sas;
    bool has_keys_of_connection; /**< they are those of the connection string */
    char *ca_file;
    bool is_anonymous;
    bool trusts_anybody;
    bool makes_container; /**< when the first put finds none */
};

/**
 * Read a URL of one of the schemes
 *
 * - `az://account/container/prefix?endpoint=…&sas=…&anonymous=true&verify=false&ca_file=…`
 * - `abfss://container@account.dfs.core.windows.net/prefix`, also abfs, wasbs and wasb
 * - `azure://account:key@container`, `hazure://…`, as storefact and minimalkv read them (dataset.md
 *   10.2), with `use_sas`, and storefact's `blob_endpoint` and `default_endpoints_protocol`.
 *
 * An account that is not given is that of AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_ACCOUNT; a
 * connection string in AZURE_STORAGE_CONNECTION_STRING gives endpoint and keys of its own account.
 */
ktk_status ktki_azure_settings_read(struct azure_settings *out, const struct store_url *url,
                                    ktk_error *err);

/** A zeroed one is allowed. */
void ktki_azure_settings_clear(struct azure_settings *settings);

#endif
