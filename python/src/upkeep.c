/* Looking after datasets and stores: garbage collection, checks, compaction, copies, statistics of
 * files. */
#include "call.h"

#include <kartothek/compact.h>
#include <kartothek/index.h>
#include <kartothek/store_check.h>
#include <kartothek/upkeep.h>
#include <string.h>

/* Append an object (reference stolen) to the list that a report fills; called without the GIL. */
static ktk_status collect(PyObject *list, PyObject *item, ktk_error *err) {
    bool is_added = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    PyErr_Clear();
    return is_added ? KTK_OK : ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for a report");
}

/* ---- garbage collection ---- */

static bool tell_removed(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return core_call_tell(files, file_count, "files removed");
}

static PyObject *gc(PyObject *unused, PyObject *args) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_gc_result result;
    struct store_object *store;
    const char *uuid;
    long long grace_ms;
    int acts;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!spL:gc", core.store_type, &store, &uuid, &acts, &grace_ms)) {
        return NULL;
    }
    options.acts = acts != 0;
    options.grace_ms = grace_ms;
    /* Who gives a time in a program has asked for it. */
    options.allows_short_grace = grace_ms != 0;
    options.progress = tell_removed;
    core_call_begin(&call);
    status = ktk_gc(store->store, uuid, &options, &result, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    return Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:L,s:L}", "waiting_files", (long long)result.waiting_count,
        "waiting_bytes", (long long)result.waiting_bytes, "due_files", (long long)result.due_count,
        "due_bytes", (long long)result.due_bytes, "removed_files", (long long)result.removed_count,
        "removed_bytes", (long long)result.removed_bytes);
}

/* ---- checks ---- */

static ktk_status take_finding(void *state, const ktk_check_finding *finding, ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    ktk_status status =
        collect(state,
                Py_BuildValue("{s:s,s:s,s:z,s:s}", "severity",
                              finding->severity == KTK_CHECK_ERROR ? "error" : "warning", "what",
                              finding->what, "key", finding->key, "text", finding->text),
                err);

    PyGILState_Release(gil);
    return status;
}

static bool tell_checked(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return core_call_tell(files, file_count, "files checked");
}

static PyObject *check(PyObject *unused, PyObject *args) {
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;
    ktk_check_result result;
    struct store_object *store;
    PyObject *findings;
    const char *uuid;
    int deep;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!sp:check", core.store_type, &store, &uuid, &deep)) {
        return NULL;
    }
    findings = PyList_New(0);
    if (findings == NULL) {
        return NULL;
    }
    options.deep = deep != 0;
    options.report = take_finding;
    options.report_state = findings;
    options.progress = tell_checked;
    core_call_begin(&call);
    status = ktk_check(store->store, uuid, &options, &result, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(findings);
        return core_raise(status, &err);
    }
    return findings;
}

/* ---- checks of an index ---- */

static bool tell_verified(void *state, int64_t files, int64_t file_count) {
    (void)state;
    return core_call_tell(files, file_count, "files compared with an index");
}

struct verification {
    const ktk_dataset *dataset;
    PyObject *differences; /* a list */
};

static ktk_status take_difference(void *state, const ktk_index_difference *difference,
                                  ktk_error *err) {
    struct verification *verification = state;
    PyGILState_STATE gil = PyGILState_Ensure();
    ktk_status status = collect(
        verification->differences,
        Py_BuildValue("{s:s,s:L,s:L}", "label",
                      ktk_dataset_partition_label(verification->dataset, difference->partition),
                      "missing_values", (long long)difference->missing_count, "excess_values",
                      (long long)difference->excess_count),
        err);

    PyGILState_Release(gil);
    return status;
}

static int32_t find_index(const ktk_dataset *dataset, const char *column) {
    int32_t at = ktk_dataset_index_count(dataset) - 1;

    while (at >= 0 && strcmp(ktk_dataset_index_column(dataset, at), column) != 0) {
        at--;
    }
    return at;
}

/* Failures that say something of the index. */
static bool is_of_index(ktk_status status) {
    return status == KTK_E_NOT_FOUND || status == KTK_E_CORRUPT || status == KTK_E_SCHEMA ||
           status == KTK_E_UNSUPPORTED;
}

static PyObject *index_verify(PyObject *unused, PyObject *args) {
    ktk_index_verify_options options = KTK_INDEX_VERIFY_OPTIONS_INIT;
    struct verification verification;
    ktk_index_info info = {0};
    struct dataset_object *dataset;
    const char *column;
    int32_t index;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!s:index_verify", core.dataset_type, &dataset, &column)) {
        return NULL;
    }
    index = find_index(dataset->dataset, column);
    if (index < 0) {
        return PyErr_Format(PyExc_KeyError, "dataset '%s' has no index on '%s'",
                            ktk_dataset_uuid(dataset->dataset), column);
    }
    verification = (struct verification){dataset->dataset, PyList_New(0)};
    if (verification.differences == NULL) {
        return NULL;
    }
    options.progress = core_call_is_told() ? tell_verified : NULL;
    core_call_begin(&call);
    status = ktk_index_look(dataset->dataset, index, &info, &err);
    if (status == KTK_OK) {
        status = ktk_index_verify(dataset->dataset, index, &options, take_difference, &verification,
                                  &err);
    }
    core_call_end(&call, status);
    if (status != KTK_OK && (PyErr_Occurred() || !is_of_index(status))) {
        Py_DECREF(verification.differences);
        return core_raise(status, &err);
    }
    return Py_BuildValue("{s:s,s:z,s:L,s:L,s:N}", "column", column, "problem",
                         status == KTK_OK ? NULL : err.message, "unknown_partitions",
                         (long long)info.unknown_count, "stale_labels", (long long)info.stale_count,
                         "differences", verification.differences);
}

/* ---- checks of a store ---- */

static const char *text_or_null(const char *text) {
    return text[0] == '\0' ? NULL : text;
}

/* Why something cannot be done. */
static const char *problem_of(const ktk_error *fact) {
    return fact->status == KTK_OK ? NULL : fact->message;
}

static PyObject *store_check(PyObject *unused, PyObject *args) {
    static const char *const conditions[] = {"swap", "create-only", "none", "unknown"};
    ktk_store_facts facts;
    struct store_object *store;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!:store_check", core.store_type, &store)) {
        return NULL;
    }
    core_call_begin(&call);
    status = ktk_store_check(&facts, store->store, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    return Py_BuildValue(
        "{s:s,s:z,s:z,s:z,s:L,s:z,s:z,s:z,s:z,s:z,s:s,s:N}", "store", ktk_store_name(store->store),
        "provider", text_or_null(facts.provider), "region", text_or_null(facts.region),
        "credentials", text_or_null(facts.credentials), "clock_ahead_ms",
        (long long)facts.clock_ahead_ms, "list", problem_of(&facts.list), "read",
        problem_of(&facts.read), "write", problem_of(&facts.write), "delete",
        problem_of(&facts.remove), "commit", problem_of(&facts.commit), "conditions",
        conditions[facts.conditions], "safe", PyBool_FromLong(facts.is_safe));
}

/* ---- compaction ---- */

static bool tell_compacted(void *state, int64_t files, int64_t rows, int64_t bytes) {
    (void)state;
    (void)rows;
    (void)bytes;
    return core_call_tell(files, -1, "files written");
}

static PyObject *compacted(ktk_status status, const ktk_compact_result *result,
                           const ktk_error *err) {
    bool is_done = status == KTK_OK && result->commit.id[0] != '\0';

    if (status != KTK_OK) {
        return core_raise(status, err);
    }
    return Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:z}", "partitions_before", (long long)result->input_count,
        "bytes_before", (long long)result->input_bytes, "partitions_after",
        (long long)(is_done ? result->commit.partition_count : result->group_count), "rows",
        (long long)result->commit.row_count, "commit", is_done ? result->commit.id : NULL);
}

static PyObject *compact(PyObject *unused, PyObject *args) {
    ktk_compact_options options = KTK_COMPACT_OPTIONS_INIT;
    ktk_compact_result result;
    struct texts sort_by;
    struct store_object *store;
    const char *uuid;
    PyObject *where;
    PyObject *columns;
    const char *compression;
    long long target_bytes;
    int is_dry;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!sOLOsp:compact", core.store_type, &store, &uuid, &where,
                          &target_bytes, &columns, &compression, &is_dry)) {
        return NULL;
    }
    if (where != Py_None && Py_TYPE(where) != core.predicate_type) {
        PyErr_SetString(PyExc_TypeError, "where must be a Predicate or None");
        return NULL;
    }
    status = ktk_compression_parse(&options.file.compression, compression, &err);
    if (status != KTK_OK) {
        return core_raise(status, &err);
    }
    if (core_texts(columns, &sort_by) < 0) {
        return NULL;
    }
    options.where = where == Py_None ? NULL : ((struct predicate_object *)where)->predicate;
    options.target_bytes = target_bytes;
    options.sort_by = sort_by.items;
    options.sort_by_count = (size_t)sort_by.count;
    options.dry_run = is_dry != 0;
    options.progress = tell_compacted;
    core_call_begin(&call);
    status = ktk_compact(&result, store->store, uuid, &options, &err);
    core_call_end(&call, status);
    core_texts_free(&sort_by);
    return compacted(status, &result, &err);
}

/* ---- copies ---- */

static bool tell_copied(void *state, int64_t files, int64_t file_count, int64_t bytes) {
    (void)state;
    (void)bytes;
    return core_call_tell(files, file_count, "files copied");
}

static PyObject *dataset_copy(PyObject *unused, PyObject *args) {
    ktk_copy_options options = KTK_COPY_OPTIONS_INIT;
    ktk_copy_result result;
    struct store_object *store;
    struct dataset_object *source;
    const char *uuid;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!sO!:dataset_copy", core.store_type, &store, &uuid,
                          core.dataset_type, &source)) {
        return NULL;
    }
    options.progress = tell_copied;
    core_call_begin(&call);
    status = ktk_dataset_copy(store->store, uuid, source->dataset, &options, &result, &err);
    core_call_end(&call, status);
    return status == KTK_OK ? PyUnicode_FromString(result.id) : core_raise(status, &err);
}

/* ---- statistics ---- */

static ktk_status take_row_group(void *state, const ktk_row_group_statistics *group,
                                 ktk_error *err) {
    PyGILState_STATE gil = PyGILState_Ensure();
    ktk_status status = collect(
        state,
        Py_BuildValue("(siLLLiLL)", group->label, (int)group->row_group,
                      (long long)group->compressed_size, (long long)group->uncompressed_size,
                      (long long)group->file_row_count, (int)group->file_row_group_count,
                      (long long)group->footer_size, (long long)group->row_count),
        err);

    PyGILState_Release(gil);
    return status;
}

static PyObject *statistics(PyObject *unused, PyObject *args) {
    ktk_statistics_options options = KTK_STATISTICS_OPTIONS_INIT;
    struct dataset_object *dataset;
    PyObject *where;
    PyObject *groups;
    unsigned long long seed;
    struct core_call call;
    ktk_error err;
    ktk_status status;

    (void)unused;
    if (!PyArg_ParseTuple(args, "O!zOdK:statistics", core.dataset_type, &dataset, &options.table,
                          &where, &options.fraction, &seed)) {
        return NULL;
    }
    if (where != Py_None && Py_TYPE(where) != core.predicate_type) {
        PyErr_SetString(PyExc_TypeError, "where must be a Predicate or None");
        return NULL;
    }
    groups = PyList_New(0);
    if (groups == NULL) {
        return NULL;
    }
    options.where = where == Py_None ? NULL : ((struct predicate_object *)where)->predicate;
    options.seed = seed;
    core_call_begin(&call);
    status = ktk_dataset_statistics(dataset->dataset, &options, take_row_group, groups, &err);
    core_call_end(&call, status);
    if (status != KTK_OK) {
        Py_DECREF(groups);
        return core_raise(status, &err);
    }
    return groups;
}

PyMethodDef core_upkeep_functions[] = {
    {"check", check, METH_VARARGS,
     "check(store, uuid, deep) -> [{severity, what, key, text}] of what is not as it should be."},
    {"compact", compact, METH_VARARGS,
     "compact(store, uuid, where, target_bytes, sort_by, compression, dry_run) -> "
     "{partitions_before, ...}; target_bytes 0: 128 MiB."},
    {"dataset_copy", dataset_copy, METH_VARARGS,
     "dataset_copy(store, uuid, dataset) -> id of the commit that the copy begins with."},
    {"gc", gc, METH_VARARGS,
     "gc(store, uuid, acts, grace_ms) -> {waiting_files, ...}. 0: 72 hours, negative: no grace."},
    {"index_verify", index_verify, METH_VARARGS,
     "index_verify(dataset, column) -> {column, problem, unknown_partitions, stale_labels, "
     "differences}"},
    {"statistics", statistics, METH_VARARGS,
     "statistics(dataset, table, where, fraction, seed) -> [(label, row group, compressed size, "
     "uncompressed size, rows of the file, row groups of the file, size of the footer, rows)]"},
    {"store_check", store_check, METH_VARARGS,
     "store_check(store) -> {store, provider, region, credentials, clock_ahead_ms, conditions, "
     "safe}, and why not, or None, for list, read, write, delete and commit."},
    {NULL, NULL, 0, NULL},
};
