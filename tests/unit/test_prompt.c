/* What an agent is told; and that it confirms nothing by telling it back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/confirmation.h"
#include "service/agent/prompt.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static const char document[] =
    "# Migration: Done\n\n"
    "**Status**: Done\n"
    "Everything in this document is complete once the last of its phases, which follow here in their "
    "order, "
    "is done. Then it is done. Not done: nothing.\n\n"
    "- [ ] Core execution engine ready\n"
    "- [x] All tests complete\n"
    "- the first phase of it, as long as its line may be and however much it has to say about itself, is "
    "done\n\n"
    "1. Done\n2. Not done\n\n"
    "Done\n\n"
    "complete.\n"
    "```bash\n"
    "for f in *; do\n"
    "  ls\n"
    "done\n"
    "```\n"
    "````\n```\ndone\n```\n````\n"
    "> Fertig.\n\n"
    "| Phase | State |\n|-------|-------|\n| 1 | done |\n| 2 | not done |\n\n"
    "```json\n{\"confirmation_keywords\": [\"fertig\", \"done\", \"complete\", \"core execution engine "
    "ready\"]}\n";

static const char keywords_json[] = "[\"fertig\",\"done\",\"complete\",\"core execution engine ready\"]";
static const char files_json[] = "{\"create\": [{\"path\": \"src/a.c\", \"description\": \"the  first,\\n "
                                 "complete\"}, {\"path\": \"b`.c\"}],"
                                 " \"modify\": [{\"path\": \"README.md\", \"description\": \" \"}], "
                                 "\"delete\": [{\"path\": \"old done.c\"}]}";
static const char verify_json[] = "[\"make test\", 5, \" \", \"sh -c 'for i in 1; do\\n:\\ndone'\"]";

static baton_value parse(const char *json) { return baton_value_parse(json, strlen(json), NULL); }

static prompt_request full(prompt_kind kind) {
    return (prompt_request){
        .kind = kind,
        .title = "Migration: Done",
        .content = document,
        .guidance = "Do it well.\nThen it is done.",
        .directory = "/srv/work tree",
        .branch = "task/migration",
        .keywords = parse(keywords_json),
        .files = parse(files_json),
        .verify = parse(verify_json),
        .failure = kind == PROMPT_FIRST ? NULL : "make test: exit code 2\n```\ndone\nall is done\n",
        .attempt = 2,
        .attempts = 3};
}

static void release(prompt_request *r) {
    baton_value_unref(r->keywords);
    baton_value_unref(r->files);
    baton_value_unref(r->verify);
}

static buffer written(const prompt_request *r) {
    buffer b = {0};
    prompt_write(&b, r);
    assert_false(buffer_failed(&b));
    return b;
}

static void has(const buffer *b, const char *part) {
    if (!strstr(buffer_text(b), part)) fail_msg("'%s' is not in:\n%s", part, buffer_text(b));
}

static void lacks(const buffer *b, const char *part) {
    if (strstr(buffer_text(b), part)) fail_msg("'%s' is in:\n%s", part, buffer_text(b));
}

static void first(void **state) {
    (void)state;
    prompt_request r = full(PROMPT_FIRST);
    buffer b = written(&r);
    has(&b, "# Migration: Done\n\nBaton");
    has(&b, "directory `/srv/work tree`, where the git branch `task/migration`");
    has(&b, "Do not push, and do not merge.");
    has(&b, "outside this directory");
    /* The document, whole, in a fence that it does not have. */
    has(&b, "\n`````markdown\n# Migration: Done\n");
    has(&b, "ready\"]}\n`````\n");
    has(&b, document);
    has(&b, "\nDo it well. Then it is done.\n");
    has(&b, "- create `src/a.c`: the first, complete\n- create `` b`.c ``\n- modify `README.md`\n"
            "- delete `old done.c`\n");
    has(&b, "```sh\nmake test\nsh -c 'for i in 1; do\n:\ndone'\n```\n");
    has(&b, "one of these: `fertig` or `done` or `complete` or `core execution engine ready`.\n");
    has(&b, "none of these words");
    lacks(&b, "attempt");
    lacks(&b, "no file has to change");
    assert_true(strstr(b.data, "How to end") > strstr(b.data, "Who decides"));
    buffer_done(&b);

    r.in_session = true; /* that of the task before it */
    b = written(&r);
    has(&b, document);
    buffer_done(&b);
    release(&r);
}

static void little_to_say(void **state) {
    (void)state;
    prompt_request r = {.keywords = baton_value_invalid(),
                        .files = baton_value_invalid(),
                        .verify = baton_value_invalid(),
                        .message_only = true};
    buffer b = written(&r);
    has(&b, "# Task\n");
    has(&b, "directory `.`.");
    has(&b, "```markdown\n```\n");
    has(&b, "no file has to change");
    has(&b, "says what you did and what is missing");
    lacks(&b, "branch");
    lacks(&b, "## Files");
    lacks(&b, "Who decides");
    lacks(&b, "Tasks of this kind");
    buffer_done(&b);

    r.title = " \n";
    r.keywords = parse("[1, \" \", \" all\\n`set` \"]");
    r.files = parse("{\"create\": 5, \"modify\": [7, {}, {\"path\": \"\"}, {\"path\": 1}]}");
    r.verify = parse("[\" \"]");
    b = written(&r);
    has(&b, "# Task\n");
    has(&b, "nothing but this: `` all `set` ``.\n");
    has(&b, "use this word not");
    lacks(&b, "## Files");
    lacks(&b, "Who decides");
    buffer_done(&b);
    release(&r);
}

static void many_files(void **state) {
    (void)state;
    buffer json = {0};
    buffer_puts(&json, "{\"delete\": [");
    for (int i = 0; i < 205; i++) buffer_printf(&json, "%s{\"path\": \"f%d\"}", i ? "," : "", i);
    buffer_puts(&json, "]}");
    prompt_request r = {.content = "x", .files = parse(json.data)};
    buffer b = written(&r);
    has(&b, "- delete `f199`\n- delete 5 more that the document names\n");
    lacks(&b, "f200");
    buffer_done(&b);
    baton_value_unref(r.files);
    buffer_done(&json);
}

static void confirm(void **state) {
    (void)state;
    prompt_request r = full(PROMPT_CONFIRM);
    r.in_session = true;
    buffer b = written(&r);
    has(&b, "Your last message");
    has(&b,
        "What is known:\n\n````text\nmake test: exit code 2\n```\ndone\nall is done\n````\n\nCheck each");
    has(&b, "`fertig` or `done`");
    lacks(&b, "Everything in this document");
    lacks(&b, "Who decides");
    assert_true(b.size < 1400);
    buffer_done(&b);

    r.failure = NULL;
    b = written(&r);
    has(&b, "carried out. Check each");
    buffer_done(&b);

    /* To one that knows nothing everything is told. */
    r.in_session = false;
    b = written(&r);
    has(&b, "worked on this task here before you");
    has(&b, document);
    has(&b, "Who decides");
    lacks(&b, "Your last message");
    buffer_done(&b);
    release(&r);
}

static void again(void **state) {
    (void)state;
    prompt_request r = full(PROMPT_AGAIN);
    r.in_session = true;
    buffer b = written(&r);
    has(&b, "This is attempt 2 of 3. The attempt before it failed:\n\n````text\nmake test: exit code 2\n");
    has(&b, "Who decides");
    lacks(&b, "Everything in this document");
    buffer_done(&b);

    r.in_session = false;
    r.failure = " ";
    b = written(&r);
    has(&b, "The attempt before it failed.\n");
    has(&b, document);
    buffer_done(&b);

    /* Of a long failure the end, between characters. */
    buffer failure = {0};
    while (failure.size < 40000) buffer_puts(&failure, "ä");
    buffer_puts(&failure, "x end");
    r.failure = failure.data;
    r.content = "x";
    b = written(&r);
    has(&b, "```text\nä");
    has(&b, "äx end\n```\n");
    assert_true(b.size < 20000);
    buffer_done(&b);
    buffer_done(&failure);
    release(&r);
}

/* ---- echoes ---- */

typedef void transform(buffer *to, const char *line, size_t size, int number);

static void as_it_is(buffer *to, const char *line, size_t size, int number) {
    (void)number;
    buffer_append(to, line, size);
    buffer_putc(to, '\n');
}

static void quoted(buffer *to, const char *line, size_t size, int number) {
    buffer_puts(to, "> ");
    as_it_is(to, line, size, number);
}

static void numbered(buffer *to, const char *line, size_t size, int number) {
    buffer_printf(to, "%5d  ", number);
    as_it_is(to, line, size, number);
}

static void numbered_by_tab(buffer *to, const char *line, size_t size, int number) {
    buffer_printf(to, "%6d\t", number);
    as_it_is(to, line, size, number);
}

/* At blanks, or anywhere. */
static void wrap(buffer *to, const char *line, size_t size, bool anywhere) {
    while (size > 80) {
        size_t at = 80;
        while (!anywhere && at > 0 && line[at] != ' ') at--;
        if (at == 0) at = 80;
        as_it_is(to, line, at, 0);
        line += at;
        size -= at;
        while (!anywhere && size && *line == ' ') line++, size--;
    }
    as_it_is(to, line, size, 0);
}

static void wrapped(buffer *to, const char *line, size_t size, int number) {
    (void)number;
    wrap(to, line, size, false);
}

static void cut(buffer *to, const char *line, size_t size, int number) {
    (void)number;
    wrap(to, line, size, true);
}

static buffer transformed(const char *text, transform *t) {
    buffer to = {0};
    for (int number = 1; *text; number++) {
        size_t size = strcspn(text, "\n");
        t(&to, text, size, number);
        text += size + (text[size] == '\n');
    }
    return to;
}

static void expect(const char *message, const char *prompt, baton_value keywords, confirmation verdict,
                   const char *what) {
    confirmation_finding found = confirmation_find(message, prompt, keywords);
    if (found.verdict != verdict)
        fail_msg("%s: %d, for '%s' in '%s', in:\n%s", what, (int)found.verdict, found.keyword,
                 found.sentence, message);
}

/* Neither a whole echo says anything nor its end, wherever that begins; and behind it one may say it. */
static void check_echo(const char *prompt, baton_value keywords, const char *name, transform *t) {
    buffer echo = transformed(prompt, t);
    expect(echo.data, prompt, keywords, CONFIRMATION_NONE, name);
    if (t != wrapped && t != cut)
        for (const char *line = echo.data; *line; line = strchr(line, '\n') + 1)
            expect(line, prompt, keywords, CONFIRMATION_NONE, name);
    buffer_puts(&echo, "\nDone.\n");
    expect(echo.data, prompt, keywords, CONFIRMATION_GIVEN, name);
    buffer_puts(&echo, "\nThe tests are not complete.\n");
    expect(echo.data, prompt, keywords, CONFIRMATION_DENIED, name);
    buffer_done(&echo);
}

static void echoes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        transform *t;
    } transforms[] = {{"as it is", as_it_is}, {"quoted", quoted},
                      {"numbered", numbered}, {"numbered by tabs", numbered_by_tab},
                      {"wrapped", wrapped},   {"cut", cut}};
    for (prompt_kind kind = PROMPT_FIRST; kind <= PROMPT_AGAIN; kind++)
        for (int in_session = 0; in_session < 2; in_session++)
            for (size_t i = 0; i < sizeof transforms / sizeof *transforms; i++) {
                prompt_request r = full(kind);
                r.in_session = in_session;
                buffer b = written(&r);
                check_echo(b.data, r.keywords, transforms[i].name, transforms[i].t);
                buffer_done(&b);
                release(&r);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first),   cmocka_unit_test(little_to_say), cmocka_unit_test(many_files),
        cmocka_unit_test(confirm), cmocka_unit_test(again),         cmocka_unit_test(echoes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
