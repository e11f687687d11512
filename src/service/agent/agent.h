/* The agent: the command that carries a task out, and how it is talked to.
 *
 * Configuration is YAML (docs/tasks.md):
 *
 *   agent:
 *     command: [claude, -p, --output-format, stream-json]   # or one line for /bin/sh
 *     prompt: stdin              # stdin (the default), argument, file
 *     result: json-lines         # text (the default), json-lines
 *     message: .result           # json-lines: what of a line is the final message; the last one counts
 *     session: .session_id       # json-lines: what names the session; the last one counts
 *     resume: [--resume, "{session}"]   # arguments that go on with a session
 *     environment: {KEY: VALUE}
 *     idle_timeout: 10m          # ends an agent that writes nothing for so long
 *     rate_limit:
 *       patterns: ["rate limit"] # in place of the usual ones; case does not count
 *       delay: 1m                # the first wait, doubled for each more
 *       most: 20                 # waits of one task
 *   verify: [make test]          # commands that decide, for every task
 *   workflows: ~/flows           # searched before the others
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_AGENT_H
#define BATON_SERVICE_AGENT_H

#include "expression/expression.h"

#include <baton/baton.h>

typedef enum agent_prompt { AGENT_PROMPT_STDIN, AGENT_PROMPT_ARGUMENT, AGENT_PROMPT_FILE } agent_prompt;
typedef enum agent_result { AGENT_RESULT_TEXT, AGENT_RESULT_JSON_LINES } agent_result;

enum { AGENT_SHELL_LINE = 2 }; /* which item of a command LINE is, see is_line */

/* Zeroed: no agent. Its values are its own. */
typedef struct agent_settings {
    baton_value command; /* an array of texts, its argv; invalid: none */
    bool is_line;        /* command is /bin/sh -c LINE sh */
    agent_prompt prompt;
    agent_result result;
    char *message, *session;         /* paths, ".result"; NULL: the usual ones */
    baton_value resume;              /* an array of texts; invalid: it cannot go on with a session */
    baton_value environment;         /* an object of texts; invalid: none */
    int64_t idle_timeout_ms;         /* 0: none */
    baton_value rate_limit_patterns; /* an array of texts; invalid: the usual ones */
    int64_t rate_limit_delay_ms;     /* 0: a minute */
    int rate_limit_most;             /* 0: 20 */
    baton_value verify;              /* an array of texts; invalid: none */
    char *workflows;                 /* NULL: none */
} agent_settings;

/* Reads a configuration file. Settings that are there already are kept where the file says nothing, or
 * null; an empty list or object takes away what was there (of `patterns`: no text is a rate limit then).
 * All problems are told, each with its place; unknown keys are problems with a suggestion; then nothing is
 * changed.
 *
 * In lists and in `environment`, numbers and booleans count as the texts that they are written as; for a
 * list of one, the text alone may stand. `workflows` is resolved: "~" is the home folder, another relative
 * path begins at the file's folder. So is the program of `command`, a list, where its name has a slash; of
 * a line see agent_settings_command. Spans are "10m", "1h30m", or ISO 8601. */
int agent_settings_load(agent_settings *a, const char *path, baton_error **err);
int agent_settings_parse(agent_settings *a, const char *text, size_t size, const char *file,
                         baton_error **err);
/* A command line for /bin/sh, as --agent gives it; a blank one: no agent. False without memory.
 *
 * The agent works in another folder. So where the line begins with a relative path of a file, seen from the
 * current folder (of a line in a configuration file: from the file's), that word is made absolute:
 * "./agent.sh -v", "'../my tools/agent' -p". Only the first word, only with a slash in it, and only without
 * what means something to the shell, but for quotes around it. All else is the shell's: "sh agent.sh" and
 * "cd x && ./agent" look in the folder that the agent works in.
 *
 * Where arguments are added (the prompt, those of `resume`), they become the line's "$@", which is put at
 * its end unless it stands in the line already; without arguments the line is run as it is. */
bool agent_settings_command(agent_settings *a, const char *line);
/* To be asked when all is set. BATON_ERROR_INVALID when arguments will be added to a line which neither has
 * "$@" nor ends so that it could follow: "while ...; do ...; done", "( ... )", "{ ...; }", "... &". An end
 * that is harder to see through is left to the shell: a comment, "done < file". */
int agent_settings_check(const agent_settings *a, baton_error **err);
void agent_settings_done(agent_settings *a);

/* What a prompt given as an argument may have: the kernel takes 128 KiB in one. */
enum { AGENT_ARGUMENT_BYTES = 120 << 10 };
/* argv to run: the command, resume's arguments when session is not NULL (and it can go on with one), and
 * the prompt or its file's path last where the settings say so. Given; invalid without a command. */
baton_value agent_argv(const agent_settings *a, const char *session, const char *prompt,
                       const char *prompt_file);
/* True when it can go on with a session. */
bool agent_can_resume(const agent_settings *a);

/* What an agent's output came to. */
typedef struct agent_output {
    char *message; /* the final message; given; "" when there is none */
    char *session; /* given; NULL: none was named */
    bool is_error; /* it says that it failed, whatever its exit code */
    char *error;   /* then given: how it says so, "" without a word; else NULL */
    bool rate_limited;
    int64_t retry_after_ms; /* what it is asked to wait, at most a day; 0: nothing; see rate_limit.h */
} agent_output;

/* Reads what it wrote. Of plain text the final message is the last AGENT_MESSAGE_LINES lines; of JSON lines
 * what `message` names in the last line that has it (lines that are no JSON are passed over; the first line
 * may be cut; older ones than the last AGENT_LINES are not looked at); of either without escape sequences,
 * and at most the last AGENT_MESSAGE_BYTES. A rate limit is looked for in the ends of stderr and the
 * message, and only after a code other than 0, or where a JSON line with the message, or after it, says it
 * is an error. now_ms: see rate_limit.h.
 *
 * It says that it failed where such a line of its own has "is_error": true, or a "subtype" that begins with
 * "error". -1 without memory; then o is empty. */
enum { AGENT_LINES = 100000, AGENT_MESSAGE_LINES = 40, AGENT_MESSAGE_BYTES = 64 << 10 };
int agent_read_output(const agent_settings *a, int code, const char *out, const char *error, int64_t now_ms,
                      agent_output *o);
void agent_output_done(agent_output *o);

/* A path as `message` and `session` have it, for expression_evaluate; lives as long as the program. NULL
 * with BATON_ERROR_INVALID, which may have a line and column within the text. */
const expression *agent_path(expression_program *program, const char *text, size_t size, baton_error **err);

#endif
