/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over the files of directories, for compilers without
 * libFuzzer: what was found once is looked for ever after. Ends with
 * "N passed, 0 failed"; a property that does not hold aborts after its file
 * was named.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not every target has one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MAX_SIZE 65536u

/* In a block of its own size, so that reading past it is seen. */
static int run(const char *path)
{
    static uint8_t buffer[MAX_SIZE];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t size = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL)
        return -1;
    memcpy(data, buffer, size);
    printf("%s\n", path);
    fflush(stdout); /* the target may abort */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int run_all(const char *directory, unsigned *passed)
{
    char path[4096];
    struct dirent *entry;
    DIR *d = opendir(directory);
    int err = 0;

    if (d == NULL) {
        perror(directory);
        return -1;
    }
    while (err == 0 && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        err = run(path);
        *passed += err == 0;
    }
    closedir(d);
    return err;
}

int main(int argc, char **argv)
{
    unsigned passed = 0;
    int err = 0;

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc && err == 0; i++)
        err = run_all(argv[i], &passed);
    printf("%u passed, %d failed\n", passed, err != 0);
    return err == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
