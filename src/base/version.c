/* The version of the library that is loaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <baton/baton.h>

const char *baton_version(void) { return BATON_VERSION; }
