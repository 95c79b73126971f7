/* SPDX-License-Identifier: MIT
 *
 * A line that reads can be written again, and what is written reads back the
 * same: times, direction, fields, bytes and masks.
 */
#include "trace_line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes escaped text again, piece by piece. */
static size_t rewrite(char *out, struct trace_field f)
{
    size_t n = 0;

    while (f.length > 0) {
        size_t wild;
        char byte;
        size_t taken = trace_line_next(f.text, f.length, &byte, &wild);
        if (taken == 0 || taken > f.length)
            abort();
        n += wild > 0 ? trace_line_put_mask(out + n, wild)
                      : trace_line_put_bytes(out + n, &byte, 1);
        f.text += taken;
        f.length -= taken;
    }
    return n;
}

static int is_same(struct trace_field a, struct trace_field b)
{
    size_t wild_a, wild_b;
    char byte_a = 0, byte_b = 0;

    while (a.length > 0 && b.length > 0) {
        size_t n = trace_line_next(a.text, a.length, &byte_a, &wild_a);
        size_t m = trace_line_next(b.text, b.length, &byte_b, &wild_b);
        if (wild_a != wild_b || (wild_a == 0 && byte_a != byte_b))
            return 0;
        a.text += n;
        a.length -= n;
        b.text += m;
        b.length -= m;
    }
    return a.length == b.length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_line l, again;

    if (trace_line_parse((const char *)data, size, &l) < 0)
        return 0;
    char *text = malloc(TRACE_LINE_HEAD + size * TRACE_LINE_BYTE + 1);
    if (text == NULL)
        return 0;
    size_t n = trace_line_put_head(text, l.at_us, l.wall_ms, l.direction);
    memcpy(text + n, l.slot.text, l.slot.length);
    n += l.slot.length;
    text[n++] = ' ';
    memcpy(text + n, l.port.text, l.port.length);
    n += l.port.length;
    text[n++] = ' ';
    n += rewrite(text + n, l.bytes);
    if (trace_line_parse(text, n, &again) < 0 || again.at_us != l.at_us ||
        again.wall_ms != l.wall_ms || again.direction != l.direction ||
        !is_same(again.bytes, l.bytes))
        abort();
    free(text);
    return 0;
}
