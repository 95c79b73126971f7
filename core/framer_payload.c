/* SPDX-License-Identifier: MIT
 *
 * Counted payloads: a header that announces raw bytes, the bytes, and what to
 * do when there are fewer or more of them than it said. See framer.h.
 *
 * The payload follows its header in the framer's text, so that one that turns
 * out broken can be read again as lines.
 */
#include "framer_inner.h"

#include "text.h"

int framer_start_payload(struct framer *f, uint64_t count)
{
    f->header_length = f->length;
    f->wanted = count;
    f->state = count == 0 ? TAIL : RAW;
    return framer_reserve(f, 1);
}

static void emit_payload(struct framer *f, size_t length,
                         enum payload_fault fault)
{
    size_t header =
        text_trimmed(f->text, text_without_line_end(f->text, f->header_length));
    if (header > 0 && f->text[header - 1] == ',')
        header--;
    struct frame frame = {
        .kind = FRAME_PAYLOAD,
        .fault = fault,
        .bytes = f->text + f->header_length,
        .length = length,
        .header = f->text,
        .header_length = header,
    };
    f->emit(f->arg, &frame);
}

/* Ends a payload after `length` bytes; what follows it in the buffer is read
   again as lines. */
int framer_end_payload(struct framer *f, size_t length,
                       enum payload_fault fault)
{
    struct framer whole = *f;
    size_t rest = f->header_length + length;
    char *text = framer_detach(f);
    int err = 0;
    framer_restart(f);
    whole.text = text;
    /* The line ends between are no data either, should the callee want it. */
    while (rest < whole.length && (text[rest] == '\r' || text[rest] == '\n'))
        rest++;
    emit_payload(&whole, length, fault);
    if (!f->stopped && rest < whole.length)
        err = framer_feed(f, text + rest, whole.length - rest);
    framer_attach(f, text, whole.capacity);
    return err;
}

/* Whether a known line may stand where the payload was to begin: none was
   announced, or what was announced did not come. */
static bool may_be_empty(const struct framer *f)
{
    return f->text[f->header_length - 1] != ',' &&
           (f->wanted == 0 || f->state == RAW);
}

/* The declared count was wrong: looks for a line that the payload swallowed.
   Returns true when the payload was ended there. */
bool framer_split_back(struct framer *f, int *err)
{
    const struct vocabulary *v = f->vocabulary;
    size_t start;

    if (!vocabulary_ends(v, f->text, f->header_length, f->length, &start) ||
        (start == f->header_length && !may_be_empty(f)))
        return false;
    bool reboot =
        vocabulary_reboots(v, f->text, f->header_length, f->length, &start);
    size_t length = start - f->header_length;
    /* Every line end before the swallowed line separates, none belongs. */
    const char *payload = f->text + f->header_length;
    size_t kept = length;
    while (kept > 0 && (payload[kept - 1] == '\r' || payload[kept - 1] == '\n'))
        kept--;
    enum payload_fault fault = f->wanted == 0 ? PAYLOAD_WHOLE : PAYLOAD_SHORT;
    *err = framer_end_payload(f, kept, reboot ? PAYLOAD_CUT : fault);
    return true;
}

int framer_feed_raw(struct framer *f, const char *bytes, size_t length,
                    size_t *taken)
{
    uint64_t missing = f->wanted - (f->length - f->header_length);
    size_t take = length < missing ? length : (size_t)missing;
    int err = framer_append(f, bytes, take);
    if (err < 0)
        return err;
    *taken = take;
    if (take == missing)
        f->state = TAIL;
    return 0;
}

/* After the counted bytes: CR LF ends the payload, anything else means that
   the count was wrong and the payload goes on to the next line end. */
int framer_feed_tail(struct framer *f, char byte)
{
    size_t extra = f->length - f->header_length - (size_t)f->wanted;
    int err;

    if (byte == '\n' && extra <= 1)
        return framer_end_payload(f, (size_t)f->wanted, PAYLOAD_WHOLE);
    err = framer_append(f, &byte, 1);
    if (err == 0 && !(byte == '\r' && extra == 0))
        f->state = OVERRUN;
    return err;
}

int framer_feed_overrun(struct framer *f, char byte)
{
    int err = framer_append(f, &byte, 1);
    if (err < 0 || (byte != '\n' &&
                    f->length - f->header_length < f->wanted + f->max_line))
        return err;
    if (framer_split_back(f, &err))
        return err;
    size_t length = f->length - f->header_length;
    size_t kept = text_without_line_end(f->text + f->header_length, length);
    return framer_end_payload(f, kept, PAYLOAD_LONG);
}
