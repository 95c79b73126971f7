/* SPDX-License-Identifier: MIT
 *
 * Allocations that fail. See short_memory.h.
 */
#include "short_memory.h"

_Thread_local int short_memory_after = SHORT_MEMORY_NEVER;
bool short_memory_has_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

bool short_memory_fails(int *after)
{
    if (*after == SHORT_MEMORY_NEVER || (*after)-- > 0)
        return false;
    short_memory_has_failed = true;
    return true;
}

static bool fails(void)
{
    return short_memory_fails(&short_memory_after);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}
