/* BATON_BUG stops the process where going on would be a lie: an invariant of Baton itself is broken.
 * It is active in every build. Bad input never comes here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_BUG_H
#define BATON_BASE_BUG_H

__attribute__((noreturn, cold, format(printf, 3, 4))) void baton_bug(const char *file, int line,
                                                                     const char *format, ...);

#define BATON_BUG(...)          baton_bug(__FILE__, __LINE__, __VA_ARGS__)
#define BATON_ASSERT(condition) ((condition) ? (void)0 : BATON_BUG("%s", #condition))

#endif
