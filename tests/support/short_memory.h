/* SPDX-License-Identifier: MIT
 *
 * Allocations that fail when a test says so. The linker hands malloc, calloc,
 * realloc and strdup of the tested code to the wrappers (--wrap); only the
 * thread that set a countdown is short of memory.
 */
#ifndef ATTEST_SHORT_MEMORY_H
#define ATTEST_SHORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define SHORT_MEMORY_NEVER (-1)

/* Allocations through the wrappers until one fails. */
extern _Thread_local int short_memory_after;

/* An allocation has failed; tests set it back. */
extern bool short_memory_has_failed;

/* Counts an allocation; true when it is the one that fails. */
bool short_memory_fails(int *after);

/* The C library's, which never fails here. */
void *__real_realloc(void *p, size_t size);

#endif
