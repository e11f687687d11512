/* What the files that read a task document share: document.c (columns), document_sections.c (which section
 * is which), document_fields.c (single values), document_metadata.c (all the rest).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_DOCUMENT_PARTS_H
#define BATON_SERVICE_DOCUMENT_PARTS_H

#include "base/value.h"
#include "service/document/document.h"
#include "service/document/markdown.h"

enum { DOCUMENT_KEY_BYTES = 64, DOCUMENT_PROBLEMS_MOST = 100 };

/* What a section is, by its title; those below it that have no known title are the same. */
typedef enum document_role {
    ROLE_NONE,
    ROLE_OVERVIEW,     /* 1. Project Overview */
    ROLE_TOP,          /* front matter and what stands below the title, where there is an overview, too */
    ROLE_DEPENDENCIES, /* Dependencies; its first entry is then a field with all of them */
    ROLE_REQUIREMENTS, /* 2. Technical Requirements */
    ROLE_CREATE,       /* Files to Create */
    ROLE_MODIFY,
    ROLE_DELETE,
    ROLE_PHASES, /* 4. Implementation Phases */
    ROLE_PHASE,
    ROLE_CRITERIA,   /* Success Criteria */
    ROLE_FIELDS,     /* 11. AI Auto-Implementation Instructions, and there: Task Database Fields */
    ROLE_CONTEXT,    /* AI Execution Context */
    ROLE_INDICATORS, /* Success Indicators */
    ROLE_MAPPING     /* Database Task Creation Instructions */
} document_role;

/* The values that columns may come from. */
typedef enum document_said {
    SAID_FEATURE,
    SAID_PRIORITY,
    SAID_TIME,
    SAID_DEPENDENCIES,
    SAID_ISSUES,
    SAID_TYPE,
    SAID_CATEGORY,
    SAID_STATUS,
    SAID_SOURCE_PATH,
    SAID_COUNT
} document_said;

typedef struct document_value {
    int line;         /* 0: not there at all */
    const char *text; /* NULL: it says nothing, and that was told */
} document_value;

typedef struct document_reader {
    task_document *d;
    markdown outline;
    document_value said[SAID_COUNT];
    baton_value requirements; /* {snake_case key: text} */
    baton_value mapping;      /* of the SQL; invalid: none */
    int mapping_line;
    size_t problem_capacity, problems_dropped;
    bool no_memory; /* checked at the end: until then texts without memory are "" */
} document_reader;

void document_tell(document_reader *r, document_severity severity, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "" and a note for the end when an allocation failed. */
const char *document_text(document_reader *r, const char *text);
/* A warning of an error that stands within a block whose text begins at `line`; no memory is noted instead.
 * Frees the error. */
void document_tell_error(document_reader *r, int line, const char *what, baton_error *error);
/* A text short enough for a message, whole characters of it. */
const char *document_shown(document_reader *r, const char *text);

/* A role for every section; lists that stand for one value become fields. */
void document_assign_roles(document_reader *r);
bool document_is_phase_title(const char *title);
/* True of a title that may be the task's: it is neither a known section's nor a placeholder. */
bool document_is_own_title(const char *title);

/* True of a key, or a title as a key, that says what the task depends on. */
bool document_is_dependencies(const char *key);
/* The value of a field that is prose; NULL, and a warning was given, when it says nothing. */
const char *document_prose(document_reader *r, const markdown_entry *e);
/* Fills r->said and r->requirements; {key: text} of what else the overview says. */
baton_value document_read_overview(document_reader *r);
void document_read_requirements(document_reader *r);
/* {key: value} of the task's database fields. */
baton_value document_read_task_fields(document_reader *r);
/* The execution context; an empty object when there is none. */
baton_value document_read_context(document_reader *r);

/* How far the document says that the work is, in its own words; NULL: it does not. *completed when that is
 * all of it. */
document_value document_status(document_reader *r, bool *completed);

/* Everything that is no column. Given. */
baton_value document_read_metadata(document_reader *r);

/* Fills type and category from r->requirements and the title, where they are not known. */
void document_derive(document_reader *r);

#endif
