/* Type and category of a document that does not name them, from its title and its technical requirements
 * (the seed: "Derived from Technical Requirements"). What is found so is told, with the word it came from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/document_parts.h"
#include "service/document/document_words.h"

#include <string.h>

typedef struct kind {
    const char *type, *words;
    bool title_only; /* such words stand in the requirements of all kinds of tasks */
} kind;

/* The first that fits. */
static const kind kinds[] = {
    {"bugfix", "fix fixes fixing bug bugs bugfix bugfixes hotfix", false},
    {"refactoring", "refactor*", false},
    {"testing", "test tests testing", false},
    {"documentation", "documentation docs", false},
    {"analysis", "analysis analyze analyse audit", false},
    {"security", "security vulnerability vulnerabilities", false},
    {"deployment", "deployment deploy release", false},
    {"optimization", "optimization optimisation optimize optimise performance", true},
};

/* Where words may stand, and how that is called. */
static const char *const sources[][2] = {{"architecture_pattern", "Architecture Pattern"},
                                         {"backend_changes", "Backend Changes"},
                                         {"frontend_changes", "Frontend Changes"},
                                         {"database_changes", "Database Changes"},
                                         {"api_changes", "API Changes"}};
enum { SOURCES = sizeof sources / sizeof *sources };

/* What the requirements say under a key; NULL when that is nothing, or "None". */
static const char *change(const document_reader *r, const char *key) {
    const char *text = value_get_text(r->requirements, key);
    return text && !words_are_none(text) ? text : NULL;
}

static bool find_type(document_reader *r, const char *text, const char *where, bool title) {
    const char *found;
    size_t size;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((kinds[i].title_only && !title) || !words_have(text, kinds[i].words, &found, &size)) continue;
        r->d->type = kinds[i].type;
        document_tell(r, DOCUMENT_NOTE, 0, "type '%s' is derived from '%.*s' in %s", kinds[i].type,
                      (int)size, found, where);
        return true;
    }
    return false;
}

static void derive_type(document_reader *r) {
    if (r->d->title && find_type(r, r->d->title, "the title", true)) return;
    bool changes = false;
    for (size_t i = 0; i < SOURCES; i++) {
        const char *text = change(r, sources[i][0]);
        if (text && find_type(r, text, sources[i][1], false)) return;
        changes |= text && i > 0;
    }
    if (!changes) return;
    r->d->type = "feature";
    document_tell(r, DOCUMENT_NOTE, 0, "type 'feature' is derived from the changes that it declares");
}

static void derive_category(document_reader *r) {
    bool backend = change(r, "backend_changes"), frontend = change(r, "frontend_changes");
    bool database = change(r, "database_changes"), api = change(r, "api_changes");
    const char *category = frontend && (backend || database || api) ? "fullstack"
                           : frontend                               ? "frontend"
                           : backend || (database && api)           ? "backend"
                           : database                               ? "database"
                           : api                                    ? "api"
                                                                    : NULL;
    if (!category) return;
    r->d->category = category;
    document_tell(r, DOCUMENT_NOTE, 0, "category '%s' is derived from the changes that it declares",
                  category);
}

void document_derive(document_reader *r) {
    if (!r->d->type) derive_type(r);
    if (!r->d->category) derive_category(r);
}
