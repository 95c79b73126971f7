/* SPDX-License-Identifier: MIT
 *
 * Finds secrets in a stream of chunks, also when one is cut over chunks.
 * Pure: knows no file and no format.
 *
 * The end of a chunk that may be the start of a secret is kept back, so at
 * most one byte less than the longest secret, until the next chunk of the
 * same stream decides. A released end keeps the time of its own chunk and is
 * handed on apart, so chunks stay chunks; it may come later than a chunk of
 * the other direction, which is why a reader orders lines by time. Bytes kept
 * at the end of a stream count as secret: they are the start of one.
 */
#ifndef ATTEST_TRACE_MASK_H
#define ATTEST_TRACE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_secret {
    char *bytes;
    size_t length;
};

/* Secrets, shared by the streams of both directions. */
struct trace_secrets {
    struct trace_secret *list;
    size_t count;
    size_t longest;
};

/* Adding one twice is quiet. 0, UV_EINVAL for an empty one, UV_ENOMEM. */
int trace_secrets_add(struct trace_secrets *s, const char *bytes,
                      size_t length);
void trace_secrets_clean(struct trace_secrets *s);

/* When a chunk came, on both clocks. */
struct trace_time {
    uint64_t at_ns;
    int64_t wall_ms;
};

/* Bytes of one chunk or a part of it. `hidden`, when not NULL, says which
   belong to a secret. Borrowed for the call. */
typedef void (*trace_part_fn)(void *arg, struct trace_time time,
                              const char *bytes, const bool *hidden,
                              size_t length);

/* A byte that may belong to the start of a secret. */
struct trace_kept {
    struct trace_time time;
    char byte;
    bool hidden; /* belongs to another secret already */
};

/* One direction. Zero is a good start. */
struct trace_stream {
    struct trace_kept *kept;
    size_t count;
    size_t capacity;
    trace_part_fn part;
    void *arg;
};

/* 0, or UV_ENOMEM: the chunk is lost, nothing of it was handed on. */
int trace_stream_feed(struct trace_stream *t, const struct trace_secrets *s,
                      struct trace_time time, const char *bytes, size_t length);

/* Hands on what is kept back, hidden. */
void trace_stream_end(struct trace_stream *t);

void trace_stream_clean(struct trace_stream *t);

/* Sets hidden[i] for each byte that belongs to a secret. */
void trace_secrets_find(const struct trace_secrets *s, const char *bytes,
                        size_t length, bool *hidden);

#endif
