/** What the parts of the Azure store share: a container. */
#ifndef KTKI_STORE_AZURE_CONTAINER_H
#define KTKI_STORE_AZURE_CONTAINER_H

#include <stdatomic.h>

#include "net/azure_credentials.h"
#include "store/azure_settings.h"
#include "store/object.h"

struct azure_container {
    struct object_store objects; /**< first, so that the operations of objects take it */
    struct azure_settings settings;
    char *name; /**< "az://account/container/prefix" */
    char *root;
    struct azure_credentials *credentials;
    atomic_bool has_tried_to_make;
    atomic_bool has_no_copies;  /**< the service copies nothing for us */
    atomic_bool has_batches;    /**< it has carried one out */
    atomic_bool has_no_batches; /**< blobs can be removed one by one alone */
};

/** As the operation of store_setup; the state is an azure_container. */
ktk_status ktki_azure_remove_many(void *state, struct removal *removals, size_t count,
                                  ktk_error *err);

/**
 * Mark what the answer to a batch of removals, numbered from 0, says is gone. KTK_E_CORRUPT, with
 * none marked: it tells of no removal.
 */
ktk_status ktki_azure_read_removals(const struct http_answer *answer, struct removal *removals,
                                    size_t count, ktk_error *err);

#endif
