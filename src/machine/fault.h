/* Faults: DSL errors (problem details) as data: {type, status, title, detail?, instance}.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_FAULT_H
#define BATON_MACHINE_FAULT_H

#include <baton/baton.h>

#define FAULT_TYPES "https://open-workflow-specification.org/spec/1.0.0/errors/"

/* A standard error (DSL, "Standard Error Types"); detail may be NULL; no instance yet. Given. */
baton_value fault_new(const char *name, int status, const char *title, const char *detail);
/* The standard name in a type URI, of either host and either path; NULL when it is not standard. The
 * result is static. */
const char *fault_standard_name(const char *type);
/* True when every property of `with` (an object) fits the fault. */
bool fault_matches(baton_value fault, baton_value with);
/* A fault as a library error: its code from the type, its message from title and detail. */
baton_error *fault_error(baton_value fault);

#endif
