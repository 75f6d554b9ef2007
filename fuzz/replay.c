/* Runs a fuzz target over the files named on the command line and every file of the folders named
 * there, each also cut short and with single bits changed; prints TAP. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define CUTS 16
#define FLIPS 64

static int file_count;

/* In a block exactly as large as the input: a read past its end is then seen by the sanitizer. */
static void run_copy(const uint8_t *data, size_t size, size_t flipped_bit) {
    uint8_t *copy = malloc(size > 0 ? size : 1);

    FUZZ_ASSERT(copy != NULL);
    memcpy(copy, data, size);
    if (flipped_bit < size * 8) {
        copy[flipped_bit / 8] ^= (uint8_t)(1u << (flipped_bit % 8));
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variants(const uint8_t *data, size_t size) {
    uint64_t random = 0x9E3779B97F4A7C15u;

    run_copy(data, size, SIZE_MAX);
    for (size_t i = 0; i < CUTS && size > 0; i++) {
        run_copy(data, size * i / CUTS, SIZE_MAX);
    }
    for (int i = 0; i < FLIPS && size > 0; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        run_copy(data, size, (size_t)(random >> 16) % (size * 8));
    }
}

static void run_file(const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);

    FUZZ_ASSERT(file != NULL && data != NULL);
    FUZZ_ASSERT(fread(data, 1, size, file) == size);
    fclose(file);
    /* Named first, so that the input of a crash is known. */
    fprintf(stderr, "# %s\n", path);
    run_variants(data, size);
    free(data);
    printf("ok %d - %s\n", ++file_count, path);
    fflush(stdout);
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static void run_path(const char *path) {
    struct dirent **entries = NULL;
    struct stat info;
    int count;

    if (stat(path, &info) != 0) {
        printf("ok %d - %s # SKIP it is absent\n", ++file_count, path);
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        run_file(path, (size_t)info.st_size);
        return;
    }
    count = scandir(path, &entries, is_visible, alphasort);
    FUZZ_ASSERT(count >= 0);
    for (int i = 0; i < count; i++) {
        char name[4096];
        int length = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        FUZZ_ASSERT(length > 0 && (size_t)length < sizeof(name));
        run_path(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        run_path(argv[i]);
    }
    FUZZ_ASSERT(file_count > 0);
    printf("1..%d\n", file_count);
    return 0;
}
