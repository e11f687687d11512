/* The manual page baton(1) and the completion for bash, on stdout.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_MANUAL_H
#define BATON_CLI_MANUAL_H

void manual_print_page(void);
void manual_print_completion(void);

#endif
