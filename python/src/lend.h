/** Handing Arrow data out a second time: copies of the structs over the same buffers. */
#ifndef KARTOTHEK_PYTHON_LEND_H
#define KARTOTHEK_PYTHON_LEND_H

#include "core.h"

/** A deep copy of a schema that stands alone. 0 or an errno. Needs no GIL. */
int lend_schema(const struct ArrowSchema *schema, struct ArrowSchema *out);

/**
 * A copy of an array's structs, children and dictionary included, over the same buffers. Each node
 * holds a reference to `owner`, which owns the buffers. 0 or an errno. Takes the GIL.
 */
int lend_array(const struct ArrowArray *array, PyObject *owner, struct ArrowArray *out);

#endif
