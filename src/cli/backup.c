/* baton backup: a copy of the store, while others work on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/storage.h"

#include <stdio.h>
#include <sys/stat.h>

enum { OPTION_STORE };

static const cli_option options[] = {[OPTION_STORE] = STORAGE_OPTION_STORE, {NULL, NULL, NULL, 0}};

static int run_backup(cli_arguments *args) {
    storage st = {0};
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) st.given = value;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "backup needs the name of a new file; see 'baton help backup'");
    const char *path = args->rest[0];
    struct stat file;
    int code = storage_open(&st);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    int result = st.store->type->backup(st.store, path, &err);
    storage_close(&st);
    if (result != 0) return cli_fail_error(err);
    char size[32];
    fprintf(stderr, "baton: copied to '%s', %s\n", path,
            storage_size(stat(path, &file) == 0 ? (uint64_t)file.st_size : 0, size));
    return EXIT_DONE;
}

const command command_backup = {
    .name = "backup",
    .arguments = "FILE",
    .summary = "copy the store to a new file, while others work on it",
    .description =
        "Copies the store, as it is at one moment, to a new file; a file that is there is not touched.\n"
        "Others may go on working meanwhile. In the copy nobody owns anything: what was under way is\n"
        "interrupted there, and 'baton resume' with --store FILE would go on with it.",
    .examples = "  baton backup \"baton-$(date +%F).db\"",
    .options = options,
    .run = run_backup};
