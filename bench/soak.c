/*
 * A dataset that is committed to many times, and one of many partitions: what a commit costs as
 * they grow, and how much `_ktk/` takes. One line of figures a stage; the last line says what
 * holds.
 *
 *     ktk-soak FOLDER COMMITS PARTITIONS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <kartothek/kartothek.h>

#define STAGES 10
#define LATE_COMMITS 20 /* to the dataset of many partitions */

static double now_s(clockid_t clock) {
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char *what, const ktk_error *err) {
    fprintf(stderr, "ktk-soak: %s: %s\n", what, err->message);
    return 1;
}

static ktk_status add_text(ktk_update *update, ktk_store *store, const char *text, ktk_error *err) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status;

    bytes.data = (const uint8_t *)text;
    bytes.size = strlen(text);
    status = ktk_csv_read(&stream, ktk_store_context(store), &bytes, NULL, err);
    return status == KTK_OK ? ktk_update_add(update, &stream, NULL, err) : status;
}

/* One commit with the rows of a CSV text. */
static ktk_status commit_text(ktk_store *store, const char *uuid, const char *text, bool by_key,
                              ktk_error *err) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_status status;

    options.mode = KTK_UPDATE_CREATE_OR_UPDATE;
    options.partition_on = by_key ? keys : NULL;
    options.partition_on_count = by_key;
    status = ktk_update_begin(&update, store, uuid, &options, err);
    if (status == KTK_OK) {
        status = add_text(update, store, text, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, NULL, err);
    }
    ktk_update_free(update);
    return status;
}

/* ---- what is there ---- */

struct total {
    int64_t count;
    int64_t bytes;
};

static ktk_status add_entry(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct total *total = state;

    (void)err;
    total->count++;
    total->bytes += entry->size;
    return KTK_OK;
}

static struct total total_of(ktk_store *store, const char *uuid, const char *what) {
    struct total total = {0, 0};
    char prefix[256];
    ktk_error err;

    (void)snprintf(prefix, sizeof(prefix), "%s%s", uuid, what);
    if (ktk_store_list(store, prefix, add_entry, &total, &err) != KTK_OK) {
        total.bytes = -1;
    }
    return total;
}

/* Rows of a dataset, counted one by one; -1: it cannot be read. */
static int64_t count_rows(ktk_store *store, const char *uuid) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    int64_t rows = -1;
    ktk_error err;

    if (ktk_dataset_open(&dataset, store, uuid, &err) == KTK_OK &&
        ktk_query_stream(&stream, dataset, &query, &err) == KTK_OK) {
        struct ArrowArray batch;

        rows = 0;
        while (ktk_stream_next(&stream, &batch, &err) == KTK_OK && batch.release != NULL) {
            rows += batch.length;
            batch.release(&batch);
        }
        stream.release(&stream);
    }
    ktk_dataset_free(dataset);
    return rows;
}

static ktk_status collect(ktk_store *store, const char *uuid, ktk_error *err) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    ktk_gc_result result;

    options.acts = true;
    options.grace_ms = -1;
    options.history_ms = 1;
    options.allows_short_grace = true;
    return ktk_gc(store, uuid, &options, &result, err);
}

/* ---- the two datasets ---- */

/* Appends of one row each; documents of earlier commits are let go after each stage. */
static int commit_often(ktk_store *store, int commits) {
    int done = 0;
    ktk_error err;

    printf("commits  ms a commit  of these CPU  document KiB  _ktk KiB  after gc\n");
    for (int stage = 1; stage <= STAGES; stage++) {
        int until = (int)((int64_t)commits * stage / STAGES);
        int count = until - done;
        double start_s = now_s(CLOCK_MONOTONIC);
        double start_cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
        struct total document;
        struct total kept;
        double per_ms;
        double per_cpu_ms;

        for (; done < until; done++) {
            char text[64];

            (void)snprintf(text, sizeof(text), "p,v\n1,%d\n", done);
            if (commit_text(store, "soak", text, false, &err) != KTK_OK) {
                return fail("a commit", &err);
            }
        }
        per_ms = (now_s(CLOCK_MONOTONIC) - start_s) * 1e3 / (count > 0 ? count : 1);
        per_cpu_ms =
            (now_s(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_s) * 1e3 / (count > 0 ? count : 1);
        document = total_of(store, "soak", ".by-dataset-metadata");
        kept = total_of(store, "soak", "/_ktk/");
        /* The second run removes what the first has noted. */
        for (int run = 0; run < 2; run++) {
            if (collect(store, "soak", &err) != KTK_OK) {
                return fail("a collection", &err);
            }
        }
        printf("%7d  %11.2f  %12.2f  %12.0f  %8.0f  %8.0f\n", done, per_ms, per_cpu_ms,
               (double)document.bytes / 1024, (double)kept.bytes / 1024,
               (double)total_of(store, "soak", "/_ktk/").bytes / 1024);
        fflush(stdout);
    }
    return 0;
}

static char *numbered_rows(int64_t count) {
    size_t size = (size_t)count * 24 + 16;
    char *text = malloc(size);
    size_t used = 4;

    if (text == NULL) {
        return NULL;
    }
    memcpy(text, "p,v\n", 5);
    for (int64_t i = 0; i < count; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%lld,%lld\n", (long long)i, (long long)i);
    }
    return text;
}

static int commit_large(ktk_store *store, int64_t partitions) {
    char *text = numbered_rows(partitions);
    ktk_dataset *dataset = NULL;
    struct total document;
    double start_s = now_s(CLOCK_MONOTONIC);
    ktk_error err = {0};
    ktk_status status =
        text == NULL ? KTK_E_NO_MEMORY : commit_text(store, "large", text, true, &err);

    free(text);
    if (status != KTK_OK) {
        return fail("a commit of many partitions", &err);
    }
    printf("%lld partitions: written in %.1f s", (long long)partitions,
           now_s(CLOCK_MONOTONIC) - start_s);
    start_s = now_s(CLOCK_MONOTONIC);
    for (int i = 0; i < LATE_COMMITS; i++) {
        char row[64];

        (void)snprintf(row, sizeof(row), "p,v\n%lld,1\n", (long long)partitions + i);
        if (commit_text(store, "large", row, true, &err) != KTK_OK) {
            return fail("a commit to many partitions", &err);
        }
    }
    printf(", appended to in %.1f ms",
           (now_s(CLOCK_MONOTONIC) - start_s) * 1e3 / (double)LATE_COMMITS);
    start_s = now_s(CLOCK_MONOTONIC);
    if (ktk_dataset_open(&dataset, store, "large", &err) != KTK_OK) {
        return fail("opening it", &err);
    }
    document = total_of(store, "large", ".by-dataset-metadata");
    printf(", opened at %.0f MB/s; document %.1f MB, _ktk %.1f MB\n",
           (double)document.bytes / 1e6 / (now_s(CLOCK_MONOTONIC) - start_s),
           (double)document.bytes / 1e6, (double)total_of(store, "large", "/_ktk/").bytes / 1e6);
    ktk_dataset_free(dataset);
    return 0;
}

static int run(ktk_store *store, int commits, int64_t partitions) {
    int code = commit_often(store, commits);
    int64_t rows = count_rows(store, "soak");

    if (code == 0) {
        code = commit_large(store, partitions);
    }
    if (code == 0) {
        int64_t large_rows = count_rows(store, "large");

        printf("%lld of %d rows and %lld of %lld rows are there\n", (long long)rows, commits,
               (long long)large_rows, (long long)partitions + LATE_COMMITS);
        code = rows == commits && large_rows == partitions + LATE_COMMITS ? 0 : 1;
    }
    return code;
}

int main(int argc, char **argv) {
    ktk_context *context = NULL;
    ktk_store *store = NULL;
    char url[4096];
    long commits = argc != 4 ? 0 : strtol(argv[2], NULL, 10);
    long partitions = argc != 4 ? 0 : strtol(argv[3], NULL, 10);
    int code = 1;
    ktk_error err;

    if (commits < STAGES || commits > 10000000 || partitions < 1) {
        fprintf(stderr, "usage: ktk-soak FOLDER COMMITS PARTITIONS\n");
        return 2;
    }
    (void)snprintf(url, sizeof(url), "hfs://%s", argv[1]);
    if (ktk_context_new(&context, NULL, &err) != KTK_OK ||
        ktk_store_open(&store, context, url, &err) != KTK_OK) {
        code = fail("opening the folder", &err);
    } else {
        code = run(store, (int)commits, partitions);
    }
    ktk_store_free(store);
    ktk_context_free(context);
    return code;
}
