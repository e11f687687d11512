/* Running git, and telling what it said. For git*.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_GIT_RUN_H
#define BATON_SERVICE_GIT_RUN_H

#include "service/git/command.h"

/* git's arguments, without "git". */
#define GIT(...) ((const char *const[]){"git", __VA_ARGS__, NULL})

/* Runs git in a directory, with `index` (may be NULL) in place of the worktree's index. Any exit code is a
 * result; -1 when git did not run. Call command_release in every case. */
int git_run(const char *directory, const char *index, const char *const *arguments, command_result *result,
            baton_error **err);
/* The error that a result means: one line of what git said, and what to do when that is known. -1. */
int git_refuse(const char *const *arguments, const command_result *result, baton_error **err);
/* git_run where every code but 0 is an error. `output` (may be NULL) is given what it wrote. */
int git_call(const char *directory, const char *index, const char *const *arguments, buffer *output,
             baton_error **err);
/* A question that git answers by its exit code: 1 for code 0 (yes), 0 for code 1, -1 after an error. */
int git_ask(const char *directory, const char *const *arguments, baton_error **err);
/* What git writes, without the newline at its end: one text, which may hold further newlines. Given; NULL
 * after an error. */
char *git_text(const char *directory, const char *index, const char *const *arguments, baton_error **err);
/* The top folder of the worktree that a directory is in. Given; NULL after an error. */
char *git_root(const char *directory, baton_error **err);

/* Names and paths from outside are arguments of git, never options. */
bool git_is_option(const char *name);
/* Appends text in which bytes that are not UTF-8 are U+FFFD. */
void git_append_text(buffer *b, const char *bytes, size_t size);
/* The next of many texts, each ended by NUL (git's -z); moves *at behind it. NULL at the end. */
const char *git_next(const buffer *list, size_t *at);
/* "a.c, b.c and 3 more" of a list of paths, the first `skip` bytes of each left out. Given; NULL without
 * memory. */
char *git_few(const buffer *list, size_t skip);

#endif
