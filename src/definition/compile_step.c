/* One step: the properties that all steps have, and then those of its type, a function for each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/text.h"
#include "definition/compile.h"
#include "definition/schema.h"

#include <string.h>

/* What a function for one type gets: the step's node and the scope of its definition. */
typedef struct step_part {
    const node *node;
    const expression_scope *scope;
    const step_context *context;
} step_part;

static bool read_boolean(const node *n, bool otherwise) {
    return n && n->kind == NODE_BOOLEAN ? n->boolean : otherwise;
}

/* The index of a string among the words; 0 when it is none of them. */
static unsigned read_word(const node *n, const char *const *words, unsigned count) {
    const char *text = node_text(n);
    for (unsigned i = 0; text && i < count; i++)
        if (strcmp(text, words[i]) == 0) return i;
    return 0;
}

static node *object_of(const node *owner, const char *key) {
    node *n = node_get(owner, key);
    return n && n->kind == NODE_OBJECT ? n : NULL;
}

/* ---- Variables ---- */

static bool is_identifier(const char *text) {
    if (!*text || (*text >= '0' && *text <= '9')) return false;
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || *text == '_' ||
              (*text >= '0' && *text <= '9')))
            return false;
    return true;
}

/* The name of a variable that a step declares. */
static const char *read_variable(compiler *c, const node *n, const char *otherwise) {
    static const char *const reserved[] = {"context", "input",    "output",  "secrets", "authorization",
                                           "task",    "workflow", "runtime", "ENV",     "__loc__"};
    const char *name = node_text(n);
    if (!name || !*name) return otherwise;
    if (!is_identifier(name) || strlen(name) > LIMIT_NAME_BYTES) {
        compile_problem(c, n, "'%.80s' cannot name a variable: use letters, digits and '_', no '$'", name);
        return otherwise;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0) {
            compile_problem(c, n, "'%s' cannot name a variable: $%s has a meaning of its own", name, name);
            return otherwise;
        }
    return compile_copy(c, name);
}

/* ---- Sequences within steps ---- */

static void compile_body(compiler *c, step *s, const node *list, const char *path, sequence *out,
                         const expression_scope *scope, bool branches) {
    buffer reference = {0};
    buffer_printf(&reference, "%s/%s", s->reference, path);
    if (buffer_failed(&reference))
        c->no_memory = true;
    else
        compile_sequence(c, list, s, buffer_text(&reference), out, scope, branches);
    buffer_done(&reference);
}

static void compile_do(compiler *c, step *s, const step_part *p) {
    compile_body(c, s, node_get(p->node, "do"), "do", &s->u.do_, p->context->scope, false);
}

static void compile_for(compiler *c, step *s, const step_part *p) {
    step_for *f = &s->u.for_;
    const node *loop = node_get(p->node, "for");
    f->each = read_variable(c, node_get(loop, "each"), "item");
    f->at = read_variable(c, node_get(loop, "at"), "index");
    if (f->each && f->at && strcmp(f->each, f->at) == 0)
        compile_problem(c, node_get(loop, "at") ? node_get(loop, "at") : node_get(loop, "each"),
                        "'each' and 'at' need different names");
    f->in = compile_transformation(c, node_get(loop, "in"), p->scope);
    expression_scope with_each = compile_scope_with(c, p->scope, f->each);
    expression_scope scope = compile_scope_with(c, &with_each, f->at);
    f->while_ = compile_condition(c, node_get(p->node, "while"), &scope);
    compile_body(c, s, node_get(p->node, "do"), "do", &f->body, &scope, false);
}

static void compile_fork(compiler *c, step *s, const step_part *p) {
    const node *fork = node_get(p->node, "fork");
    s->u.fork.compete = read_boolean(node_get(fork, "compete"), false);
    compile_body(c, s, node_get(fork, "branches"), "fork/branches", &s->u.fork.branches, p->context->scope,
                 true);
}

static void compile_switch(compiler *c, step *s, const step_part *p) {
    const node *list = node_get(p->node, "switch");
    if (!list || list->kind != NODE_ARRAY) return;
    step_switch *w = &s->u.switch_;
    w->cases = compile_alloc(c, list->count * sizeof *w->cases + 1);
    bool has_default = false;
    for (size_t i = 0; w->cases && i < list->count; i++) {
        const node *item = list->items[i];
        if (item->kind != NODE_OBJECT || item->count != 1) continue;
        const node_member *m = &item->members[0];
        if (m->value->kind != NODE_OBJECT) continue;
        const node *when = node_get(m->value, "when");
        if (!when && has_default) {
            problems_add(c->found, BATON_ERROR_INVALID, (place){c->document->file, m->line, m->column},
                         "a 'switch' has only one case without 'when'");
            continue;
        }
        has_default = has_default || !when;
        w->cases[w->count++] = (switch_case){
            .name = compile_copy(c, m->key),
            .when = compile_condition(c, when, p->scope),
            .then = compile_flow(c, node_get(m->value, "then"), p->context->siblings),
        };
    }
}

/* ---- Errors ---- */

static void compile_raise(compiler *c, step *s, const step_part *p) {
    node *error = node_get(node_get(p->node, "raise"), "error");
    if (node_text(error)) error = compile_use(c, "errors", error);
    s->u.raise = (error_definition){
        .type = compile_template(c, node_get(error, "type"), p->scope),
        .status = compile_template(c, node_get(error, "status"), p->scope),
        .title = compile_template(c, node_get(error, "title"), p->scope),
        .detail = compile_template(c, node_get(error, "detail"), p->scope),
        .instance = compile_template(c, node_get(error, "instance"), p->scope),
    };
}

static const retry_policy *compile_retry(compiler *c, node *n, const expression_scope *scope,
                                         const expression_scope *with_error) {
    if (node_text(n)) n = compile_use(c, "retries", n);
    if (!n || n->kind != NODE_OBJECT) return NULL;
    retry_policy *r = compile_alloc(c, sizeof *r);
    if (!r) return NULL;
    const node *limit = node_get(n, "limit"), *attempt = node_get(limit, "attempt");
    const node *count = node_get(attempt, "count"), *jitter = node_get(n, "jitter");
    const node *back = node_get(n, "backoff");
    *r = (retry_policy){
        .when = compile_condition(c, node_get(n, "when"), with_error),
        .except_when = compile_condition(c, node_get(n, "exceptWhen"), with_error),
        .delay = compile_duration(c, node_get(n, "delay"), scope),
        .backoff = node_get(back, "exponential") ? BACKOFF_EXPONENTIAL
                   : node_get(back, "linear")    ? BACKOFF_LINEAR
                                                 : BACKOFF_CONSTANT,
        .max_attempts = count && count->kind == NODE_NUMBER ? (int64_t)count->number : -1,
        .attempt_duration = compile_duration(c, node_get(attempt, "duration"), scope),
        .total_duration = compile_duration(c, node_get(limit, "duration"), scope),
        .jitter_from = compile_duration(c, node_get(jitter, "from"), scope),
        .jitter_to = compile_duration(c, node_get(jitter, "to"), scope),
    };
    return r;
}

static void compile_try(compiler *c, step *s, const step_part *p) {
    step_try *t = &s->u.try_;
    const node *catch = node_get(p->node, "catch");
    compile_body(c, s, node_get(p->node, "try"), "try", &t->body, p->context->scope, false);
    t->errors_with = compile_template(c, object_of(node_get(catch, "errors"), "with"), p->scope);
    t->as = read_variable(c, node_get(catch, "as"), "error");
    expression_scope with_error = compile_scope_with(c, p->scope, t->as);
    t->when = compile_condition(c, node_get(catch, "when"), &with_error);
    t->except_when = compile_condition(c, node_get(catch, "exceptWhen"), &with_error);
    t->retry = compile_retry(c, node_get(catch, "retry"), p->scope, &with_error);
    const node *handler = node_get(catch, "do"), *then = node_get(catch, "then");
    t->has_handler = handler != NULL;
    t->has_then = then != NULL;
    t->then = compile_flow(c, then, p->context->siblings);
    compile_body(c, s, handler, "catch/do", &t->handler, &with_error, false);
}

/* ---- Effects ---- */

static void compile_wait(compiler *c, step *s, const step_part *p) {
    const duration *d = compile_duration(c, node_get(p->node, "wait"), p->scope);
    if (d) s->u.wait = *d;
    c->workflow->has_wait = true;
}

static void compile_run(compiler *c, step *s, const step_part *p) {
    static const char *const returns[] = {"stdout", "stderr", "code", "all", "none"};
    const node *run = node_get(p->node, "run");
    const node *script = node_get(run, "script"), *shell = node_get(run, "shell");
    if (!shell && !node_get(script, "code")) {
        s->kind = STEP_UNSUPPORTED; /* a container, a workflow, a script from elsewhere */
        return;
    }
    const node *process = script ? script : shell;
    const char *language = node_text(node_get(script, "language"));
    s->u.run = (step_run){
        .interpreter = !script                                       ? NULL
                       : language && strcmp(language, "python") == 0 ? "python3"
                                                                     : "node",
        .command = script ? compile_literal(c, node_get(script, "code"))
                          : compile_shell_command(c, node_get(shell, "command"), p->scope),
        .arguments = compile_template(c, node_get(process, "arguments"), p->scope),
        .environment = compile_template(c, node_get(process, "environment"), p->scope),
        .input = compile_template(c, node_get(process, "stdin"), p->scope),
        .await = read_boolean(node_get(run, "await"), true),
        .result = read_word(node_get(run, "return"), returns, 5),
    };
}

static authentication compile_authentication(compiler *c, const node *n, const expression_scope *scope) {
    const node *name = node_get(n, "use");
    if (name) n = node_text(name) ? compile_use(c, "authentications", name) : NULL;
    static const char *const keys[] = {"", "basic", "bearer", "digest"};
    authentication a = {.kind = AUTH_NONE};
    for (unsigned kind = AUTH_BASIC; kind <= AUTH_DIGEST; kind++) {
        const node *policy = object_of(n, keys[kind]);
        if (!policy) continue;
        a.kind = (auth_kind)kind;
        a.token = compile_template(c, node_get(policy, "token"), scope);
        a.username = compile_template(c, node_get(policy, "username"), scope);
        a.password = compile_template(c, node_get(policy, "password"), scope);
        break;
    }
    return a;
}

static void compile_http(compiler *c, step *s, const node *with, const step_part *p) {
    static const char *const outputs[] = {"content", "raw", "response"};
    node *endpoint = node_get(with, "endpoint");
    const node *policy = NULL;
    if (endpoint && endpoint->kind == NODE_OBJECT) {
        policy = node_get(endpoint, "authentication");
        endpoint = node_get(endpoint, "uri");
    }
    const char *uri = node_text(endpoint);
    /* $authorization is made from the authentication, so that cannot use it. */
    expression_scope unauthorized = *p->scope;
    unauthorized.arguments &= ~ARGUMENT(AUTHORIZATION);
    s->kind = STEP_HTTP;
    s->u.http = (step_http){
        .method = compile_template(c, node_get(with, "method"), p->scope),
        .uri = compile_template(c, endpoint, p->scope),
        .uri_is_template = uri && !strstr(uri, "${"),
        .headers = compile_template(c, node_get(with, "headers"), p->scope),
        .query = compile_template(c, node_get(with, "query"), p->scope),
        .body = compile_template(c, node_get(with, "body"), p->scope),
        .authentication = compile_authentication(c, policy, &unauthorized),
        .output = read_word(node_get(with, "output"), outputs, 3),
        .redirect = read_boolean(node_get(with, "redirect"), false),
    };
}

/* ---- Calls ---- */

static void add_unknown_function(compiler *c, const node *call) {
    enum { MAX_NAMES = 1000 };
    const char *names[MAX_NAMES + 1];
    size_t count = 0;
    for (; count < c->function_count && count < MAX_NAMES; count++) names[count] = c->functions[count].name;
    const char *registered = registry_nearest(c->workflow->registry, call->text);
    if (registered) names[count++] = registered;
    for (const dsl_property *p = dsl_calls; p->name && count < MAX_NAMES; p++) names[count++] = p->name;
    const char *nearest = text_nearest(call->text, names, count);
    if (nearest)
        compile_problem(c, call, "unknown function '%.80s' (did you mean '%s'?)", call->text, nearest);
    else
        compile_problem(c, call, "unknown function '%.80s'", call->text);
}

static void compile_call(compiler *c, step *s, const step_part *p) {
    const node *call = node_get(p->node, "call");
    node *with = object_of(p->node, "with");
    const char *name = node_text(call);
    s->kind = STEP_UNSUPPORTED;
    if (!name || !*name) return;
    const dsl_property *protocol = dsl_property_find(dsl_calls, name);
    if (protocol) {
        if (!protocol->unsupported) compile_http(c, s, with, p);
        return;
    }
    const function *f = compile_function_find(c, name);
    const baton_step_type *type =
        f || !c->workflow->registry ? NULL : baton_registry_find(c->workflow->registry, name);
    if (f) {
        s->kind = STEP_CALL;
        s->u.call = (step_call){.function = f->step, .with = compile_template(c, with, p->scope)};
        compile_remember_call(c, f, call);
    } else if (type) {
        s->kind = STEP_FUNCTION;
        s->u.function = (step_function){
            .type = type, .with = compile_template(c, with, p->scope), .arguments = baton_value_null()};
    } else if (!strchr(name, '@') && !strstr(name, "://")) {
        add_unknown_function(c, call);
    }
}

/* ---- All ---- */

static void compile_set(compiler *c, step *s, const step_part *p) {
    s->u.set = compile_template(c, node_get(p->node, "set"), p->scope);
}

static void compile_unsupported(compiler *c, step *s, const step_part *p) {
    (void)s;
    if (node_get(p->node, "listen")) c->workflow->has_wait = true;
}

typedef void (*compile_function)(compiler *c, step *s, const step_part *p);

static const compile_function functions[STEP_KINDS] = {
    [STEP_DO] = compile_do,
    [STEP_SET] = compile_set,
    [STEP_SWITCH] = compile_switch,
    [STEP_FOR] = compile_for,
    [STEP_FORK] = compile_fork,
    [STEP_RAISE] = compile_raise,
    [STEP_TRY] = compile_try,
    [STEP_WAIT] = compile_wait,
    [STEP_RUN] = compile_run,
    [STEP_CALL] = compile_call,
    [STEP_UNSUPPORTED] = compile_unsupported,
};

static bool is_http(const node *n) {
    const char *call = node_text(node_get(n, "call"));
    return call && strcmp(call, "http") == 0;
}

void compile_step(compiler *c, step *s, const node *n, const step_context *context) {
    const dsl_step *type = dsl_step_find(n);
    s->kind = type ? type->kind : STEP_UNSUPPORTED;
    expression_scope scope = *context->scope;
    scope.arguments = RAW_STEP_ARGUMENTS | c->secrets;
    const node *input = node_get(n, "input"), *output = node_get(n, "output"),
               *export = node_get(n, "export");
    s->if_ = compile_condition(c, node_get(n, "if"), &scope);
    s->input_schema = compile_schema(c, input);
    s->input_from = compile_transformation(c, node_get(input, "from"), &scope);
    s->timeout = compile_timeout(c, node_get(n, "timeout"), &scope);
    scope.arguments = DEFINITION_ARGUMENTS | c->secrets | (is_http(n) ? ARGUMENT(AUTHORIZATION) : 0);
    s->output_schema = compile_schema(c, output);
    s->output_as = compile_transformation(c, node_get(output, "as"), &scope);
    expression_scope after = scope;
    after.arguments |= ARGUMENT(OUTPUT);
    s->export_schema = compile_schema(c, export);
    s->export_as = compile_transformation(c, node_get(export, "as"), &after);
    s->then = compile_flow(c, node_get(n, "then"), context->siblings);
    const char *interrupted =
        node_text(node_get(object_of(object_of(n, "metadata"), "baton"), "interrupted"));
    s->interrupted_faults = interrupted && strcmp(interrupted, "fault") == 0;
    s->plain = !s->if_ && !s->input_schema && !s->input_from && !s->timeout && !s->output_schema &&
               !s->output_as && !s->export_schema && !s->export_as && s->then.kind == FLOW_CONTINUE &&
               !s->interrupted_faults;
    functions[s->kind](c, s, &(step_part){n, &scope, context});
}
