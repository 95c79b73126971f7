/* SPDX-License-Identifier: MIT
 *
 * See image.h. The file, all numbers in decimal:
 *
 *     "attest image 1" NUL
 *     "S" length " " age " " path NUL              one for each source
 *     "C" length " " first " " last " " name NUL   one for each piece of code
 *     NUL
 *     the texts and the code, in the order of the above
 *
 * A piece is made from the sources `first` to `last`, counted from 0; where a
 * module has a file of its own, that is the first one. `age` is when the source
 * was modified, in seconds since 1970, or 0 when that was just before the image
 * was written, so that an edit since would not show.
 */
#include "image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "attest image 1"
#define MOST_RECORDS 512u

struct record {
    bool is_code;
    const char *name; /* or a source's path */
    size_t length;
    size_t age;         /* of a source */
    size_t first, last; /* sources of code */
    const char *bytes;
};

struct image {
    char *map;
    size_t size;
    char *folder; /* owned */
    size_t count;
    size_t sources;
    struct record records[]; /* sources first */
};

/* Reads a number and the blank after it; false when there is none. */
static bool take_number(const char **at, size_t *number)
{
    char *end;

    *number = strtoul(*at, &end, 10);
    if (end == *at || *end != ' ')
        return false;
    *at = end + 1;
    return true;
}

static bool parse_record(struct image *image, const char *text)
{
    struct record *r = &image->records[image->count];

    r->is_code = *text == 'C';
    if (*text != 'S' && *text != 'C')
        return false;
    text++;
    if (!take_number(&text, &r->length))
        return false;
    if (r->is_code &&
        (!take_number(&text, &r->first) || !take_number(&text, &r->last) ||
         r->first > r->last || r->last >= image->sources))
        return false;
    if (!r->is_code &&
        (!take_number(&text, &r->age) || image->sources < image->count))
        return false;
    r->name = text;
    image->sources += r->is_code ? 0 : 1;
    image->count++;
    return true;
}

/* Gives each record its bytes; they must fill the file to its end. */
static bool place(struct image *image, const char *at)
{
    const char *end = image->map + image->size;

    for (size_t i = 0; i < image->count; i++) {
        struct record *r = &image->records[i];
        if (r->length > (size_t)(end - at))
            return false;
        r->bytes = at;
        at += r->length;
    }
    return at == end;
}

static bool parse(struct image *image)
{
    const char *at = image->map;
    const char *end = at + image->size;

    for (bool is_first = true;; is_first = false) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        if (nul == NULL || (is_first && strcmp(at, MAGIC) != 0))
            return false;
        if (nul == at)
            return place(image, nul + 1);
        if (!is_first &&
            (image->count == MOST_RECORDS || !parse_record(image, at)))
            return false;
        at = nul + 1;
    }
}

static char *map_file(const char *path, size_t *size)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
        *size = (size_t)info.st_size;
        map = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

struct image *image_open(const char *path, const char *folder)
{
    struct image *image =
        calloc(1, sizeof *image + MOST_RECORDS * sizeof image->records[0]);

    if (image == NULL)
        return NULL;
    image->folder = strdup(folder);
    image->map = map_file(path, &image->size);
    if (image->folder == NULL || image->map == NULL || !parse(image)) {
        image_free(image);
        return NULL;
    }
    return image;
}

void image_free(struct image *image)
{
    if (image == NULL)
        return;
    if (image->map != NULL)
        munmap(image->map, image->size);
    free(image->folder);
    free(image);
}

static bool full_path(const struct image *image, const struct record *source,
                      char *path, size_t size)
{
    int length;

    if (source->name[0] == '/')
        length = snprintf(path, size, "%s", source->name);
    else
        length = snprintf(path, size, "%s/%s", image->folder, source->name);
    return length > 0 && (size_t)length < size;
}

static bool holds(int fd, const char *bytes, size_t length)
{
    char buffer[16384];
    ssize_t n;

    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        if ((size_t)n > length || memcmp(buffer, bytes, (size_t)n) != 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return n == 0 && length == 0;
}

/* Of the same size and age it is the same. Installing, unpacking and checking
   out change the age, so its bytes decide then. */
static bool is_current(const struct image *image, const struct record *source)
{
    char path[PATH_MAX];
    struct stat info;

    if (!full_path(image, source, path, sizeof path) || stat(path, &info) < 0 ||
        (uintmax_t)info.st_size != source->length)
        return false;
    if (source->age != 0 && (uintmax_t)info.st_mtime == source->age)
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_same = holds(fd, source->bytes, source->length);
    close(fd);
    return is_same;
}

static bool is_file_of(const struct image *image, const struct record *code,
                       const char *file)
{
    char path[PATH_MAX];

    return file == NULL ||
           (full_path(image, &image->records[code->first], path, sizeof path) &&
            strcmp(path, file) == 0);
}

const char *image_find(const struct image *image, const char *name,
                       const char *file, size_t *length)
{
    const struct record *code = NULL;

    for (size_t i = image->sources; i < image->count && code == NULL; i++) {
        if (strcmp(image->records[i].name, name) == 0)
            code = &image->records[i];
    }
    if (code == NULL || !is_file_of(image, code, file))
        return NULL;
    for (size_t i = code->first; i <= code->last; i++) {
        if (!is_current(image, &image->records[i]))
            return NULL;
    }
    *length = code->length;
    return code->bytes;
}
