/* SPDX-License-Identifier: MIT
 *
 * What a framer must know of a module, as data: lines that it prints, words
 * of its boot, headers of counted payloads. Pure; knows no framer.
 */
#ifndef ATTEST_VOCABULARY_H
#define ATTEST_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A header that announces more is a line like any other. */
#define VOCABULARY_MAX_PAYLOAD (1u << 20)

struct word {
    char *text;
    size_t length;
};

/* A line that announces `count` raw bytes. */
struct counted {
    struct word prefix; /* "+QIRD:" */
    unsigned field;     /* 1-based place of the count; with unquoted text before
                           it, the first all-digit field from here on */
    bool next_line; /* the bytes follow the header's line end, not a comma */
};

/* What the framer must know of a module; immutable once in use, shared. */
struct vocabulary {
    unsigned references;
    struct word
        *known; /* starts of lines: where a broken payload is split back */
    size_t known_count;
    bool single[256]; /* what is known by its first byte alone */
    bool second[256]; /* second bytes of what else is known */
    struct word
        *boot; /* words that a reboot prints, found at the end of noise */
    size_t boot_count;
    struct counted *counted;
    size_t counted_count;
};

struct vocabulary *vocabulary_new(void); /* owned: one reference */
int vocabulary_add_known(struct vocabulary *v, const char *word);
int vocabulary_add_boot(struct vocabulary *v, const char *word);
int vocabulary_add_counted(struct vocabulary *v, const char *prefix,
                           unsigned field, bool next_line);
void vocabulary_hold(struct vocabulary *v);
void vocabulary_release(struct vocabulary *v); /* NULL is quiet */

/* Whether a line is one that the module is known to print. A word that ends
   in ':', '=' or ',' stands for every line it starts. */
bool vocabulary_knows(const struct vocabulary *v, const char *line,
                      size_t length);

/* Whether a line starts like one that the module is known to print: false is
   certain, true is not. */
bool vocabulary_may_know(const struct vocabulary *v, const char *line,
                         size_t length);

/* Whether a line is a word of the boot. */
bool vocabulary_boots(const struct vocabulary *v, const char *line,
                      size_t length);

/* Boot words come glued to line noise: finds one at the end of a line that
   holds bytes no text has, or follows some (`noisy`). Returns where it starts,
   or `length`. */
size_t vocabulary_boot_at(const struct vocabulary *v, const char *line,
                          size_t length, bool noisy);

/* Whether a line starts like a header: false is certain, true is not. */
bool vocabulary_may_count(const struct vocabulary *v, const char *line,
                          size_t length);

/* Whether text ends in a line that the module is known to print, after `from`;
   `start`: where. The quote or the count that holds it was never meant. */
bool vocabulary_ends(const struct vocabulary *v, const char *text, size_t from,
                     size_t length, size_t *start);

/* Whether the line that begins at `start` and ends the text is a word of the
   boot; moves `start` back over those before it: a boot prints several. */
bool vocabulary_reboots(const struct vocabulary *v, const char *text,
                        size_t from, size_t length, size_t *start);

/* Whether a header, complete up to its comma (or, with `next_line`, its line
   end), announces a payload; and of how many bytes. */
bool vocabulary_count(const struct vocabulary *v, const char *header,
                      size_t length, bool next_line, uint64_t *count);

#endif
