/* SPDX-License-Identifier: MIT
 *
 * The transcript of a port: every chunk of both directions, written as it
 * happens to a file, kept in memory, or both. See trace_line.h for the format
 * and trace_mask.h for secrets.
 *
 * Never blocks the loop: trace_file.h writes. Logging cannot fail; what could
 * not be kept (no memory, a disk that stands still) is counted and said in a
 * mark "lost N chunks". Lines stand in order of time, but for the kept-back end
 * of a chunk (trace_mask.h).
 *
 * Marks: "opened", "closed [NAME: text]", "mark text", "lost N chunks".
 */
#ifndef ATTEST_TRACE_H
#define ATTEST_TRACE_H

#include "loop.h"
#include "trace_line.h"

#define TRACE_KEEP (8u << 20) /* bytes of text kept unless told otherwise */

struct trace_options {
    const char *path;  /* appended to; NULL: no file */
    const char *slot;  /* NULL: none */
    const char *port;  /* NULL: none */
    bool keep;         /* in memory */
    size_t keep_limit; /* 0: TRACE_KEEP */
};

struct trace;

/* Opens the file at once (this may wait for the disk). The trace is owned by
   the caller, who holds one reference. */
int trace_open(struct loop *l, const struct trace_options *options,
               struct trace **out);

/* References keep the memory, not the file. Whoever may log after somebody
   else closed the trace holds one. */
void trace_hold(struct trace *t);
void trace_release(struct trace *t);

/* Ends logging: later bytes are ignored. The file is flushed and closed by
   the loop; loop_clean() waits for that. Closing twice is quiet. */
void trace_close(struct trace *t);

/* A chunk that was sent or received at `at` (ns of the loop's clock). */
void trace_bytes(struct trace *t, enum trace_direction direction,
                 const char *bytes, size_t length, uint64_t at);

/* Marks. 0: we closed the port; else why it went, UV_EOF too: there a replay
   hangs up. */
void trace_opened(struct trace *t, uint64_t at);
void trace_closed(struct trace *t, int err, uint64_t at);
void trace_mark(struct trace *t, const char *text, size_t length, uint64_t at);

/* From now on these bytes are hidden, in both directions and in marks.
   0, UV_EINVAL (empty), UV_ENOMEM. */
int trace_mask(struct trace *t, const char *bytes, size_t length);

/* Where the next line begins: in the file, or in the text when there is no
   file. A file that existed is continued, so this need not start at 0. */
uint64_t trace_offset(const struct trace *t);

/* The kept text of [from, to), as far as it was kept; borrowed until the next
   call. Without `keep` there is none. */
void trace_text(const struct trace *t, uint64_t from, uint64_t to,
                const char **text, size_t *length);

/* The offset of the first line of this trace. */
uint64_t trace_start(const struct trace *t);

/* 0, or why the file could not be written to the end. */
int trace_status(const struct trace *t);

/* How many bytes the file lacks yet: trace_status() does not know of them. */
size_t trace_behind(const struct trace *t);

#endif
