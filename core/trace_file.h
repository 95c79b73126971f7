/* SPDX-License-Identifier: MIT
 *
 * A file that grows at its end without the loop ever waiting for the disk:
 * what some turns appended is written by libuv's thread pool in one piece.
 * Knows nothing of what is written. Each file may wait for a deadline.
 */
#ifndef ATTEST_TRACE_FILE_H
#define ATTEST_TRACE_FILE_H

#include "loop.h"

/* How far the disk may be behind, in bytes. */
#define TRACE_FILE_BACKLOG (16u << 20)

struct trace_file;

/* Opens or makes the file, at once: this may wait for the disk. *size: what
   stands in it already, ending with a line end (one is added if not). */
int trace_file_open(struct loop *l, const char *path, struct trace_file **out,
                    uint64_t *size);

/* Takes all bytes or none. UV_ENOBUFS over the backlog, UV_ENOMEM, or the
   error that ended writing; it stays. */
int trace_file_append(struct trace_file *f, const char *bytes, size_t length);

/* 0, or the error that ended writing. */
int trace_file_status(const struct trace_file *f);

/* How many bytes that were taken are not written yet. */
size_t trace_file_behind(const struct trace_file *f);

/* Never waits: the loop writes the rest, closes and frees (loop_clean() turns
   until then). `f` is gone for the caller. */
void trace_file_close(struct trace_file *f);

#endif
