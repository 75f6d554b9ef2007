/*
 * ktk-bench: one task of the benchmark, timed in a process of its own, told as one line of JSON.
 *
 *   ktk-bench read FILE [--columns a,b] [--dictionaries]
 *   ktk-bench filter FILE --where "COLUMN OPERATOR VALUE" [--where …] [--columns a,b]
 *   ktk-bench write FILE --out OUT [--codec snappy|zstd|lz4_raw|gzip|brotli|none]
 *   ktk-bench open FILE
 *   ktk-bench open-dataset DIR
 *   ktk-bench plan DIR --where "COLUMN OPERATOR VALUE" [--where …]
 *   ktk-bench query DIR [--where …]
 *   ktk-bench append DIR --frame FILE [--where …]
 *
 * and for all: --threads N, --min-s S, --max-reps R, --checksum. Any other command is answered with
 * {"unsupported": true}.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kartothek/kartothek.h>

#include "digest.h"
#include "measure.h"
#include "table.h"

enum { COLUMNS_MAX = 1000, CONDITIONS_MAX = 20 };

struct bench {
    ktk_context *context;
    const char *input; /* the file or folder */
    const char *output;
    const char *frame; /* rows to append */
    ktk_parquet_read_options read_options;
    const char *columns[COLUMNS_MAX];
    ktk_literal conditions[CONDITIONS_MAX]; /* all of them must hold */
    ktk_value values[CONDITIONS_MAX];
    size_t condition_count;
    ktk_predicate *where;
    ktk_parquet_write_options write_options;
    int32_t threads;
    bool with_checksum;
    struct bench_limits limits;
    struct bench_table table; /* the result of `read`, the input of `write` */
    ktk_dataset *dataset;     /* the result of `open-dataset` */
    ktk_store *store;         /* of `append` */
    ktk_bytes document;       /* of the dataset that is appended to, to be put back */
    int64_t row_count;
};

struct command {
    const char *name;
    ktk_status (*prepare)(struct bench *bench, ktk_error *err); /* NULL: nothing to prepare */
    ktk_status (*run)(void *bench, ktk_error *err);
    void (*reset)(void *bench);
    /* The table to digest, once all is measured; NULL: the command has none. */
    ktk_status (*result)(struct bench *bench, ktk_error *err);
    int32_t repeat;
    bool writes;
};

/* ---- commands ---- */

static ktk_status read_file(struct bench *bench, const char *path, ktk_error *err) {
    ktk_parquet_file *file = NULL;
    struct ArrowArrayStream stream = {0};
    ktk_status status = ktk_parquet_open_path(&file, bench->context, path, err);
    if (status == KTK_OK) {
        status = ktk_parquet_read(&stream, file, &bench->read_options, err);
    }
    if (status == KTK_OK) {
        status = bench_table_collect(&bench->table, &stream, err);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    ktk_parquet_file_free(file);
    bench->row_count = bench->table.row_count;
    return status;
}

static ktk_status read_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    return read_file(bench, bench->input, err);
}

static void read_reset(void *state) {
    struct bench *bench = state;
    bench_table_clear(&bench->table);
}

static ktk_status read_result(struct bench *bench, ktk_error *err) {
    (void)bench;
    (void)err;
    return KTK_OK;
}

static ktk_status filter_prepare(struct bench *bench, ktk_error *err) {
    ktk_status status;
    if (bench->condition_count == 0) {
        return ktk_error_set(err, KTK_E_INVALID, "filter and plan need --where");
    }
    status = ktk_predicate_new(&bench->where, bench->context, bench->conditions,
                               &bench->condition_count, 1, err);
    bench->read_options.where = bench->where;
    return status;
}

static ktk_status query_prepare(struct bench *bench, ktk_error *err) {
    return bench->condition_count == 0 ? KTK_OK : filter_prepare(bench, err);
}

static ktk_status write_prepare(struct bench *bench, ktk_error *err) {
    if (bench->output == NULL) {
        return ktk_error_set(err, KTK_E_INVALID, "write needs --out");
    }
    return read_file(bench, bench->input, err);
}

static ktk_status write_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    struct ArrowArrayStream stream = {0};
    ktk_status status = bench_table_lend(&stream, &bench->table, err);
    if (status == KTK_OK) {
        status = ktk_parquet_write_path(bench->context, bench->output, &stream,
                                        &bench->write_options, err);
    }
    return status;
}

static void write_reset(void *state) {
    struct bench *bench = state;
    unlink(bench->output);
}

static ktk_status write_result(struct bench *bench, ktk_error *err) {
    bench_table_clear(&bench->table);
    return read_file(bench, bench->output, err);
}

static ktk_status open_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info = {0};
    ktk_status status = ktk_parquet_open_path(&file, bench->context, bench->input, err);
    if (status == KTK_OK) {
        ktk_parquet_file_info(file, &info);
        bench->row_count = info.row_count;
    }
    ktk_parquet_file_free(file);
    return status;
}

static void open_reset(void *state) {
    (void)state;
}

static ktk_status open_store(ktk_store **store, const struct bench *bench, ktk_error *err) {
    char url[4096];
    int size = snprintf(url, sizeof(url), "hfs://%s?create_if_missing=false", bench->input);
    if (size < 0 || (size_t)size >= sizeof(url)) {
        return ktk_error_set(err, KTK_E_INVALID, "path is too long: '%s'", bench->input);
    }
    return ktk_store_open(store, bench->context, url, err);
}

static ktk_status open_dataset_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    ktk_store *store = NULL;
    ktk_status status = open_store(&store, bench, err);
    if (status == KTK_OK) {
        status = ktk_dataset_open(&bench->dataset, store, "d", err);
    }
    if (status == KTK_OK) {
        bench->row_count = ktk_dataset_partition_count(bench->dataset);
    }
    ktk_store_free(store);
    return status;
}

static void open_dataset_reset(void *state) {
    struct bench *bench = state;
    ktk_dataset_free(bench->dataset);
    bench->dataset = NULL;
}

/* Open the dataset and say which partitions may hold matching rows. */
static ktk_status plan_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    int64_t *partitions = NULL;
    size_t count = 0;
    ktk_status status = open_dataset_run(bench, err);
    if (status == KTK_OK) {
        options.where = bench->where;
        status = ktk_query_partitions(&partitions, &count, bench->dataset, &options, err);
    }
    if (status == KTK_OK) {
        bench->row_count = (int64_t)count;
        ktk_query_partitions_free(bench->dataset, partitions, count);
    }
    return status;
}

/* Open the dataset and read the rows that match. */
static ktk_status query_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_status status = open_dataset_run(bench, err);
    if (status == KTK_OK) {
        options.where = bench->where;
        options.columns = bench->read_options.columns;
        options.column_count = bench->read_options.column_count;
        status = ktk_query_stream(&stream, bench->dataset, &options, err);
    }
    if (status == KTK_OK) {
        status = bench_table_collect(&bench->table, &stream, err);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    bench->row_count = bench->table.row_count;
    return status;
}

static void query_reset(void *state) {
    open_dataset_reset(state);
    read_reset(state);
}

static const char document_key[] = "d.by-dataset-metadata.json";

static ktk_status append_prepare(struct bench *bench, ktk_error *err) {
    ktk_status status;
    if (bench->frame == NULL) {
        return ktk_error_set(err, KTK_E_INVALID, "append needs --frame");
    }
    status = query_prepare(bench, err);
    bench->read_options.where = NULL; /* it is the scope of what goes */
    if (status == KTK_OK) {
        status = read_file(bench, bench->frame, err);
    }
    if (status == KTK_OK) {
        status = open_store(&bench->store, bench, err);
    }
    if (status == KTK_OK) {
        status = ktk_store_get(bench->store, document_key, &bench->document, NULL, err);
    }
    return status;
}

/* One commit: the rows come, the partitions in the scope go. */
static ktk_status append_run(void *state, ktk_error *err) {
    struct bench *bench = state;
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_store *store = NULL;
    ktk_status status = open_store(&store, bench, err);
    options.mode = KTK_UPDATE_UPDATE;
    if (status == KTK_OK) {
        status = ktk_update_begin(&update, store, "d", &options, err);
    }
    if (status == KTK_OK && bench->where != NULL) {
        status = ktk_update_delete(update, bench->where, err);
    }
    if (status == KTK_OK) {
        status = bench_table_lend(&stream, &bench->table, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, NULL, err);
    }
    ktk_update_free(update);
    ktk_store_free(store);
    return status;
}

static void append_reset(void *state) {
    struct bench *bench = state;
    ktk_error error = {0};
    if (ktk_store_put(bench->store, document_key, bench->document.data, bench->document.size, NULL,
                      NULL, &error) != KTK_OK) {
        fprintf(stderr, "ktk-bench: the document is not put back: %s\n", error.message);
    }
}

static const struct command commands[] = {
    {"read", NULL, read_run, read_reset, read_result, 1, false},
    {"filter", filter_prepare, read_run, read_reset, read_result, 1, false},
    {"write", write_prepare, write_run, write_reset, write_result, 1, true},
    {"open", NULL, open_run, open_reset, NULL, 20, false},
    {"open-dataset", NULL, open_dataset_run, open_dataset_reset, NULL, 1, false},
    {"plan", filter_prepare, plan_run, open_dataset_reset, NULL, 1, false},
    {"query", query_prepare, query_run, query_reset, read_result, 1, false},
    {"append", append_prepare, append_run, append_reset, NULL, 1, false},
};

/* ---- the command line ---- */

static ktk_status parse_number(double *out, const char *text, double minimum, double maximum,
                               ktk_error *err) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= minimum && value <= maximum)) {
        return ktk_error_set(err, KTK_E_INVALID, "'%s' is no number from %g to %g", text, minimum,
                             maximum);
    }
    *out = value;
    return KTK_OK;
}

/* Split "a,b" in place. */
static ktk_status parse_columns(struct bench *bench, char *text, ktk_error *err) {
    size_t count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(text, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        if (count == COLUMNS_MAX) {
            return ktk_error_set(err, KTK_E_INVALID, "more than %d columns", COLUMNS_MAX);
        }
        bench->columns[count++] = name;
    }
    bench->read_options.columns = bench->columns;
    bench->read_options.column_count = count;
    return KTK_OK;
}

/* Split "column operator value" in place; the value takes the type of its column. */
static ktk_status parse_condition(struct bench *bench, char *text, ktk_error *err) {
    static const char *const operators[] = {
        [KTK_OP_EQ] = "==", [KTK_OP_NE] = "!=", [KTK_OP_LT] = "<",
        [KTK_OP_LE] = "<=", [KTK_OP_GT] = ">",  [KTK_OP_GE] = ">="};
    char *name = strchr(text, ' ');
    char *value = name == NULL ? NULL : strchr(name + 1, ' ');
    if (value == NULL || bench->condition_count == CONDITIONS_MAX) {
        return ktk_error_set(err, KTK_E_INVALID, "'%s' is no condition, or there are too many",
                             text);
    }
    *name++ = '\0';
    *value++ = '\0';
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (strcmp(name, operators[i]) == 0) {
            size_t at = bench->condition_count++;
            bench->values[at] =
                (ktk_value){.kind = KTK_VALUE_UNTYPED, .bytes = value, .bytes_size = strlen(value)};
            bench->conditions[at] = (ktk_literal){text, (ktk_operator)i, &bench->values[at], 1};
            return KTK_OK;
        }
    }
    return ktk_error_set(err, KTK_E_INVALID, "unknown operator '%s'", name);
}

static ktk_status parse_value(struct bench *bench, const char *option, char *value,
                              ktk_error *err) {
    ktk_status status = KTK_OK;
    double number = 0;
    if (strcmp(option, "--threads") == 0) {
        status = parse_number(&number, value, 1, 1024, err);
        bench->threads = (int32_t)number;
    } else if (strcmp(option, "--min-s") == 0) {
        status = parse_number(&bench->limits.time_min_s, value, 0, 1e6, err);
    } else if (strcmp(option, "--max-reps") == 0) {
        status = parse_number(&number, value, 1, MEASURE_REPETITIONS_MAX, err);
        bench->limits.repetitions_max = (size_t)number;
    } else if (strcmp(option, "--columns") == 0) {
        status = parse_columns(bench, value, err);
    } else if (strcmp(option, "--where") == 0) {
        status = parse_condition(bench, value, err);
    } else if (strcmp(option, "--codec") == 0) {
        status = ktk_compression_parse(&bench->write_options.compression, value, err);
    } else if (strcmp(option, "--out") == 0) {
        bench->output = value;
    } else if (strcmp(option, "--frame") == 0) {
        bench->frame = value;
    } else if (strcmp(option, "--raw") != 0) {
        /* The raw buffers are for programs that cannot read FILE. */
        status = ktk_error_set(err, KTK_E_INVALID, "unknown option '%s'", option);
    }
    return status;
}

static ktk_status parse_options(struct bench *bench, int count, char **arguments, ktk_error *err) {
    ktk_status status = KTK_OK;
    for (int i = 0; i < count && status == KTK_OK; i++) {
        const char *argument = arguments[i];
        if (strcmp(argument, "--checksum") == 0) {
            bench->with_checksum = true;
        } else if (strcmp(argument, "--dictionaries") == 0) {
            bench->read_options.keep_dictionaries = true;
        } else if (strncmp(argument, "--", 2) == 0 && i + 1 < count) {
            status = parse_value(bench, argument, arguments[++i], err);
        } else if (strncmp(argument, "--", 2) == 0) {
            status = ktk_error_set(err, KTK_E_INVALID, "option '%s' needs a value", argument);
        } else if (bench->input == NULL) {
            bench->input = argument;
        } else {
            status = ktk_error_set(err, KTK_E_INVALID, "unexpected argument '%s'", argument);
        }
    }
    if (status == KTK_OK && bench->input == NULL) {
        status = ktk_error_set(err, KTK_E_INVALID, "a file or folder is missing");
    }
    return status;
}

/* ---- the report ---- */

static void print_list(const char *name, const double *values, size_t count) {
    printf("\"%s\": [", name);
    for (size_t i = 0; i < count; i++) {
        printf("%s%.9f", i == 0 ? "" : ", ", values[i]);
    }
    printf("], ");
}

static ktk_status report(struct bench *bench, const struct command *command,
                         const struct bench_times *times, ktk_error *err) {
    ktk_status status = KTK_OK;
    uint64_t checksum = 0;
    struct stat file = {0};
    bool has_checksum = bench->with_checksum && command->result != NULL;

    if (command->writes && stat(bench->output, &file) != 0) {
        return ktk_error_set(err, KTK_E_IO, "cannot find '%s': %s", bench->output, strerror(errno));
    }
    if (has_checksum) {
        status = command->result(bench, err);
        if (status == KTK_OK) {
            status = bench_digest(&checksum, &bench->table, err);
        }
    }
    if (status == KTK_OK) {
        printf("{");
        print_list("seconds", times->seconds, times->count);
        print_list("cpu", times->cpu_seconds, times->count);
        printf("\"first_s\": %.9f, \"first_cpu\": %.9f, \"rows\": %" PRId64 ", ", times->first_s,
               times->first_cpu_s, bench->row_count);
        if (has_checksum) {
            printf("\"checksum\": \"%016" PRIx64 "\", ", checksum);
        }
        if (command->writes) {
            printf("\"extra\": {\"bytes\": %lld, \"files\": 1}, ", (long long)file.st_size);
        }
        printf("\"rss_before_kb\": %ld, \"rss_peak_kb\": %ld, \"version\": \"%s\"}\n",
               times->rss_before_kb, times->rss_peak_kb, ktk_version());
    }
    return status;
}

static ktk_status run_command(struct bench *bench, const struct command *command, ktk_error *err) {
    struct bench_times times;
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    const struct bench_task task = {command->run, command->reset, bench, command->repeat};
    options.threads = bench->threads;
    ktk_status status = ktk_context_new(&bench->context, &options, err);
    if (status == KTK_OK && command->prepare != NULL) {
        status = command->prepare(bench, err);
    }
    if (status == KTK_OK) {
        status = bench_measure(&times, &task, &bench->limits, err);
    }
    if (status == KTK_OK) {
        status = report(bench, command, &times, err);
    }
    if (bench->document.data != NULL) {
        append_reset(bench);
    }
    ktk_bytes_clear(&bench->document);
    ktk_store_free(bench->store);
    ktk_dataset_free(bench->dataset);
    bench_table_clear(&bench->table);
    ktk_predicate_free(bench->where);
    ktk_context_free(bench->context);
    return status;
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    struct bench bench = {0};
    ktk_error error = {0};
    const struct command *command = argc < 2 ? NULL : find_command(argv[1]);

    if (argc < 2) {
        fputs("usage: ktk-bench read|filter|write|open|open-dataset|plan|query|append PATH "
              "[OPTION…]\n",
              stderr);
        return 1;
    }
    if (command == NULL) {
        puts("{\"unsupported\": true}");
        return 0;
    }
    bench.read_options = (ktk_parquet_read_options)KTK_PARQUET_READ_OPTIONS_INIT;
    bench.write_options = (ktk_parquet_write_options)KTK_PARQUET_WRITE_OPTIONS_INIT;
    bench.limits = (struct bench_limits){1.0, 5};
    bench.threads = 1;
    ktk_status status = parse_options(&bench, argc - 2, argv + 2, &error);
    if (status == KTK_OK) {
        status = run_command(&bench, command, &error);
    }
    if (status != KTK_OK) {
        fprintf(stderr, "ktk-bench: %s: %s\n", ktk_status_name(status), error.message);
        return 1;
    }
    return 0;
}
