/* Runs a fuzz target over every file of the folders named on the command line, each also cut short
 * and with single bytes changed; prints TAP. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define CUTS 16
#define FLIPS 64

static int file_count;

static void run_variants(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size + 1);
    uint64_t random = 0x9E3779B97F4A7C15u;

    FUZZ_ASSERT(copy != NULL);
    (void)LLVMFuzzerTestOneInput(data, size);
    for (int i = 0; i < CUTS && size > 0; i++) {
        (void)LLVMFuzzerTestOneInput(data, size * (size_t)i / CUTS);
    }
    for (int i = 0; i < FLIPS && size > 0; i++) {
        memcpy(copy, data, size);
        random = random * 6364136223846793005u + 1442695040888963407u;
        copy[(size_t)(random >> 33) % size] ^= (uint8_t)(1u << (random >> 13 & 7));
        (void)LLVMFuzzerTestOneInput(copy, size);
    }
    free(copy);
}

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    long size;
    uint8_t *data;

    FUZZ_ASSERT(file != NULL);
    FUZZ_ASSERT(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    FUZZ_ASSERT(size >= 0);
    rewind(file);
    /* Exactly as large as the input: a read past its end is then seen by the sanitizer. */
    data = malloc(size > 0 ? (size_t)size : 1);
    FUZZ_ASSERT(data != NULL);
    FUZZ_ASSERT(fread(data, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    run_variants(data, (size_t)size);
    free(data);
    printf("ok %d - %s\n", ++file_count, path);
    fflush(stdout);
}

static void run_folder(const char *path) {
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (folder == NULL) {
        printf("ok %d - %s # SKIP folder is absent\n", ++file_count, path);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        char name[4096];
        struct stat info;

        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        FUZZ_ASSERT(stat(name, &info) == 0);
        if (S_ISDIR(info.st_mode)) {
            run_folder(name);
        } else {
            run_file(name);
        }
    }
    closedir(folder);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        run_folder(argv[i]);
    }
    FUZZ_ASSERT(file_count > 0);
    printf("1..%d\n", file_count);
    return 0;
}
