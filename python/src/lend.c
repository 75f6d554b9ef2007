#include "lend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- schema ---- */

/* A node's texts and child structs, freed with it. */
struct lent_schema {
    char *format;
    char *name;
    char *metadata;
    struct ArrowSchema *storage; /* the children, one after the other, and then the dictionary */
    struct ArrowSchema **pointers;
};

static void release_schema(struct ArrowSchema *schema) {
    struct lent_schema *own = schema->private_data;

    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release != NULL) {
            schema->children[i]->release(schema->children[i]);
        }
    }
    if (schema->dictionary != NULL && schema->dictionary->release != NULL) {
        schema->dictionary->release(schema->dictionary);
    }
    free(own->format);
    free(own->name);
    free(own->metadata);
    free(own->storage);
    free(own->pointers);
    free(own);
    schema->release = NULL;
}

static char *copy_bytes(const char *data, size_t size) {
    char *copy = malloc(size);

    if (copy != NULL) {
        memcpy(copy, data, size);
    }
    return copy;
}

static size_t metadata_size(const char *metadata) {
    const char *at = metadata;
    int32_t count;

    memcpy(&count, at, sizeof(count));
    at += sizeof(count);
    for (int32_t i = 0; i < 2 * count; i++) {
        int32_t size;
        memcpy(&size, at, sizeof(size));
        at += sizeof(size) + (size_t)size;
    }
    return (size_t)(at - metadata);
}

int lend_schema(const struct ArrowSchema *schema, struct ArrowSchema *out) {
    size_t count = (size_t)schema->n_children + (schema->dictionary != NULL ? 1 : 0);
    struct lent_schema *own = calloc(1, sizeof(*own));
    const char *name = schema->name != NULL ? schema->name : "";
    int code = 0;

    if (own == NULL) {
        return ENOMEM;
    }
    *out = (struct ArrowSchema){
        .flags = schema->flags, .release = release_schema, .private_data = own};
    own->format = copy_bytes(schema->format, strlen(schema->format) + 1);
    own->name = copy_bytes(name, strlen(name) + 1);
    own->metadata = schema->metadata == NULL
                        ? NULL
                        : copy_bytes(schema->metadata, metadata_size(schema->metadata));
    own->storage = calloc(count + 1, sizeof(*own->storage));
    own->pointers = calloc(count + 1, sizeof(*own->pointers));
    if (own->format == NULL || own->name == NULL || own->storage == NULL || own->pointers == NULL ||
        (schema->metadata != NULL && own->metadata == NULL)) {
        code = ENOMEM;
    }
    out->format = own->format;
    out->name = own->name;
    out->metadata = own->metadata;
    out->children = own->pointers;
    for (int64_t i = 0; code == 0 && i < schema->n_children; i++) {
        own->pointers[i] = &own->storage[i];
        code = lend_schema(schema->children[i], own->pointers[i]);
        out->n_children = code == 0 ? i + 1 : i;
    }
    if (code == 0 && schema->dictionary != NULL) {
        code = lend_schema(schema->dictionary, &own->storage[schema->n_children]);
        out->dictionary = code == 0 ? &own->storage[schema->n_children] : NULL;
    }
    if (code != 0) {
        release_schema(out);
    }
    return code;
}

/* ---- array ---- */

struct lent_array {
    PyObject *owner;
    struct ArrowArray *storage; /* the children, then the dictionary */
    struct ArrowArray **pointers;
};

static void release_array(struct ArrowArray *array) {
    struct lent_array *own = array->private_data;
    PyGILState_STATE gil;

    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
    }
    if (array->dictionary != NULL && array->dictionary->release != NULL) {
        array->dictionary->release(array->dictionary);
    }
    gil = PyGILState_Ensure();
    Py_DECREF(own->owner);
    PyGILState_Release(gil);
    free(own->storage);
    free(own->pointers);
    free(own);
    array->release = NULL;
}

int lend_array(const struct ArrowArray *array, PyObject *owner, struct ArrowArray *out) {
    size_t count = (size_t)array->n_children + (array->dictionary != NULL ? 1 : 0);
    struct lent_array *own = calloc(1, sizeof(*own));
    PyGILState_STATE gil;
    int code = 0;

    if (own == NULL) {
        return ENOMEM;
    }
    gil = PyGILState_Ensure();
    Py_INCREF(owner);
    PyGILState_Release(gil);
    own->owner = owner;
    *out = *array;
    out->n_children = 0;
    out->dictionary = NULL;
    out->release = release_array;
    out->private_data = own;
    own->storage = calloc(count + 1, sizeof(*own->storage));
    own->pointers = calloc(count + 1, sizeof(*own->pointers));
    out->children = own->pointers;
    if (own->storage == NULL || own->pointers == NULL) {
        code = ENOMEM;
    }
    for (int64_t i = 0; code == 0 && i < array->n_children; i++) {
        own->pointers[i] = &own->storage[i];
        code = lend_array(array->children[i], owner, own->pointers[i]);
        out->n_children = code == 0 ? i + 1 : i;
    }
    if (code == 0 && array->dictionary != NULL) {
        code = lend_array(array->dictionary, owner, &own->storage[array->n_children]);
        out->dictionary = code == 0 ? &own->storage[array->n_children] : NULL;
    }
    if (code != 0) {
        release_array(out);
    }
    return code;
}
