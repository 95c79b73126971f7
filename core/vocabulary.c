/* SPDX-License-Identifier: MIT
 *
 * See vocabulary.h.
 */
#include "vocabulary.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct vocabulary *vocabulary_new(void)
{
    struct vocabulary *v = calloc(1, sizeof *v);
    if (v != NULL)
        v->references = 1;
    return v;
}

static int copy_word(struct word *out, const char *text)
{
    *out = (struct word){strdup(text), strlen(text)};
    return out->text == NULL ? UV_ENOMEM : 0;
}

static int add_word(struct word **words, size_t *count, const char *text)
{
    struct word *grown = realloc(*words, (*count + 1) * sizeof *grown);
    if (grown == NULL)
        return UV_ENOMEM;
    *words = grown;
    int err = copy_word(&grown[*count], text);
    if (err == 0)
        (*count)++;
    return err;
}

int vocabulary_add_known(struct vocabulary *v, const char *word)
{
    if (word[0] != '\0' && word[1] == '\0')
        v->single[(unsigned char)word[0]] = true;
    else if (word[0] != '\0')
        v->second[(unsigned char)word[1]] = true;
    return add_word(&v->known, &v->known_count, word);
}

int vocabulary_add_boot(struct vocabulary *v, const char *word)
{
    return add_word(&v->boot, &v->boot_count, word);
}

int vocabulary_add_counted(struct vocabulary *v, const char *prefix,
                           unsigned field, bool next_line)
{
    struct counted *grown =
        realloc(v->counted, (v->counted_count + 1) * sizeof *grown);
    if (grown == NULL)
        return UV_ENOMEM;
    v->counted = grown;
    struct counted *c = &grown[v->counted_count];
    *c = (struct counted){.field = field, .next_line = next_line};
    int err = copy_word(&c->prefix, prefix);
    if (err == 0)
        v->counted_count++;
    return err;
}

void vocabulary_hold(struct vocabulary *v)
{
    v->references++;
}

void vocabulary_release(struct vocabulary *v)
{
    if (v == NULL || --v->references > 0)
        return;
    for (size_t i = 0; i < v->known_count; i++)
        free(v->known[i].text);
    for (size_t i = 0; i < v->boot_count; i++)
        free(v->boot[i].text);
    for (size_t i = 0; i < v->counted_count; i++)
        free(v->counted[i].prefix.text);
    free(v->known);
    free(v->boot);
    free(v->counted);
    free(v);
}

static bool starts_with(const char *text, size_t length, const struct word *w)
{
    return length >= w->length && memcmp(text, w->text, w->length) == 0;
}

static bool is_word(const char *text, size_t length, const struct word *w)
{
    if (!starts_with(text, length, w))
        return false;
    return length == w->length || strchr(":=,", w->text[w->length - 1]) != NULL;
}

static bool is_any(const struct word *words, size_t count, const char *text,
                   size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (is_word(text, length, &words[i]))
            return true;
    }
    return false;
}

bool vocabulary_knows(const struct vocabulary *v, const char *line,
                      size_t length)
{
    return v != NULL && is_any(v->known, v->known_count, line, length);
}

bool vocabulary_may_know(const struct vocabulary *v, const char *line,
                         size_t length)
{
    /* Asked for every line of an answer: most are told by two bytes. */
    if (v == NULL || length == 0)
        return false;
    if (v->single[(unsigned char)line[0]])
        return true;
    if (length < 2 || !v->second[(unsigned char)line[1]])
        return false;
    for (size_t i = 0; i < v->known_count; i++) {
        const struct word *w = &v->known[i];
        if (w->text[0] == line[0] && starts_with(line, length, w))
            return true;
    }
    return false;
}

bool vocabulary_boots(const struct vocabulary *v, const char *line,
                      size_t length)
{
    return v != NULL && is_any(v->boot, v->boot_count, line, length);
}

static bool has_noise(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
            return true;
    }
    return false;
}

size_t vocabulary_boot_at(const struct vocabulary *v, const char *line,
                          size_t length, bool noisy)
{
    for (size_t i = 0; v != NULL && i < v->boot_count; i++) {
        const struct word *w = &v->boot[i];
        size_t at = length - w->length;
        if (length > w->length && memcmp(line + at, w->text, w->length) == 0 &&
            (noisy || has_noise(line, length)))
            return at;
    }
    return length;
}

/* Without the line ends behind it. */
static size_t line_end(const char *text, size_t from, size_t end)
{
    end = from + text_trimmed(text + from, end - from);
    while (end > from && text[end - 1] == '\n')
        end = from + text_trimmed(text + from, end - from - 1);
    return end;
}

bool vocabulary_ends(const struct vocabulary *v, const char *text, size_t from,
                     size_t length, size_t *start)
{
    size_t end = line_end(text, from, length);
    size_t at = end;

    while (at > from && text[at - 1] != '\n')
        at--;
    if (v == NULL || at == end)
        return false;
    size_t word = vocabulary_boot_at(v, text + at, end - at, false);
    if (word == end - at) {
        word = 0;
        if (!vocabulary_knows(v, text + at, end - at))
            return false;
    }
    *start = at + word;
    return true;
}

bool vocabulary_reboots(const struct vocabulary *v, const char *text,
                        size_t from, size_t length, size_t *start)
{
    size_t at = *start;
    bool reboots = false;

    for (;;) {
        size_t end = line_end(text, at, length);
        if (!vocabulary_boots(v, text + at, end - at))
            return reboots;
        reboots = true;
        *start = length = at;
        if (!vocabulary_ends(v, text, from, length, &at))
            return reboots;
    }
}

static bool all_digits(const char *text, size_t length)
{
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

/* Stops above the limit: a count has as many digits as it likes. */
static uint64_t to_number(const char *text, size_t length)
{
    uint64_t n = 0;
    for (size_t i = 0; i < length && n <= VOCABULARY_MAX_PAYLOAD; i++)
        n = n * 10 + (uint64_t)(text[i] - '0');
    return n;
}

/* The end of the field that starts at `at`: a comma outside quotes, or the
   end. A quote closes only before a comma, so a topic may hold one. */
static size_t field_end(const char *text, size_t length, size_t at)
{
    bool quoted = at < length && text[at] == '"';

    for (size_t i = at + (quoted ? 1 : 0); i < length; i++) {
        if (text[i] == ',' && (!quoted || (i > at + 1 && text[i - 1] == '"')))
            return i;
    }
    return length;
}

/* Reads the count out of a header that ends at `length` (its comma or line
   end not included): the count must be the header's last field. */
static bool read_count(const struct counted *c, const char *text, size_t length,
                       uint64_t *count)
{
    size_t at = c->prefix.length;
    unsigned field = 1;

    while (at < length && text[at] == ' ')
        at++;
    for (;;) {
        size_t end = field_end(text, length, at);
        if (end == length) {
            if (field < c->field || !all_digits(text + at, end - at))
                return false;
            *count = to_number(text + at, end - at);
            return *count <= VOCABULARY_MAX_PAYLOAD;
        }
        /* Unquoted text with commas: the first all-digit field counts. */
        if (field >= c->field && all_digits(text + at, end - at))
            return false;
        at = end + 1;
        field++;
    }
}

bool vocabulary_may_count(const struct vocabulary *v, const char *line,
                          size_t length)
{
    for (size_t i = 0; v != NULL && i < v->counted_count; i++) {
        if (starts_with(line, length, &v->counted[i].prefix))
            return true;
    }
    return false;
}

bool vocabulary_count(const struct vocabulary *v, const char *header,
                      size_t length, bool next_line, uint64_t *count)
{
    /* Asked at each comma: most fields are no number, and need no reading. */
    if (length == 0 || !all_digits(header + length - 1, 1))
        return false;
    for (size_t i = 0; v != NULL && i < v->counted_count; i++) {
        const struct counted *c = &v->counted[i];
        if (c->next_line == next_line &&
            starts_with(header, length, &c->prefix) &&
            read_count(c, header, length, count))
            return true;
    }
    return false;
}
