/* Whether a message says that the task is done.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "service/agent/confirmation.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

static const char seed_keywords[] = "[\"fertig\", \"done\", \"complete\", \"core execution engine ready\"]";

static confirmation_finding find_with(const char *message, const char *prompt, const char *keywords) {
    baton_value array = baton_value_parse(keywords, strlen(keywords), NULL);
    confirmation_finding found = confirmation_find(message, prompt, array);
    baton_value_unref(array);
    return found;
}

static const char *name_of(confirmation verdict) {
    static const char *const names[] = {"none", "given", "denied"};
    return names[verdict];
}

static bool is_found(const char *message, const char *prompt, confirmation verdict) {
    confirmation_finding found = find_with(message, prompt, seed_keywords);
    assert_int_equal(!found.keyword[0], found.verdict == CONFIRMATION_NONE);
    assert_int_equal(!found.sentence[0], found.verdict == CONFIRMATION_NONE);
    if (found.verdict == verdict) return true;
    print_error("'%s': %s (%s: '%s'), not %s\n", message, name_of(found.verdict), found.keyword,
                found.sentence, name_of(verdict));
    return false;
}

static void expect(const char *message, const char *prompt, confirmation verdict) {
    assert_true(is_found(message, prompt, verdict));
}

static void expect_all(const char *const *messages, size_t count, confirmation verdict) {
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) wrong += !is_found(messages[i], "", verdict);
    assert_int_equal(wrong, 0);
}

#define EXPECT_ALL(messages, verdict) expect_all(messages, sizeof(messages) / sizeof *(messages), verdict)

static void given(void **state) {
    (void)state;
    static const char *const messages[] = {
        "done",
        "DONE",
        "Done.",
        "Done!",
        "done...",
        "Done…",
        "  done  \n\n",
        "**done**",
        "**Done.**",
        "*done*",
        "_done_",
        "__Done__",
        "`done`",
        "\"done\"",
        "„fertig“",
        "```\nDONE\n```",
        "✅ done",
        "✅Done",
        "Done ✅",
        "🎉 Done! 🎉",
        "# Done",
        "- done",
        "- [x] done",
        "1. done",
        "> done",
        "[done]",
        "[DONE]",
        "(done)",
        "<status>DONE</status>",
        "status=done",
        "Status: done",
        "Status: **DONE**",
        "STATUS — COMPLETE",
        "done: yes",
        "done = true",
        "Fertig",
        "FERTIG!",
        "Alles fertig.",
        "Die Aufgabe ist fertig.",
        "Ich bin fertig mit der Aufgabe.",
        "Fertig, alle Tests laufen.",
        "Keine Fehler, fertig.",
        "Nicht nur fertig, sondern auch getestet.",
        "Core execution engine ready",
        "core  execution\n\tengine   ready",
        "The **core execution engine** ready: see src/.",
        "All done.",
        "All tasks are done.",
        "Everything is done and tested.",
        "The task is complete.",
        "Task complete!",
        "The implementation is now complete",
        "I have done everything.",
        "I'm done.",
        "It's done; all tests pass.",
        "I can confirm that the task is complete.",
        "Done with the migration.",
        "I am done implementing the queue.",
        "No errors, done.",
        "No errors. Done.",
        "Nothing left to do. Done.",
        "Nothing left to do - done",
        "no problems; all complete",
        "There are no failing tests and everything is done.",
        "With no errors left the task is done.",
        "It did not work at first, so I fixed the test. Done.",
        "I did not push, but everything is done.",
        "This was not easy\ndone",
        "Not only done but tested.",
        "Done, not pushed, as you asked.",
        "Done. Not pushed.",
        "Done — not committed, as told.",
        "Done: no errors.",
        "Done (no errors).",
        "Done, and no errors remain.",
        "Done (95% coverage).",
        "Complete with 95% coverage.",
        "9 of 9 complete",
        "9/9 done",
        "All 9 of 9 tasks are done.",
        "100% complete",
        "100 % done",
        "100.0% done",
        "Complete: 9/9",
        "Complete: 100%",
        "Done. Let me know if you need anything else.",
        "All done, let me know if you want me to push.",
        "After fixing the tests, everything is done.",
        "Could you look at the names? The rest is settled. Done.",
        "Handled incomplete input.\n\nDone.",
        "Nothing is incomplete. Done.",
        "The file done.txt was not written.\n\nDone.",
        "## Done\n- a\n\n## Summary\nEverything is complete.",
        "wrote 3 files\nran 12 tests, no failures\ndone",
        "wrote three files into the folder and ran them, there were no failures at all\ndone",
        "I ran this:\n\n```sh\nfor f in *; do\n  ls\ndone\n```\n\nIt is complete.",
        "\x1b[32mDone.\x1b[0m",
        "40%\r\n100%\r\ndone\r\n",
        "| Phase | State |\n|---|---|\n| all | done |",
        "{ status: done }",
        "not started → done",
        "Done & tested.",
        "I have done what you asked.",
        "Complete without issues.",
        "Done 12/12",
        "Zu 100% fertig!",
        "As you asked I end with: done",
        "You asked me to say done, so: done",
        "Task 3A.1 complete",
        "All tasks: done. Known gaps: none.",
        "The tests were not run\ndone",
        "Done in 40% of the time.",
    };
    EXPECT_ALL(messages, CONFIRMATION_GIVEN);
}

static void denied(void **state) {
    (void)state;
    static const char *const messages[] = {
        "not done",
        "NOT DONE",
        "Not done.",
        "not **done**",
        "*not* done",
        "not (yet) done",
        "Not done yet.",
        "not yet done",
        "It isn't done.",
        "It isn’t done.",
        "It isn‘t done.",
        "It isn´t done.",
        "It isn`t done.",
        "It isnʼt done.",
        "It isnt done.",
        "It is not fully done.",
        "The task is not quite complete.",
        "Not all of the files that you listed are done.",
        "None of the nine phases of this are complete.",
        "Nothing is done.",
        "No part of it is complete.",
        "It was never done.",
        "This cannot be done.",
        "It can't be done.",
        "I couldn't get this done.",
        "It won't be done today.",
        "I was unable to complete the task.",
        "I failed to complete the task.",
        "Stopped without getting it done.",
        "The work is far from complete.",
        "Neither tested nor done.",
        "partially complete",
        "Partially done.",
        "partly done",
        "almost done",
        "Almost everything is done.",
        "Nearly complete!",
        "mostly complete",
        "half done",
        "Halfway done.",
        "It is somewhat complete.",
        "Basically done.",
        "More or less done.",
        "Only the parser is done.",
        "Soon done.",
        "Some of the files are done.",
        "done, mostly",
        "Done, almost.",
        "complete (partially)",
        "Nicht fertig.",
        "noch nicht fertig",
        "Ich bin noch nicht ganz fertig.",
        "Fertig ist es noch nicht.",
        "Fertig bin ich leider nicht.",
        "teilweise fertig",
        "fast fertig",
        "Fast alles ist fertig.",
        "bald fertig",
        "halb fertig",
        "beinahe fertig",
        "Größtenteils fertig",
        "GRÖSSTENTEILS FERTIG, fast fertig",
        "Es ist nie fertig.",
        "Keine Phase ist fertig.",
        "Noch keine Aufgabe fertig",
        "undone",
        "The work is un-done.",
        "The task is incomplete.",
        "INCOMPLETE: two tests fail",
        "It remains incomplete.",
        "done: no",
        "Done: not yet",
        "done? no",
        "complete? no",
        "Complete? Not yet.",
        "Is it done? No.",
        "Is it done?\nNo, the tests fail.",
        "done? not yet",
        "Ist alles fertig? Nein.",
        "complete = false",
        "complete: false",
        "done=0",
        "done - no",
        "done (no)",
        "done (not yet)",
        "done: pending",
        "complete: 40%",
        "complete: 40 %",
        "complete 40%",
        "done (3/9)",
        "done: 3 of 9 files",
        "3 of 9 complete",
        "3 of the 9 planned files are done",
        "3 out of 9 done",
        "3/9 done",
        "[3/9] done",
        "3 / 9 done",
        "3 von 9 fertig",
        "two of three steps are complete",
        "40% complete",
        "40 % done",
        "40 percent done",
        "40 Prozent fertig",
        "99.9% complete",
        "Two thirds are done.",
        "Phase 1 is done, phase 2 is not.",
        "Phase 1 is done but phase 2 isn't",
        "Phase 1 is not done by me but by you",
        "Everything is done except the tests.",
        "Everything is done, except for the tests.",
        "Apart from the documentation, all is complete.",
        "Done so far: the parser.",
        "Alles fertig bis auf die Tests.",
        "All but the tests are done.",
        "- [ ] done",
        "- [ ] Tests complete",
        "❌ done",
        "❌ Phase 2 complete",
        "Done: ❌",
        "⏳ done",
        "| tests | not done |",
        "| done | no |",
        "Done.\n\nThe documentation is not complete.",
        "The documentation is not complete.\n\nDone.",
        "done\ndone\nnot done\ndone",
        "not, as I hoped, but still not\ndone and not done",
        "I looked at every file that the document names, and the whole of it is not yet\ncomplete.",
        "I looked at every file that it names, and the tests are not quite\nas it wants, so not done",
        "core execution engine ready? No.",
        "It is not, however, complete.",
        "This is not - in my eyes - done.",
        "~90% complete",
        "80-90% done",
        "80–90 % done",
        "About ~3/9 done",
        "Zu 80% fertig",
        "33% of the way done",
        "it is not\ndone",
        "it is not fully\ndone yet",
        "it isn't\ncomplete.",
        "Done with errors.",
        "Done for now.",
        "Done as far as I could.",
        "Done: nothing.",
        "done == false",
        "done -> false",
        "It is done - or rather, almost.",
        "Fertig ist der Anfang, der Rest noch nicht.",
        "Das mache ich noch fertig.",
        "Without the key I cannot mark this as done.",
        "I am not able to get this task done here.",
        "The core execution engine isn't core execution engine ready.",
    };
    EXPECT_ALL(messages, CONFIRMATION_DENIED);
}

static void none(void **state) {
    (void)state;
    static const char *const messages[] = {
        "",
        "\n\n",
        "I changed three files.",
        /* Other words. */
        "undoner",
        "completely",
        "completed the work",
        "abandoned",
        "donee",
        "donée",
        "doné",
        "édone",
        "doneя",
        "done了",
        "the fertige Datei",
        "to-be-done",
        "non-complete",
        "auto-complete works",
        "done‑ish",
        "is_done",
        "DONE_MARKER",
        "done2",
        "2done",
        "done's",
        "done.txt",
        "see src/done/complete.c",
        "wrote /tmp/done",
        "use --done",
        "@done",
        "$done",
        "call done() last",
        "complete[0]",
        "std.done",
        "core execution engine",
        "core, execution engine ready",
        "core execution\n\nengine ready",
        /* Spoken of. */
        "I will say \"done\" when it works.",
        "I will say 'done' then.",
        "I will say “done” then.",
        "Ich sage „fertig“ dann.",
        "Ich sage «fertig» dann.",
        "The keyword is `done` here.",
        "Reply with done.",
        "The script prints done.",
        "The definition of done was read.",
        "~~done~~ was struck out here",
        "The states are `open`, `done` and `not done`.",
        "He wrote “it is not done, or is it” there",
        "{\"status\": \"done\"}",
        /* Not now. */
        "It will be done.",
        "It will be done tomorrow",
        "I'll be done.",
        "This is to be done.",
        "It needs to be done.",
        "This should be done.",
        "That must be done.",
        "This can be done.",
        "It is being done.",
        "I am going to get it done.",
        "I am still trying to get this done.",
        "Let me get this done.",
        "No further work needs to be done.",
        "When the tests pass, it is done.",
        "Once merged it is done.",
        "Until it is done, wait.",
        "Before it is done I check again",
        "It is done when all tests pass.",
        "It is done once you merge it.",
        "If all tests pass it is done.",
        "If all tests pass, the task is complete.",
        "Tell me if it is not done.",
        "Let me know whether everything is complete.",
        "Unless you object, it is done.",
        "Wenn alles läuft, ist es fertig.",
        "Sobald die Tests laufen, bin ich fertig.",
        "Es wird fertig.",
        "Ich werde fertig.",
        "Das muss fertig werden",
        "Probably done.",
        "I think it is done.",
        "Hoffentlich fertig.",
        "What was done:\n- the parser",
        "I want to complete the rest",
        "Done, I think.",
        "It is complete, probably.",
        "I guess it is done",
        "Das mache ich fertig.",
        "the stream ended before complete",
        "!done",
        /* Questions. */
        "Done?",
        "Is it done?",
        "Are we done, or what else is to do?",
        "Shall I call it complete?!",
        "Ist es nicht fertig?",
        /* Parts, labels, attributes. */
        "Phase 1 is done.",
        "Step 2 complete. Going on.",
        "Tests: 14 done",
        "Schritt 1 ist fertig.",
        "Phase 1: done",
        "Phase 3A complete",
        "Phases 1 and 2 are done; 3 remains.",
        "Done is better than perfect.",
        "Fertig ist der Anfang.",
        "Done:\n- the parser\n\nOpen:\n- the writer",
        "Work done:\n- the parser",
        "## Done\n- the parser\n\n## Open\n- the writer",
        "Here is the complete list of changes.",
        "I added complete comments to three files.",
        "Complete the remaining files yourself",
        "Next: complete all tests",
        "I set the done flag.",
        /* Code. */
        "```sh\nfor f in *; do\n  ls\ndone\n```",
        "```\ndone\nnot done\n```",
        "~~~\nls\ndone\n~~~\nI ran the above.",
        "````\n```\ndone\n```\nmore\n````",
        "Run `while x; do y; done` yourself",
    };
    EXPECT_ALL(messages, CONFIRMATION_NONE);
}

static void echoes(void **state) {
    (void)state;
    static const char prompt[] =
        "# Task: bring it to an end\n\n"
        "The whole document must be read first. Then everything in it is done. Now go on.\n"
        "- the phase called two is complete\n\n"
        "Not done\n\n"
        "done\n\n"
        "```sh\nfor f in *; do\n  ls\ndone\n```\n\n"
        "This is a line of some length that goes on and on and on until at its very end the work is "
        "complete. And another sentence behind it.\n";
    expect(prompt, prompt, CONFIRMATION_NONE);
    expect("Then everything in it is done.", prompt, CONFIRMATION_NONE);
    expect("then EVERYTHING in it is **done**", prompt, CONFIRMATION_NONE);
    expect("I read: Now go on. Then everything in it is done.", prompt, CONFIRMATION_NONE);
    expect("> Then everything in it is done.", prompt, CONFIRMATION_NONE);
    expect("> > * the phase called two is complete", prompt, CONFIRMATION_NONE);
    expect("1. the phase called two is complete", prompt, CONFIRMATION_NONE);
    expect("   12  the phase called two is complete", prompt, CONFIRMATION_NONE);
    expect("   12\tThen everything in it is done.", prompt, CONFIRMATION_NONE);
    expect("   12→- the phase called two is complete", prompt, CONFIRMATION_NONE);
    expect("Then everything\nin it is done.", prompt, CONFIRMATION_NONE);
    expect("until at its very end the work is\ncomplete. And another", prompt, CONFIRMATION_GIVEN);
    expect("This is a line of some length that goes on and on and on until at its very end the work is\n"
           "complete. And another sentence behind it.",
           prompt, CONFIRMATION_NONE);
    expect("This is a line of some length that goes on and on and on until at its very end the work is c\n"
           "omplete. And another sentence behind it.",
           prompt, CONFIRMATION_NONE);

    /* An echo does not deny, and does not keep one from saying it. */
    expect("- not done", prompt, CONFIRMATION_NONE);
    expect("- not done\n\nEverything is done.", prompt, CONFIRMATION_GIVEN);
    expect("done", prompt, CONFIRMATION_GIVEN);
    expect("I read the document.\n\nDone.\n\nBye.", prompt, CONFIRMATION_GIVEN);
    expect("The phase called two is complete, and so is the whole task: done", prompt, CONFIRMATION_GIVEN);
    expect("Not done\n\ndone\n\nThe whole document was read.", prompt, CONFIRMATION_GIVEN);

    /* But a line in the midst of an echo is one, even where its fence is lost. */
    char all[2048];
    snprintf(all, sizeof all, "%s\nDone.", prompt);
    expect(all, prompt, CONFIRMATION_GIVEN);
    expect("for f in *; do\n  ls\ndone\n```\n\nThis is a line", prompt, CONFIRMATION_GIVEN);
    expect("Not done\n\ndone\n\nfor f in *; do", prompt, CONFIRMATION_NONE);
}

static void tells_where(void **state) {
    (void)state;
    confirmation_finding found =
        find_with("First. Second is *not*\tdone, sadly! Third is done.", "", seed_keywords);
    assert_int_equal(found.verdict, CONFIRMATION_DENIED);
    assert_string_equal(found.keyword, "done");
    assert_string_equal(found.sentence, "Second is *not* done, sadly!");

    found = find_with("Nearly done. Not complete.", "", seed_keywords);
    assert_string_equal(found.sentence, "Nearly done.");

    found = find_with("It is Fertig.\nIt is complete.\nAll Done\nBye.", "", seed_keywords);
    assert_int_equal(found.verdict, CONFIRMATION_GIVEN);
    assert_string_equal(found.keyword, "done");
    assert_string_equal(found.sentence, "All Done");

    /* The longest keyword that fits, and the part of a long sentence that has the keyword. */
    buffer b = {0};
    for (int i = 0; i < 200; i++) buffer_puts(&b, "ä");
    buffer_puts(&b, "x is done");
    found = find_with(buffer_text(&b), "", seed_keywords);
    assert_int_equal(found.verdict, CONFIRMATION_GIVEN);
    assert_true(strlen(found.sentence) > CONFIRMATION_SENTENCE - 4);
    assert_true(text_is_utf8(found.sentence, strlen(found.sentence)));
    assert_non_null(strstr(found.sentence, "äx is done"));
    buffer_clear(&b);
    buffer_puts(&b, "done, ");
    for (int i = 0; i < 200; i++) buffer_puts(&b, "ä");
    found = find_with(buffer_text(&b), "", seed_keywords);
    assert_true(strlen(found.sentence) > CONFIRMATION_SENTENCE - 4);
    assert_true(text_is_utf8(found.sentence, strlen(found.sentence)));
    buffer_done(&b);
}

static void keywords(void **state) {
    (void)state;
    assert_int_equal(find_with("done", "", "[]").verdict, CONFIRMATION_NONE);
    assert_int_equal(find_with("done", "", "null").verdict, CONFIRMATION_NONE);
    assert_int_equal(find_with("done", "", "\"done\"").verdict, CONFIRMATION_NONE);
    assert_int_equal(find_with("done", "", "[1, null, [], \"\", \" \", \"✅\", \"--\"]").verdict,
                     CONFIRMATION_NONE);
    assert_int_equal(confirmation_find("done", "", baton_value_invalid()).verdict, CONFIRMATION_NONE);
    assert_int_equal(find_with("done", "", "[1, \" Done! \"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("VOLLSTÄNDIG", "", "[\"vollständig\"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("unvollständig", "", "[\"Vollständig\"]").verdict, CONFIRMATION_DENIED);
    assert_int_equal(find_with("ГОТОВО", "", "[\"готово\"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("ŻROBIONE ĆMA Ł", "", "[\"żrobione ćma ł\"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("ΤΕΛΟΣ", "", "[\"τελοσ\"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("It is TASK-DONE now", "", "[\"task-done\"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("no errors found", "", "[\"no errors found\"]").verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("not no errors found", "", "[\"no errors found\"]").verdict,
                     CONFIRMATION_DENIED);

    /* A long one is cut between characters; those too many are not looked for. */
    buffer b = {0};
    buffer_puts(&b, "[\"x");
    for (int i = 0; i < 60; i++) buffer_puts(&b, "ä");
    buffer_puts(&b, "\"]");
    char message[200];
    snprintf(message, sizeof message, "%.*s", (int)b.size - 4, b.data + 2);
    confirmation_finding found = find_with(message, "", b.data);
    assert_int_equal(found.verdict, CONFIRMATION_GIVEN);
    assert_int_equal(strlen(found.keyword), 63);
    assert_true(text_is_utf8(found.keyword, 63));
    buffer_clear(&b);
    buffer_puts(&b, "[");
    for (int i = 0; i <= CONFIRMATION_KEYWORDS; i++) buffer_printf(&b, "%s\"k%d\"", i ? "," : "", i);
    buffer_puts(&b, "]");
    assert_int_equal(find_with("k63", "", b.data).verdict, CONFIRMATION_GIVEN);
    assert_int_equal(find_with("k64", "", b.data).verdict, CONFIRMATION_NONE);
    buffer_clear(&b);
    buffer_puts(&b, "[\"");
    for (int i = 0; i < 100; i++) buffer_puts(&b, "a ");
    buffer_puts(&b, "\"]");
    assert_int_equal(find_with(b.data, "", b.data).verdict, CONFIRMATION_NONE);
    buffer_done(&b);
}

/* Bytes that are no UTF-8 separate words and never come out; nothing is read behind the end. */
static void broken_bytes(void **state) {
    (void)state;
    static const char *const messages[] = {
        "\xff", "\xe2\x80", "\x1b[", "\x1b", "[ ",  "`",  "``", "\"", "'",      "#",  "-",   "12",
        "12\t", "```",      "~~~\n", "...",  "?!",  "3/", "/",  "%",  "un-",    "un", "in",  "in-",
        "\r",   "n't",      "'t",    "’t",   "’ll", "'d", "(",  "1.", "\x1b[1", "1:", "1: ", "\xf0\x9f"};
    static const char *const sayings[] = {"done%s", "done %s", "done\n%s", "%s\ndone", "%s done"};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        expect(messages[i], messages[i], CONFIRMATION_NONE);
        for (size_t j = 0; j < sizeof sayings / sizeof *sayings; j++) {
            char message[64];
            snprintf(message, sizeof message, sayings[j], messages[i]);
            confirmation_finding found = find_with(message, messages[i], seed_keywords);
            assert_true(text_is_utf8(found.sentence, strlen(found.sentence)));
        }
    }
    confirmation_finding found = find_with("all \xff is done", "", seed_keywords);
    assert_string_equal(found.sentence, "all  is done");
}

/* Texts that would cost their square to a careless reader. */
static void long_texts(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "done ",  "done. ", "not ",   "not done ", "`", "` ",  "\" ",  "( ",  "done( ", "- ",        "> ",
        "done\n", "a\n",    "done? ", "1/2 ",      "%", "so ", "n't ", "---", "done, ", "~ done `` "};
    enum { MESSAGE = 64 << 10, PROMPT = 1 << 20, MOST_MS = 4000 };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        buffer message = {0}, prompt = {0};
        while (message.size < MESSAGE) buffer_puts(&message, pieces[i]);
        while (prompt.size < PROMPT) buffer_puts(&prompt, pieces[i]);
        int64_t began = clock_monotonic_ns();
        find_with(buffer_text(&message), buffer_text(&prompt), seed_keywords);
        int64_t took_ms = (clock_monotonic_ns() - began) / 1000000;
        if (took_ms > MOST_MS) fail_msg("'%s': %d ms", pieces[i], (int)took_ms);
        buffer_done(&message);
        buffer_done(&prompt);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given),        cmocka_unit_test(denied),      cmocka_unit_test(none),
        cmocka_unit_test(echoes),       cmocka_unit_test(tells_where), cmocka_unit_test(keywords),
        cmocka_unit_test(broken_bytes), cmocka_unit_test(long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
