/* SPDX-License-Identifier: MIT
 *
 * Lines of a transcript. See trace_line.h.
 */
#include "trace_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#define WALL_LENGTH 24  /* 2026-11-21T03:45:12.123Z */
#define CLOCK_DIGITS 20 /* of the largest number of ms */
/* The years 1970 to 9999: four digits. */
#define WALL_MAX_MS 253402300799999

/* --------------------------------------------------------------- writing */

/* Numbers with leading zeros and what follows them. By hand: each chunk of each
   port has two times, and printf takes longer than all the rest of its line. */
static size_t put_number(char *out, uint64_t value, size_t digits, char after)
{
    out[digits] = after;
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return digits + 1;
}

static size_t count_digits(uint64_t value)
{
    size_t n = 1;

    while (n < CLOCK_DIGITS && value > 9) {
        value /= 10;
        n++;
    }
    return n;
}

/* Years are counted from March, so that the leap day is the last of one, and
   days from the March before the year 0: 400 years have 146097 of them. */
static size_t put_date(char *out, unsigned days)
{
    unsigned day = days + 719468;
    unsigned era = day / 146097;
    unsigned of_era = day % 146097;
    unsigned year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (year * 365 + year / 4 - year / 100);
    unsigned month = (of_year * 5 + 2) / 153; /* 0: March */
    size_t n = put_number(out, era * 400 + year + month / 10, 4, '-');

    n += put_number(out + n, (month + 2) % 12 + 1, 2, '-');
    return n + put_number(out + n, of_year - (month * 153 + 2) / 5 + 1, 2, 'T');
}

static size_t put_wall(char *out, int64_t wall_ms)
{
    uint64_t ms = wall_ms < 0 ? 0 : (uint64_t)wall_ms;

    if (ms > WALL_MAX_MS)
        ms = WALL_MAX_MS;
    size_t n = put_date(out, (unsigned)(ms / 86400000));
    n += put_number(out + n, ms / 3600000 % 24, 2, ':');
    n += put_number(out + n, ms / 60000 % 60, 2, ':');
    n += put_number(out + n, ms / 1000 % 60, 2, '.');
    return n + put_number(out + n, ms % 1000, 3, 'Z');
}

size_t trace_line_put_head(char *out, uint64_t at_us, int64_t wall_ms,
                           enum trace_direction direction)
{
    uint64_t at_ms = at_us / 1000;
    size_t n = put_number(out, at_ms, count_digits(at_ms), '.');

    n += put_number(out + n, at_us % 1000, 3, ' ');
    n += put_wall(out + n, wall_ms);
    out[n++] = ' ';
    out[n++] = (char)direction;
    out[n++] = ' ';
    return n;
}

static size_t put_hex(char *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[c >> 4];
    out[3] = digits[c & 15];
    return 4;
}

static size_t put_pair(char *out, char c)
{
    out[0] = '\\';
    out[1] = c;
    return 2;
}

static bool is_plain(char c)
{
    return c >= 0x20 && c <= 0x7e && c != '\\';
}

static size_t put_byte(char *out, char c)
{
    if (is_plain(c)) {
        *out = c;
        return 1;
    }
    switch (c) {
    case '\r':
        return put_pair(out, 'r');
    case '\n':
        return put_pair(out, 'n');
    case '\t':
        return put_pair(out, 't');
    case '\\':
        return put_pair(out, '\\');
    default:
        return put_hex(out, (unsigned char)c);
    }
}

size_t trace_line_put_bytes(char *out, const char *bytes, size_t length)
{
    size_t n = 0;

    for (size_t i = 0; i < length; i++)
        n += put_byte(out + n, bytes[i]);
    return n;
}

size_t trace_line_put_mask(char *out, size_t count)
{
    return (size_t)snprintf(out, 16, "\\m{%u}", (unsigned)count);
}

size_t trace_line_put_field(char *out, const char *text)
{
    size_t n = 0;

    if (text[0] == '\0') {
        *out = '-';
        return 1;
    }
    if (strcmp(text, "-") == 0)
        return put_hex(out, '-');
    for (; *text != '\0'; text++)
        n += *text == ' ' ? put_hex(out + n, ' ') : put_byte(out + n, *text);
    return n;
}

/* --------------------------------------------------------------- reading */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "\xNN" */
static size_t next_hex(const char *text, size_t length, char *byte)
{
    if (length < 4)
        return 0;
    int high = hex_value(text[2]);
    int low = hex_value(text[3]);
    if (high < 0 || low < 0)
        return 0;
    *byte = (char)(unsigned char)(high * 16 + low);
    return 4;
}

/* "\m{N}" */
static size_t next_mask(const char *text, size_t length, size_t *wild)
{
    size_t count = 0;
    size_t i = 3;

    if (length < 5 || text[2] != '{')
        return 0;
    for (; i < length && is_digit(text[i]); i++) {
        count = count * 10 + (size_t)(text[i] - '0');
        if (count > TRACE_LINE_MASK_MAX)
            return 0;
    }
    if (count == 0 || text[3] == '0' || i == length || text[i] != '}')
        return 0;
    *wild = count;
    return i + 1;
}

static size_t next_escape(const char *text, size_t length, char *byte,
                          size_t *wild)
{
    if (length < 2)
        return 0;
    switch (text[1]) {
    case 'r':
        *byte = '\r';
        return 2;
    case 'n':
        *byte = '\n';
        return 2;
    case 't':
        *byte = '\t';
        return 2;
    case '\\':
        *byte = '\\';
        return 2;
    case 'x':
        return next_hex(text, length, byte);
    case 'm':
        return next_mask(text, length, wild);
    default:
        return 0;
    }
}

size_t trace_line_next(const char *text, size_t length, char *byte,
                       size_t *wild)
{
    *wild = 0;
    if (length == 0)
        return 0;
    if (*text == '\\')
        return next_escape(text, length, byte, wild);
    if (*text < 0x20 || *text > 0x7e)
        return 0;
    *byte = *text;
    return 1;
}

static bool is_well_formed(struct trace_field f)
{
    char byte;
    size_t wild;
    size_t total = 0;

    while (f.length > 0) {
        size_t n = trace_line_next(f.text, f.length, &byte, &wild);
        total += wild > 0 ? wild : 1;
        if (n == 0 || total > TRACE_LINE_MAX)
            return false;
        f.text += n;
        f.length -= n;
    }
    return true;
}

/* Takes what stands before the next blank, and the blank. */
static struct trace_field take_word(struct trace_field *rest)
{
    struct trace_field word = {rest->text, 0};

    while (word.length < rest->length && word.text[word.length] != ' ')
        word.length++;
    size_t taken = word.length + (word.length < rest->length);
    rest->text += taken;
    rest->length -= taken;
    return word;
}

/* Reads `count` digits at most; UINT64_MAX when there is anything else. */
static uint64_t read_number(const char *text, size_t count)
{
    uint64_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text[i]))
            return UINT64_MAX;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    return n;
}

/* "81234.567": the widest is what 64 bits of us can be. */
static bool read_time(struct trace_field f, uint64_t *at_us)
{
    if (f.length < 5 || f.length > 21 || f.text[f.length - 4] != '.')
        return false;
    uint64_t ms = read_number(f.text, f.length - 4);
    uint64_t us = read_number(f.text + f.length - 3, 3);
    if (us == UINT64_MAX || ms > (UINT64_MAX - us) / 1000)
        return false;
    *at_us = ms * 1000 + us;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar; timegm() is no POSIX. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static bool read_wall(struct trace_field f, int64_t *wall_ms)
{
    static const char shape[] = "0000-00-00T00:00:00.000Z";
    char again[WALL_LENGTH + 1];

    if (f.length != WALL_LENGTH)
        return false;
    for (size_t i = 0; i < WALL_LENGTH; i++)
        if (shape[i] == '0' ? !is_digit(f.text[i]) : f.text[i] != shape[i])
            return false;
    int64_t days = days_from_date((int64_t)read_number(f.text, 4),
                                  (int64_t)read_number(f.text + 5, 2),
                                  (int64_t)read_number(f.text + 8, 2));
    int64_t seconds = days * 86400 +
                      (int64_t)read_number(f.text + 11, 2) * 3600 +
                      (int64_t)read_number(f.text + 14, 2) * 60 +
                      (int64_t)read_number(f.text + 17, 2);
    int64_t ms = seconds * 1000 + (int64_t)read_number(f.text + 20, 3);
    /* The 31st of February would read as another day. */
    put_wall(again, ms);
    if (memcmp(again, f.text, WALL_LENGTH) != 0)
        return false;
    *wall_ms = ms;
    return true;
}

static bool read_direction(struct trace_field f, enum trace_direction *out)
{
    if (f.length != 1 || f.text[0] == '\0' || strchr("><!", f.text[0]) == NULL)
        return false;
    *out = (enum trace_direction)f.text[0];
    return true;
}

static void strip_line_end(struct trace_field *f)
{
    if (f->length > 0 && f->text[f->length - 1] == '\n')
        f->length--;
    if (f->length > 0 && f->text[f->length - 1] == '\r')
        f->length--;
}

int trace_line_parse(const char *line, size_t length, struct trace_line *out)
{
    struct trace_field rest = {line, length};
    struct trace_line l;

    strip_line_end(&rest);
    if (!read_time(take_word(&rest), &l.at_us) ||
        !read_wall(take_word(&rest), &l.wall_ms) ||
        !read_direction(take_word(&rest), &l.direction))
        return UV_EINVAL;
    l.slot = take_word(&rest);
    l.port = take_word(&rest);
    l.bytes = rest;
    if (l.slot.length == 0 || l.port.length == 0 || !is_well_formed(l.slot) ||
        !is_well_formed(l.port) || !is_well_formed(l.bytes))
        return UV_EINVAL;
    *out = l;
    return 0;
}
