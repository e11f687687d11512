/* Dependencies as documents name them, in prose, and the tasks that are meant.
 *
 *   "Foundation 1A (Core Interfaces & Context), Performance 3A.1-3A.4 (Sequential), None (foundation
 * layer)"
 *
 * A code is a short mixture of digits and letters with points: "1A", "3A.1", "12", "T3", "Main.1". A remark
 * is what stands in brackets, else behind a colon or a dash with blanks around it.
 *
 * All of this is pure: texts in, indexes out. The graph that comes of it is graph.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_DEPENDENCIES_H
#define BATON_SERVICE_DEPENDENCIES_H

#include "service/dependency/graph.h"

#include <baton/baton.h>

/* Splits prose into single references, outside brackets and quotes:
 *
 * - at commas, semicolons and line ends. A name that has commas itself stands in double quotes or is a
 * link;
 * - at "and", "&" and "+" only where both sides end like references: in a code, a bracket, a quote, `code`
 * or
 *   ".md". "1A and 1B" are two, "Builder Pattern & Common Steps" is one;
 * - a range, whose ends differ in the last part of their codes only, into all that it spans, at most
 *   DEPENDENCY_RANGE_MOST: "Performance 3A.1-3A.4 (X)" into "Performance 3A.1 (X)" and so on. Its ends are
 *   joined by a dash, "through" or dots, or by "to" where that is not how versions are told ("Vue 2 to 3");
 * - a code alone takes the words of the reference before it on its line when both codes look alike:
 *   "Foundation 1A, 1B" is "Foundation 1A" and "Foundation 1B";
 * - "None", "N/A", "-", "No dependencies" and the like, with or without a remark, into nothing.
 *
 * Given: an array of texts, each trimmed, none twice; invalid after an error: a range with ends that do not
 * fit or that runs backwards (BATON_ERROR_INVALID), or more than DEPENDENCY_PROSE_BYTES,
 * DEPENDENCY_RANGE_MOST or LIMIT_DEPENDENCIES (BATON_ERROR_LIMIT). */
enum { DEPENDENCY_RANGE_MOST = 100, DEPENDENCY_PROSE_BYTES = 16 << 10 };
baton_value dependency_split(const char *prose, baton_error **err);

/* A task as others may name it. Borrowed texts; NULL: none. */
typedef struct dependency_target {
    const char *id, *title, *feature, *source_path;
} dependency_target;

typedef struct dependency_index dependency_index;
/* The targets are not needed any more when it returns. NULL without memory. */
dependency_index *dependency_index_new(const dependency_target *targets, size_t count, baton_error **err);
void dependency_index_free(dependency_index *index);

enum { DEPENDENCY_NONE = -1, DEPENDENCY_AMBIGUOUS = -2 };
/* The target that one reference names, where case and punctuation do not count. In this order, and the
 * first way that finds anything decides:
 *
 * 1. the path of its link "[...](path.md)";
 * 2. all of it, as a title or feature name;
 * 3. without its remark: an id or the begin of one (8 characters or more); a path, with or without some of
 *    its folders, or a file name, with or without ".md"; a title or feature name; the alias in one
 *    ("Unified Workflow Performance 3A.1: Core Engine" is "Performance 3A.1" and "3A.1", never
 *    "Performance 3A"); what stands behind the alias;
 * 4. the same without words around it, as in "requires Foundation 1A";
 * 5. its remark, by title, feature name or alias ("(Phase 2)" is none). Where the reference has a code,
 * only of a task with that code: the remark of "Performance 3A.3 (Core Engine)" does not make it 3A.1.
 *
 * DEPENDENCY_AMBIGUOUS where several fit equally well and the remark does not tell which. `self` (SIZE_MAX:
 * nobody) is never found, nor is somebody else in its place where only it fits. Allocates nothing; a
 * reference of more than 1024 bytes names nobody. */
long dependency_resolve(const dependency_index *index, const char *reference, size_t self);
/* The short name of a title: "Performance 3A.1" of "Unified Workflow Performance 3A.1: Core Engine"; the
 * whole title when it has no code. Writes at most size bytes, NUL included, cut between characters. */
void dependency_alias(const char *title, char *alias, size_t size);

#endif
