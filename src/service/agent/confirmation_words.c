/* Phrases of one meaning stand in one table; a word may stand in several. The longest phrase counts, so
 * that a table can take a longer one out of what its first word means: "not only" out of "not". All in
 * lower case.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/confirmation_words.h"

#include <string.h>

static const char *const negations[] = {
    "not",        "not yet",     "never",     "cannot",     "cant",          "neither",   "nor",
    "hardly",     "barely",      "scarcely",  "far from",   "nowhere near",  "failed to", "fail to",
    "fails to",   "failing to",  "unable to", "refused to", "impossible to", "isnt",      "arent",
    "wasnt",      "werent",      "hasnt",     "havent",     "hadnt",         "doesnt",    "didnt",
    "dont",       "wont",        "couldnt",   "wouldnt",    "aint",          "without",   "yet to",
    "instead of", "rather than", "short of",  "nicht",      "noch nicht",    "nie",       "niemals",
    "keineswegs", "weder",       "ohne",      "kaum",
};
static const char *const quantities[] = {
    "no",    "nothing", "none",   "nobody", "nichts", "kein",
    "keine", "keinen",  "keinem", "keiner", "keines", "keins",
};
static const char *const harmless[] = {
    "not only",        "not just",         "not merely",       "nicht nur",        "nicht bloß",
    "no problem",      "no problems",      "no error",         "no errors",        "no issue",
    "no issues",       "no failures",      "no failing",       "no warnings",      "no regressions",
    "no conflicts",    "no blockers",      "no doubt",         "without error",    "without errors",
    "without issues",  "without problems", "without failures", "without warnings", "ohne fehler",
    "ohne probleme",   "keine fehler",     "keine probleme",   "nothing left",     "nothing remains",
    "nothing else",    "nothing more",     "nothing is left",  "nothing missing",  "nothing is missing",
    "nichts mehr",     "can confirm",      "can now confirm",  "can report",       "can say",
    "kann bestätigen",
};
static const char *const grades[] = {
    "partially",
    "partly",
    "partial",
    "almost",
    "nearly",
    "mostly",
    "mainly",
    "largely",
    "half",
    "halfway",
    "half-way",
    "somewhat",
    "incompletely",
    "practically",
    "virtually",
    "essentially",
    "basically",
    "more or less",
    "approximately",
    "roughly",
    "close to",
    "soon",
    "most",
    "some of",
    "part of",
    "parts of",
    "a few of",
    "several of",
    "many of",
    "thirds",
    "two-thirds",
    "quarters",
    "three-quarters",
    "in part",
    "to some extent",
    "only",
    "solely",
    "teilweise",
    "zum teil",
    "zum größten teil",
    "größtenteils",
    "weitgehend",
    "überwiegend",
    "beinahe",
    "nahezu",
    "annähernd",
    "halb",
    "halbwegs",
    "bald",
    "noch",
    "so gut wie",
    "im wesentlichen",
    "mehr oder weniger",
    "nur",
    "lediglich",
    "fast alles",
    "fast alle",
    "fast ganz",
    "fast vollständig",
    "fast komplett",
};
static const char *const adjacent[] = {"fast"};
static const char *const late[] = {"nicht", "noch nicht",  "not yet",       "niemals",    "keineswegs",
                                   "noch",  "with errors", "with failures", "mit fehlern"};
static const char *const refusals[] = {
    "no",        "nope",          "nein",    "false", "never",  "nie",        "none",       "pending",
    "partial",   "unknown",       "tbd",     "todo",  "wip",    "open",       "failed",     "off",
    "n",         "n/a",           "0",       "offen", "falsch", "incomplete", "ausstehend", "in progress",
    "in arbeit", "unvollständig", "nothing", "nichts"};
static const char *const hedges[] = {"yet",        "quite",      "really",     "fully",    "entirely",
                                     "completely", "everything", "everywhere", "all",      "exactly",
                                     "ganz",       "wirklich",   "alles",      "komplett", "vollständig"};
static const char *const exceptions[] = {"except",
                                         "excepting",
                                         "excluding",
                                         "apart from",
                                         "aside from",
                                         "other than",
                                         "save for",
                                         "all but",
                                         "everything but",
                                         "anything but",
                                         "minus",
                                         "with the exception",
                                         "so far",
                                         "thus far",
                                         "up to now",
                                         "until now",
                                         "bis auf",
                                         "bis jetzt",
                                         "bisher",
                                         "bislang",
                                         "außer",
                                         "ausser",
                                         "abgesehen von",
                                         "mit ausnahme",
                                         "for the most part",
                                         "for now",
                                         "for today",
                                         "for the day",
                                         "as much as",
                                         "as far as",
                                         "as best",
                                         "für heute",
                                         "fürs erste",
                                         "vorerst",
                                         "erst mal",
                                         "erstmal",
                                         "soweit möglich"};
static const char *const ifs[] = {"if",        "unless", "whether", "in case", "provided",      "assuming",
                                  "wenn",      "falls",  "ob",      "sofern",  "vorausgesetzt", "solange",
                                  "as long as"};
static const char *const whens[] = {"when",    "whenever",   "once",        "until",  "till", "by the time",
                                    "so that", "as soon as", "in order to", "sobald", "bis"};
static const char *const sequences[] = {"before",  "after", "while", "pending", "awaiting",
                                        "nachdem", "bevor", "ehe",   "während"};
static const char *const modals[] = {"shall",
                                     "may",
                                     "might",
                                     "must",
                                     "be",
                                     "being",
                                     "going to",
                                     "about to",
                                     "need",
                                     "needs",
                                     "want",
                                     "wants",
                                     "try",
                                     "trying",
                                     "attempt",
                                     "attempting",
                                     "plan",
                                     "planning",
                                     "aim",
                                     "hope",
                                     "hopefully",
                                     "probably",
                                     "maybe",
                                     "perhaps",
                                     "possibly",
                                     "presumably",
                                     "likely",
                                     "seems",
                                     "seem",
                                     "appears",
                                     "think",
                                     "believe",
                                     "assume",
                                     "expect",
                                     "supposed",
                                     "supposedly",
                                     "apparently",
                                     "still",
                                     "let",
                                     "let's",
                                     "lets",
                                     "what",
                                     "how",
                                     "darf",
                                     "glaube",
                                     "denke",
                                     "scheint",
                                     "vermutlich",
                                     "wahrscheinlich",
                                     "hoffentlich",
                                     "vielleicht",
                                     "eventuell",
                                     "möglicherweise",
                                     "wohl",
                                     "guess",
                                     "suppose",
                                     "mache"};
static const char *const futures[] = {"will",   "would",  "should", "could",  "can",  "werde",
                                      "wird",   "werden", "würde",  "wäre",   "soll", "sollte",
                                      "sollen", "muss",   "müssen", "müsste", "kann", "könnte",
                                      "können", "machen", "stellen"};
static const char *const mentions[] = {
    "say",       "says",         "saying",  "said",       "type",        "reply",        "answer",
    "write",     "print",        "prints",  "echo",       "echoes",      "respond",      "output",
    "word",      "words",        "keyword", "keywords",   "called",      "named",        "sage",
    "schreibe",  "antworte",     "wort",    "reply with", "answer with", "respond with", "end with",
    "ends with", "antworte mit", "to",      "a",          "an",
};
static const char *const splits[] = {"but",    "and",     "so",     "however", "because", "although",
                                     "though", "whereas", "then",   "aber",    "und",     "sondern",
                                     "jedoch", "weil",    "obwohl", "denn",    "dann"};
static const char *const copulas[] = {"is",   "are", "was",  "were",   "remains", "remain",
                                      "left", "ist", "sind", "bleibt", "bleiben", "still"};
static const char *const parts[] = {"phase",      "step",     "part",   "stage", "milestone", "schritt",
                                    "teil",       "etappe",   "phases", "steps", "parts",     "stages",
                                    "milestones", "schritte", "teile",  "phasen"};
static const char *const alls[] = {"all", "alle", "both", "beide"};
static const char *const ofs[] = {"of", "out of", "von", "aus", "/"};
static const char *const percents[] = {"%", "percent", "prozent", "pct"};
static const char *const followers[] = {
    "with",      "in",     "for",  "or",   "now",   "on",    "at",      "as",      "by",
    "per",       "to",     "from", "here", "there", "today", "already", "too",     "within",
    "via",       "thanks", "it",   "that", "this",  "since", "again",   "despite", "under",
    "according", "plus",   "up",   "over", "too",   "yes",   "also",    "of",      "everything",
    "and",       "mit",    "ist",  "seit", "what"};

typedef struct meaning_of {
    uint32_t meaning;
    const char *const *phrases;
    size_t count;
} meaning_of;

#define ALL_OF(phrases) phrases, sizeof(phrases) / sizeof *(phrases)
static const meaning_of meanings[] = {
    {NEGATION, ALL_OF(negations)},
    {QUANTITY, ALL_OF(quantities)},
    {HARMLESS, ALL_OF(harmless)},
    {GRADE, ALL_OF(grades)},
    {ADJACENT, ALL_OF(adjacent)},
    {LATE, ALL_OF(late)},
    {REFUSAL, ALL_OF(refusals)},
    {HEDGE, ALL_OF(hedges)},
    {EXCEPTION, ALL_OF(exceptions)},
    {IF, ALL_OF(ifs)},
    {WHEN, ALL_OF(whens)},
    {SEQUENCE, ALL_OF(sequences)},
    {MODAL, ALL_OF(modals)},
    {FUTURE, ALL_OF(futures)},
    {MENTION, ALL_OF(mentions)},
    {SPLIT, ALL_OF(splits)},
    {COPULA, ALL_OF(copulas)},
    {PART, ALL_OF(parts)},
    {ALL, ALL_OF(alls)},
    {OF, ALL_OF(ofs)},
    {PERCENT, ALL_OF(percents)},
    {FOLLOWER, ALL_OF(followers)},
};

/* The next word behind `at` with nothing but blanks before it; token_count when there is none. */
static uint32_t next_word(const prose *p, uint32_t at) {
    do at++;
    while (at < p->token_count && p->tokens[at].kind == PROSE_WRAP);
    return at < p->token_count && p->tokens[at].kind == PROSE_WORD ? at : p->token_count;
}

/* How many tokens the phrase spans that begins with token `at`; 0: another one stands there. */
static uint32_t phrase_at(const prose *p, uint32_t at, const char *phrase) {
    for (uint32_t i = at; i < p->token_count; i = next_word(p, i)) {
        size_t size = strcspn(phrase, " ");
        if (!prose_token_is(p, &p->tokens[i], phrase, size)) return 0;
        if (!phrase[size]) return i + 1 - at;
        phrase += size + 1;
    }
    return 0;
}

/* Whether a word is made of another and an ending behind an apostrophe, whichever kind of that was typed:
 * "is" + "n't". `last` is what the first part has to end with. */
static bool has_ending(const prose *p, const prose_token *t, const char *last, const char *ending) {
    static const char *const apostrophes[] = {"'", "’", "‘", "´", "`", "ʼ", "′", "＇"};
    for (size_t i = 0; i < sizeof apostrophes / sizeof *apostrophes; i++) {
        size_t l = strlen(last), a = strlen(apostrophes[i]), e = strlen(ending);
        const char *end = p->text + t->end;
        if (t->end - t->begin <= l + a + e || memcmp(end - e, ending, e) != 0) continue;
        if (!memcmp(end - e - a, apostrophes[i], a) && !memcmp(end - e - a - l, last, l)) return true;
    }
    return false;
}

void confirmation_give_meanings(prose *p) {
    for (uint32_t at = 0, span; at < p->token_count; at += span) {
        prose_token *t = &p->tokens[at];
        span = 1;
        if (t->kind == PROSE_CROSS) t->meaning = NEGATION;
        if (t->kind != PROSE_WORD) continue;
        if (has_ending(p, t, "n", "t")) t->meaning = NEGATION;
        if (has_ending(p, t, "", "ll") || has_ending(p, t, "", "d")) t->meaning = FUTURE;
        for (const meaning_of *m = meanings; m < meanings + sizeof meanings / sizeof *meanings; m++)
            for (size_t i = 0; i < m->count; i++) {
                if (m->phrases[i][0] != p->text[t->begin]) continue;
                uint32_t tokens = phrase_at(p, at, m->phrases[i]);
                if (tokens < span || tokens == 0) continue;
                t->meaning = (tokens > span ? 0 : t->meaning) | m->meaning;
                span = tokens;
            }
        for (uint32_t i = 1; i < span; i++) p->tokens[at + i].meaning = CONTINUED;
    }
}
