/* SPDX-License-Identifier: MIT
 *
 * No byte of a passthrough is lost, doubled or moved: what the detector hands
 * on and what escapes took is what came in, for any chunks and pauses.
 *
 * Each pair of input bytes is a pause and a chunk of pluses or other bytes.
 */
#include "escape.h"

#include <stdlib.h>

#define GUARD 100u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char chunks[8][5] = {"+", "++", "+++", "++++",
                                      "a", "+a", "a+",  "\xff"};
    static const size_t lengths[8] = {1, 2, 3, 4, 1, 2, 2, 1};
    struct escape_module e;
    unsigned released;
    uint64_t now = 0;
    size_t in = 0;
    size_t out = 0;

    escape_module_init(&e, GUARD, GUARD, now);
    for (size_t i = 0; i + 1 < size; i += 2) {
        const unsigned which = data[i + 1] % 8;
        now += data[i];
        enum escape_verdict v = escape_module_feed(
            &e, chunks[which], lengths[which], now, &released);
        out += released;
        if (v == ESCAPE_DONE) {
            /* Only a silence ends an escape; the chunk is a command. */
            if (data[i] < GUARD || released != 0)
                abort();
            out += 3;
            escape_module_init(&e, GUARD, GUARD, now);
            continue;
        }
        in += lengths[which];
        if (v == ESCAPE_DATA)
            out += lengths[which];
        if (e.held > 3 || in != out + e.held)
            abort();
        if ((e.held > 0) != (escape_module_next(&e) != ESCAPE_NEVER))
            abort();
    }
    return 0;
}
