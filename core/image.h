/* SPDX-License-Identifier: MIT
 *
 * The image: one file that holds Lua code as Lua loads it fastest, each piece
 * beside the texts that it was made from. scripts/image.lua writes it.
 *
 * Invariant: a piece is given out only while the files are those texts: of the
 * size and age that they had, or else the same byte for byte. An edited source
 * wins, and an image that is old, foreign or absent costs time and changes
 * nothing else.
 */
#ifndef ATTEST_IMAGE_H
#define ATTEST_IMAGE_H

#include <stddef.h>

struct image;

/* Opens an image; paths in it that do not begin with a slash are below
   `folder`. Owned; NULL when there is none that can be read. */
struct image *image_open(const char *path, const char *folder);
void image_free(struct image *image);

/* Finds the code of a module. `file` is where the module was found, or NULL
   when it has no file of its own. Borrowed until image_free; NULL when the
   image has it not, or not from what is there now. */
const char *image_find(const struct image *image, const char *name,
                       const char *file, size_t *length);

#endif
