/* SPDX-License-Identifier: MIT
 *
 * The ends of lines: how long a text is without what does not belong to it.
 */
#ifndef ATTEST_TEXT_H
#define ATTEST_TEXT_H

#include <stddef.h>

/* Without carriage returns, blanks and tabs at its end. */
static inline size_t text_trimmed(const char *text, size_t length)
{
    while (length > 0 && (text[length - 1] == '\r' || text[length - 1] == ' ' ||
                          text[length - 1] == '\t'))
        length--;
    return length;
}

/* Without one line end. */
static inline size_t text_without_line_end(const char *text, size_t length)
{
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    return length;
}

#endif
