/* Words, codes and brackets in titles and in prose about them: what dependencies are read with.
 *
 * A slice is a part of a text that somebody else owns and that ends in a NUL somewhere behind it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_WORDS_H
#define BATON_SERVICE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct slice {
    const char *start, *end;
} slice;

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool is_latin(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static inline bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static inline slice slice_of(const char *text) { return (slice){text, text + strlen(text)}; }
static inline bool slice_is_empty(slice s) { return s.start >= s.end; }
static inline size_t slice_size(slice s) { return (size_t)(s.end - s.start); }
slice slice_trim(slice s);
/* Without blanks and full stops at its ends, and quotes and emphasis around all of it. */
slice slice_unwrap(slice s);
/* Case does not count, but in slice_begins. */
bool slice_equals(slice s, const char *text);
bool slice_begins(slice s, const char *with);
bool slice_ends(slice s, const char *with);
bool slice_is_one_of(slice s, const char *const *words, size_t count);
#define SLICE_IS_ONE_OF(s, words) slice_is_one_of(s, words, sizeof(words) / sizeof *(words))

/* Takes the first word, letters and digits with points between them; empty at the end. */
slice slice_next_word(slice *text);
static inline bool slice_has_word(slice text) { return !slice_is_empty(slice_next_word(&text)); }
/* The last words, [0] the very last; empty where there are not so many. */
enum { SLICE_WORDS = 4 };
void slice_last_words(slice text, slice words[SLICE_WORDS]);

/* Writes the words in lower case with one blank between them, and "&" as "and": texts with the same key are
 * the same but for case and punctuation. "" when there is no word; false, and "", where it does not fit. */
enum { SLICE_KEY_BYTES = 512 };
bool slice_key(slice text, char key[SLICE_KEY_BYTES]);

/* Behind the bracket or quote that begins at p, within text; NULL: none does, or it does not close within
 * 1000 bytes. */
const char *slice_enclosed_end(const char *p, slice text);
/* Bytes of the dash of any length at p; 0: none. */
size_t slice_dash_at(const char *p, const char *end);
/* Takes the first segment that has a word: what stands between colons, full stops, brackets and dashes with
 * blanks around them. What is in brackets is left out, but where a segment would begin with it. Empty at
 * the end. */
slice slice_next_segment(slice *text);

/* Whether a word is a short mixture of digits and letters: "1A", "3A.1", "12", "T3", "Main.1". */
bool slice_is_code(slice word);
/* Whether two codes are made alike: "1A" and "2C", not "1A" and "3A.1". */
bool slice_is_alike(slice code, slice other);
/* The last digits or letters of a code. */
slice slice_last_run(slice code);

/* What others call a title by: the first of its segments that ends in a code. */
typedef struct slice_alias {
    slice name; /* "Unified Workflow Performance 3A.1" */
    slice word; /* the last of its words before the code; empty: none */
    slice code;
    slice rest; /* of the title, behind it */
} slice_alias;
/* False when it has none. */
bool slice_find_alias(slice title, slice_alias *a);

#endif
