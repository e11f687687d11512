/* JSON Schema: what fits, what does not and how that is told, and which schemas are refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "definition/json_schema.h"
#include "definition/pattern.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* JSON with ' for ", so that tests can be read; a real ' is written as `. */
static baton_value parse(const char *json) {
    char *text = strdup(json);
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
        else if (*p == '`')
            *p = '\'';
    baton_error *err = NULL;
    baton_value value = baton_value_parse(text, strlen(text), &err);
    if (err) fail_msg("%s: %s", text, baton_error_message(err));
    free(text);
    return value;
}

static json_schema *compile(const char *json) {
    baton_error *err = NULL;
    baton_value document = parse(json);
    json_schema *schema = json_schema_new(document, &err);
    baton_value_unref(document);
    if (!schema) fail_msg("%s: %s", json, baton_error_message(err));
    assert_null(err);
    return schema;
}

typedef struct example {
    const char *schema;
    const char *value;
    const char *message; /* NULL: it fits */
} example;

static void check_example(const example *e) {
    json_schema *schema = compile(e->schema);
    baton_value value = parse(e->value);
    baton_error *err = NULL;
    int rc = json_schema_check(schema, value, &err);
    if (rc != (e->message ? -1 : 0) || json_schema_check(schema, value, NULL) != rc)
        fail_msg("%s of %s: %d %s", e->schema, e->value, rc, err ? baton_error_message(err) : "");
    if (rc) {
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_INVALID);
        assert_string_equal(baton_error_message(err), e->message);
        baton_error_free(err);
    } else
        assert_null(err);
    baton_value_unref(value);
    json_schema_free(schema);
}

#define CHECK(...)                                                                                   \
    do {                                                                                             \
        static const example examples[] = {__VA_ARGS__};                                             \
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) check_example(&examples[i]); \
    } while (0)

static void types(void **state) {
    (void)state;
    CHECK({"true", "1", NULL}, {"false", "1", "is not allowed"}, {"{}", "[{}]", NULL},
          {"{'type':'null'}", "null", NULL}, {"{'type':'null'}", "0", "must be null"},
          {"{'type':'boolean'}", "true", NULL}, {"{'type':'boolean'}", "null", "must be true or false"},
          {"{'type':'number'}", "1.5", NULL}, {"{'type':'number'}", "'1'", "must be a number"},
          {"{'type':'string'}", "''", NULL}, {"{'type':'string'}", "[]", "must be a string"},
          {"{'type':'array'}", "[]", NULL}, {"{'type':'array'}", "{}", "must be an array"},
          {"{'type':'object'}", "{}", NULL}, {"{'type':'object'}", "[]", "must be an object"},
          {"{'type':'integer'}", "1", NULL}, {"{'type':'integer'}", "1.0", NULL},
          {"{'type':'integer'}", "1.5", "must be an integer"},
          {"{'type':'integer'}", "'a'", "must be an integer"},
          {"{'type':['integer','string','null']}", "null", NULL},
          {"{'type':['integer','string','null']}", "1.5", "must be null or an integer or a string"},
          {"{'type':['integer','number']}", "1.5", NULL});
}

static void enums(void **state) {
    (void)state;
    CHECK({"{'enum':[1,'a',{'x':[null]}]}", "1.0", NULL},
          {"{'enum':[1,'a',{'x':[null]}]}", "{'x':[null]}", NULL},
          {"{'enum':[1,'a']}", "'b'", "must be one of [1,\"a\"]"},
          {"{'enum':[]}", "1", "must be one of []"}, {"{'const':null}", "null", NULL},
          {"{'const':null}", "false", "must be null"}, {"{'const':[1,2]}", "[2,1]", "must be [1,2]"},
          {"{'const':{'a':1,'b':2}}", "{'b':2,'a':1}", NULL}, {"{'const':'x'}", "'y'", "must be \"x\""},
          {"{'const':0}", "false", "must be 0"});
    char schema[600] = "{'const':'", tail[] = "'}";
    memset(schema + 10, 'x', 300);
    memcpy(schema + 310, tail, sizeof tail);
    check_example(&(example){schema, "1", "is not what the schema allows here"});
}

static void numbers(void **state) {
    (void)state;
    CHECK({"{'minimum':3}", "3", NULL}, {"{'minimum':3}", "2.5", "must be at least 3"},
          {"{'maximum':3}", "3", NULL}, {"{'maximum':0.1}", "0.2", "must be at most 0.1"},
          {"{'exclusiveMinimum':3}", "3.1", NULL}, {"{'exclusiveMinimum':3}", "3", "must be above 3"},
          {"{'exclusiveMaximum':3}", "2", NULL}, {"{'exclusiveMaximum':3}", "3", "must be below 3"},
          {"{'multipleOf':2}", "10", NULL}, {"{'multipleOf':2}", "0", NULL},
          {"{'multipleOf':2}", "-4", NULL}, {"{'multipleOf':2}", "7", "must be a multiple of 2"},
          {"{'multipleOf':2}", "9007199254740991", "must be a multiple of 2"},
          {"{'multipleOf':0.0001}", "0.0075", NULL},
          {"{'multipleOf':0.0001}", "0.00751", "must be a multiple of 0.0001"},
          {"{'multipleOf':0.01}", "19.99", NULL}, {"{'multipleOf':0.5}", "1e308", NULL},
          {"{'multipleOf':0.123456789}", "1e308", "must be a multiple of 0.123456789"},
          {"{'minimum':3,'multipleOf':2}", "'text'", NULL});
}

static void strings(void **state) {
    (void)state;
    CHECK({"{'minLength':2}", "'ab'", NULL}, {"{'minLength':2}", "'a'", "must have at least 2 characters"},
          {"{'minLength':1}", "''", "must have at least 1 character"}, {"{'maxLength':2.0}", "'ab'", NULL},
          {"{'maxLength':1}", "'ab'", "must have at most 1 character"},
          {"{'maxLength':2}", "'\\u20ac\\ud83d\\ude00'", NULL},
          {"{'minLength':3}", "'\\u20ac\\ud83d\\ude00'", "must have at least 3 characters"},
          {"{'minLength':3}", "1", NULL}, {"{'pattern':'b+'}", "'abbc'", NULL},
          {"{'pattern':'^b'}", "'ab'", "must match the pattern '^b'"}, {"{'pattern':'^b'}", "7", NULL},
          {"{'format':'email'}", "'nonsense'", NULL});
}

static void arrays(void **state) {
    (void)state;
    CHECK({"{'items':{'type':'string'}}", "['a','b']", NULL},
          {"{'items':{'type':'string'}}", "{'0':1}", NULL},
          {"{'items':{'type':'string'}}", "['a',1]", "/1: must be a string"},
          {"{'items':true}", "[1]", NULL}, {"{'items':false}", "[]", NULL},
          {"{'items':false}", "[1]", "/0: is not allowed"},
          {"{'prefixItems':[{'type':'string'},{'type':'number'}]}", "['a',1,null]", NULL},
          {"{'prefixItems':[{'type':'string'},{'type':'number'}]}", "['a']", NULL},
          {"{'prefixItems':[{'type':'string'},{'type':'number'}]}", "['a','b']", "/1: must be a number"},
          {"{'prefixItems':[true],'items':{'type':'null'}}", "[1,null]", NULL},
          {"{'prefixItems':[true],'items':false}", "[1,2]", "/1: is not allowed"},
          {"{'minItems':1}", "[1]", NULL}, {"{'minItems':1}", "[]", "must have at least 1 item"},
          {"{'maxItems':2}", "[1,2]", NULL}, {"{'maxItems':2}", "[1,2,3]", "must have at most 2 items"});
}

static void contains(void **state) {
    (void)state;
    CHECK({"{'contains':{'const':1}}", "[0,1]", NULL},
          {"{'contains':{'const':1}}", "[0]",
           "must have at least 1 item of the kind that `contains` describes"},
          {"{'contains':{'const':1}}", "[]",
           "must have at least 1 item of the kind that `contains` describes"},
          {"{'contains':{'const':1},'minContains':0}", "[]", NULL},
          {"{'contains':{'const':1},'minContains':2}", "[1,1]", NULL},
          {"{'contains':{'const':1},'minContains':2}", "[1]",
           "must have at least 2 items of the kind that `contains` describes"},
          {"{'contains':{'const':1},'maxContains':1}", "[1,0,0]", NULL},
          {"{'contains':{'const':1},'maxContains':1}", "[1,0,1]",
           "must have at most 1 item of the kind that `contains` describes"},
          {"{'minContains':5,'maxContains':0}", "[1]", NULL});
}

static void unique_items(void **state) {
    (void)state;
    CHECK(
        {"{'uniqueItems':true}", "[]", NULL},
        {"{'uniqueItems':true}", "[1,true,'1',null,[1],{'a':1},0,false]", NULL},
        {"{'uniqueItems':true}", "[1,2,1.0]", "must not have the same item twice (items 0 and 2)"},
        {"{'uniqueItems':true}", "[0,-0.0]", "must not have the same item twice (items 0 and 1)"},
        {"{'uniqueItems':true}", "['a','b','b','a']", "must not have the same item twice (items 0 and 3)"},
        {"{'uniqueItems':true}", "[{'a':1,'b':[2]},{'b':[2],'a':1}]",
         "must not have the same item twice (items 0 and 1)"},
        {"{'uniqueItems':true}", "[[1,2],[2,1]]", NULL},
        {"{'uniqueItems':true}", "[{'a':'b'},{'b':'a'}]", NULL},
        {"{'uniqueItems':true}", "[true,true]", "must not have the same item twice (items 0 and 1)"},
        {"{'uniqueItems':true}", "[null,null]", "must not have the same item twice (items 0 and 1)"},
        {"{'uniqueItems':false}", "[1,1]", NULL});
}

/* Many items take no more time for each. */
static void unique_items_of_long_arrays(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    json_schema *schema = compile("{'uniqueItems':true}");
    baton_value array = baton_value_array();
    for (int i = 0; i < COUNT; i++)
        array = baton_value_append(array, value_set_number(baton_value_object(), "id", i));
    assert_int_equal(json_schema_check(schema, array, NULL), 0);
    array = baton_value_append(array, value_set_number(baton_value_object(), "id", 77));
    baton_error *err = NULL;
    assert_int_equal(json_schema_check(schema, array, &err), -1);
    assert_string_equal(baton_error_message(err),
                        "must not have the same item twice (items 77 and 100000)");
    baton_error_free(err);
    baton_value_unref(array);
    json_schema_free(schema);
}

static void properties(void **state) {
    (void)state;
    CHECK(
        {"{'properties':{'a':{'type':'string'}}}", "{'a':'x','b':1}", NULL},
        {"{'properties':{'a':{'type':'string'}}}", "{}", NULL},
        {"{'properties':{'a':{'type':'string'}}}", "[1]", NULL},
        {"{'properties':{'order':{'properties':{'id':{'type':'string'}}}}}", "{'order':{'id':5}}",
         "/order/id: must be a string"},
        {"{'properties':{'a/b~c':false}}", "{'a/b~c':1}", "/a~1b~0c: is not allowed"},
        {"{'properties':{'l':{'items':{'properties':{'x':false}}}}}", "{'l':[{},{'x':1}]}",
         "/l/1/x: is not allowed"},
        {"{'additionalProperties':false}", "{'a':1}", "/a: is not allowed"},
        {"{'additionalProperties':false,'properties':{'a':true}}", "{'a':1}", NULL},
        {"{'additionalProperties':{'type':'null'},'properties':{'a':true}}", "{'a':1,'b':null}", NULL},
        {"{'additionalProperties':{'type':'null'},'required':['b']}", "{'b':1}", "/b: must be null"},
        {"{'patternProperties':{'^n':{'type':'number'},'s$':{'minimum':5}}}", "{'ns':7,'x':'y'}", NULL},
        {"{'patternProperties':{'^n':{'type':'number'},'s$':{'minimum':5}}}", "{'ns':1}",
         "/ns: must be at least 5"},
        {"{'patternProperties':{'^n':true},'additionalProperties':false}", "{'n':1}", NULL},
        {"{'patternProperties':{'^n':true},'additionalProperties':false}", "{'m':1}", "/m: is not allowed"},
        {"{'patternProperties':{'^n':{'type':'null'}},'properties':{'n':true}}", "{'n':1}",
         "/n: must be null"},
        {"{'minProperties':1}", "{'a':1}", NULL},
        {"{'minProperties':1}", "{}", "must have at least 1 property"},
        {"{'minProperties':2}", "{}", "must have at least 2 properties"},
        {"{'maxProperties':0}", "{}", NULL},
        {"{'maxProperties':1}", "{'a':1,'b':2}", "must have at most 1 property"},
        {"{'maxProperties':0}", "{'a':1}", "must have at most 0 properties"});
}

static void required(void **state) {
    (void)state;
    CHECK({"{'required':['a','b','a']}", "{'a':null,'b':1}", NULL}, {"{'required':[]}", "{}", NULL},
          {"{'required':['a','b']}", "{'b':1,'c':2}", "must have the property 'a'"},
          {"{'required':['b','a']}", "{'a':1}", "must have the property 'b'"},
          {"{'properties':{'o':{'required':['x']}}}", "{'o':{}}", "/o: must have the property 'x'"},
          {"{'required':['b'],'properties':{'a':true,'b':true,'c':true}}", "{'a':1,'c':1}",
           "must have the property 'b'"},
          {"{'required':['a']}", "'text'", NULL});
}

static void dependents(void **state) {
    (void)state;
    CHECK({"{'dependentRequired':{'card':['name','zip']}}", "{}", NULL},
          {"{'dependentRequired':{'card':['name','zip']}}", "{'card':1,'name':2,'zip':3}", NULL},
          {"{'dependentRequired':{'card':['name','zip']}}", "{'card':1,'name':2}",
           "must have the property 'zip', because it has 'card'"},
          {"{'dependentRequired':{'card':[]}}", "{'card':1}", NULL},
          {"{'dependentSchemas':{'card':{'required':['name']}}}", "{'name':1}", NULL},
          {"{'dependentSchemas':{'card':{'required':['name']}}}", "{'card':1}",
           "must have the property 'name'"},
          {"{'dependentSchemas':{'a':{'maxProperties':1}},'dependentRequired':{'a':['b']},'properties':{'a'"
           ":true},"
           "'required':['a']}",
           "{'a':1,'b':1}", "must have at most 1 property"},
          {"{'dependentSchemas':{'a':false}}", "{'b':1}", NULL});
}

static void property_names(void **state) {
    (void)state;
    CHECK(
        {"{'propertyNames':{'maxLength':3}}", "{'abc':1}", NULL},
        {"{'propertyNames':{'maxLength':3}}", "{'abcd':1}",
         "/abcd: its name must have at most 3 characters"},
        {"{'propertyNames':{'pattern':'^[a-z]+$'}}", "{'A':1}",
         "/A: its name must match the pattern '^[a-z]+$'"},
        {"{'propertyNames':{'enum':['a','b']}}", "{'b':1}", NULL},
        {"{'propertyNames':{'enum':['a',1]}}", "{'1':1}", "/1: its name must be one of [\"a\",1]"},
        {"{'propertyNames':{'const':'a'}}", "{'b':1}", "/b: its name must be \"a\""},
        {"{'propertyNames':{'type':'string','anyOf':[{'minLength':9},{'maxLength':1}]}}", "{'a':1}", NULL},
        {"{'propertyNames':{'type':'number'}}", "{'a':1}", "/a: its name must be a number"},
        {"{'propertyNames':false}", "{}", NULL},
        {"{'propertyNames':false}", "{'a':1}", "/a: its name is not allowed"});
}

static void combinations(void **state) {
    (void)state;
    CHECK(
        {"{'allOf':[{'minimum':1},{'maximum':2}]}", "1.5", NULL},
        {"{'allOf':[{'minimum':1},{'maximum':2}]}", "3", "must be at most 2"},
        {"{'anyOf':[{'type':'string'},{'minimum':2}]}", "2", NULL},
        {"{'anyOf':[{'type':'string'},{'minimum':2}]}", "1", "fits none of the 2 schemas of anyOf"},
        {"{'oneOf':[{'type':'number'},{'minimum':2}]}", "1", NULL},
        {"{'oneOf':[{'type':'string'},{'minimum':2}]}", "1", "fits none of the 2 schemas of oneOf"},
        {"{'oneOf':[{'type':'string'},{'type':'number'},{'minimum':2},true]}", "2",
         "must fit only one schema of oneOf, but fits numbers 1 and 2"},
        {"{'not':{'type':'string'}}", "1", NULL},
        {"{'not':{'type':'string'}}", "'a'", "must not fit the schema of not"},
        {"{'not':{'not':{'type':'string'}}}", "'a'", NULL},
        {"{'if':{'type':'string'},'then':{'minLength':2},'else':{'minimum':2}}", "'ab'", NULL},
        {"{'if':{'type':'string'},'then':{'minLength':2},'else':{'minimum':2}}", "'a'",
         "must have at least 2 characters"},
        {"{'if':{'type':'string'},'then':{'minLength':2},'else':{'minimum':2}}", "1", "must be at least 2"},
        {"{'if':{'type':'string'},'then':false}", "1", NULL}, {"{'if':false}", "1", NULL},
        {"{'then':false,'else':false}", "1", NULL},
        {"{'anyOf':[{'enum':[1]},{'const':2},{'type':'string'}],'allOf':[true]}", "3",
         "fits none of the 3 schemas of anyOf"});
}

static void references(void **state) {
    (void)state;
    CHECK({"{'$defs':{'id':{'type':'string'}},'properties':{'a':{'$ref':'#/$defs/id'}}}", "{'a':1}",
           "/a: must be a string"},
          {"{'definitions':{'id':{'type':'string'}},'$ref':'#/definitions/id'}", "1", "must be a string"},
          {"{'$ref':'#/$defs/a','maximum':5,'$defs':{'a':{'minimum':3}}}", "9", "must be at most 5"},
          {"{'$ref':'#/$defs/a','maximum':5,'$defs':{'a':{'minimum':3}}}", "1", "must be at least 3"},
          {"{'properties':{'next':{'$ref':'#'},'v':{'type':'number'}}}", "{'next':{'next':{'v':'x'}}}",
           "/next/next/v: must be a number"},
          {"{'properties':{'next':{'$ref':''}},'type':'object'}", "{'next':{'next':1}}",
           "/next/next: must be an object"},
          {"{'$ref':'#here','$defs':{'x':{'$anchor':'here','type':'null'}}}", "1", "must be null"},
          {"{'$ref':'#here','$defs':{'x':{'$dynamicAnchor':'here','type':'null'}}}", "1", "must be null"},
          {"{'$ref':'#/$defs/a~1b~0c','$defs':{'a/b~c':false}}", "1", "is not allowed"},
          {"{'$ref':'#/$defs/a%20%25b','$defs':{'a %b':false}}", "1", "is not allowed"},
          {"{'$ref':'#/$defs/%C3%a4','$defs':{'\\u00e4':false}}", "1", "is not allowed"},
          {"{'$ref':'#/allOf/1','allOf':[true,{'type':'null'}]}", "1", "must be null"},
          {"{'$ref':'#/x-more/list/1','x-more':{'list':[true,{'type':'null'}]}}", "1", "must be null"},
          {"{'allOf':[{'$ref':'#/x-more/a/properties/b'},{'$ref':'#/x-more/a'}],"
           "'x-more':{'a':{'properties':{'b':{'$ref':'#/x-more/c'}}},'c':{'type':'object'}}}",
           "{'b':1}", "/b: must be an object"},
          {"{'$id':'https://example.org/s','$ref':'https://example.org/s#/$defs/a','$defs':{'a':false}}",
           "1", "is not allowed"},
          {"{'$id':'https://example.org/s#','items':{'$ref':'https://example.org/s'},'type':'array'}",
           "[[1]]", "/0/0: must be an array"},
          {"{'$schema':'https://json-schema.org/draft/2020-12/"
           "schema','$comment':'c','title':'t','description':'d',"
           "'default':1,'examples':[],'deprecated':true,'readOnly':true,'writeOnly':true,'contentEncoding':"
           "'e',"
           "'contentMediaType':'m','contentSchema':{},'x-anything':[1]}",
           "1", NULL});
}

/* A tree of nodes, as recursive schemas are used. */
static void recursive_schemas(void **state) {
    (void)state;
    static const char tree[] =
        "{'$defs':{'node':{'type':'object','required':['value'],'additionalProperties':false,"
        "'properties':{'value':{'type':'integer'},'children':{'type':'array','items':"
        "{'$ref':'#/$defs/node'}}}}},'$ref':'#/$defs/node'}";
    check_example(&(example){tree, "{'value':1,'children':[{'value':2},{'value':3,'children':[]}]}", NULL});
    check_example(&(example){tree, "{'value':1,'children':[{'value':2},{'value':3,'children':[{}]}]}",
                             "/children/1/children/0: must have the property 'value'"});
}

/* ---- Schemas that are refused ---- */

typedef struct refusal {
    const char *schema;
    baton_error_code code;
    const char *message;
} refusal;

static void check_refusal(const refusal *r) {
    baton_value document = parse(r->schema);
    baton_error *err = NULL;
    assert_null(json_schema_new(document, NULL));
    if (json_schema_new(document, &err)) fail_msg("%s was accepted", r->schema);
    char *text = baton_error_text(err);
    assert_string_equal(text, r->message);
    assert_int_equal(baton_error_get_code(err), r->code);
    free(text);
    baton_error_free(err);
    baton_value_unref(document);
}

#define REFUSE(expected, ...)                                                             \
    do {                                                                                  \
        static const struct { const char *schema, *message; } refusals[] = {__VA_ARGS__}; \
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)                   \
            check_refusal(&(refusal){refusals[i].schema, expected, refusals[i].message}); \
    } while (0)

static void malformed_schemas(void **state) {
    (void)state;
    REFUSE(BATON_ERROR_INVALID, {"1", "a schema must be an object, true or false"},
           {"{'items':{'not':'x'}}", "/items/not: a schema must be an object, true or false"},
           {"{'properties':{'a/b':{'typ':'string'}}}",
            "/properties/a~1b: unknown keyword 'typ' (did you mean 'type'?)"},
           {"{'somethingElse':1}", "unknown keyword 'somethingElse'"},
           {"{'typ':'string'}", "unknown keyword 'typ' (did you mean 'type'?)"},
           {"{'items':{'somethingElse':1}}", "/items: unknown keyword 'somethingElse'"},
           {"{'type':'strng'}", "/type: unknown type 'strng' (did you mean 'string'?)"},
           {"{'type':'date-time'}",
            "/type: unknown type 'date-time': the types are null, boolean, number, integer, "
            "string, array and object"},
           {"{'type':1}", "/type: must be the name of a type or a list of such names"},
           {"{'type':[]}", "/type: must be the name of a type or a list of such names"},
           {"{'type':['null',1]}", "/type: must be the name of a type or a list of such names"},
           {"{'enum':1}", "/enum: must be a list of values"},
           {"{'minimum':'1'}", "/minimum: must be a number"},
           {"{'exclusiveMinimum':true}", "/exclusiveMinimum: must be a number"},
           {"{'multipleOf':0}", "/multipleOf: must be a number above 0"},
           {"{'multipleOf':-1}", "/multipleOf: must be a number above 0"},
           {"{'minLength':-1}", "/minLength: must be a whole number, 0 or more"},
           {"{'maxItems':1.5}", "/maxItems: must be a whole number, 0 or more"},
           {"{'uniqueItems':1}", "/uniqueItems: must be true or false"},
           {"{'pattern':1}", "/pattern: must be a string"},
           {"{'allOf':[]}", "/allOf: must be a list of schemas, not empty"},
           {"{'anyOf':{}}", "/anyOf: must be a list of schemas, not empty"},
           {"{'oneOf':[true,3]}", "/oneOf/1: a schema must be an object, true or false"},
           {"{'properties':[1,2]}", "/properties: must be an object of schemas"},
           {"{'properties':{'a':1}}", "/properties/a: a schema must be an object, true or false"},
           {"{'patternProperties':1}", "/patternProperties: must be an object of schemas"},
           {"{'$defs':1}", "/$defs: must be an object of schemas"},
           {"{'dependentSchemas':1}", "/dependentSchemas: must be an object of schemas"},
           {"{'dependentRequired':1}", "/dependentRequired: must be an object of lists of names"},
           {"{'dependentRequired':{'a':1}}", "/dependentRequired: must be a list of names"},
           {"{'dependentRequired':{'a':[1]}}", "/dependentRequired: must be a list of names"},
           {"{'required':'a'}", "/required: must be a list of names"},
           {"{'required':['a',1]}", "/required: must be a list of names"},
           {"{'items':[{}]}",
            "/items: must be one schema; a list of schemas is called prefixItems since draft 2020-12"},
           {"{'$anchor':1}", "/$anchor: must be a name"}, {"{'$anchor':''}", "/$anchor: must be a name"},
           {"{'$anchor':'/a'}", "/$anchor: must be a name"}, {"{'$id':1}", "/$id: must be a string"},
           {"{'allOf':[{'$anchor':'a'},{'$anchor':'a'}]}",
            "/allOf/1/$anchor: 'a' is the name of another schema"});
}

static void malformed_patterns(void **state) {
    (void)state;
    REFUSE(BATON_ERROR_INVALID,
           {"{'pattern':'(a'}",
            "/pattern: '(a' is no regular expression: end pattern with unmatched parenthesis"},
           {"{'items':{'patternProperties':{'[a':true}}}",
            "/items/patternProperties: '[a' is no regular expression: premature end of char-class"});
    baton_value document = baton_value_object();
    char *text = calloc(1, LIMIT_PATTERN_BYTES + 2);
    memset(text, 'a', LIMIT_PATTERN_BYTES);
    document = value_set_text(document, "pattern", text);
    json_schema *schema = json_schema_new(document, NULL);
    assert_non_null(schema);
    json_schema_free(schema);
    text[LIMIT_PATTERN_BYTES] = 'a';
    document = value_set_text(document, "pattern", text);
    baton_error *err = NULL;
    assert_null(json_schema_new(document, &err));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    baton_error_free(err);
    free(text);
    baton_value_unref(document);
}

static void bad_references(void **state) {
    (void)state;
    REFUSE(BATON_ERROR_INVALID, {"{'$ref':1}", "/$ref: must be a string"},
           {"{'$ref':'#/$defs/a'}", "/$ref: '#/$defs/a': there is no schema at '#/$defs/a'"},
           {"{'items':{'$ref':'#nowhere'}}", "/items/$ref: '#nowhere': there is no schema at '#nowhere'"},
           {"{'$ref':'#/x-a/b','x-a':1}", "/$ref: '#/x-a/b': there is no schema at '#/x-a/b'"},
           {"{'$ref':'#/allOf/2','allOf':[true,true]}",
            "/$ref: '#/allOf/2': there is no schema at '#/allOf/2'"},
           {"{'$ref':'#/allOf/01','allOf':[true,true]}",
            "/$ref: '#/allOf/01': there is no schema at '#/allOf/01'"},
           {"{'$ref':'#/allOf/9999999999','allOf':[true]}",
            "/$ref: '#/allOf/9999999999': there is no schema at '#/allOf/9999999999'"},
           {"{'$ref':'#/allOf/x','allOf':[true]}", "/$ref: '#/allOf/x': there is no schema at '#/allOf/x'"},
           {"{'$ref':'#/allOf/','allOf':[true]}", "/$ref: '#/allOf/': there is no schema at '#/allOf/'"},
           {"{'$ref':'#/title','title':'t'}",
            "/$ref: '#/title': /title: a schema must be an object, true or false"},
           {"{'$ref':'#/a%2'}", "/$ref: '#/a%2' is no URI"},
           {"{'$ref':'#/a%zz'}", "/$ref: '#/a%zz' is no URI"},
           {"{'$ref':'#/a%00'}", "/$ref: '#/a%00' is no URI"});
}

static void circular_references(void **state) {
    (void)state;
    REFUSE(BATON_ERROR_INVALID, {"{'$ref':'#'}", "a $ref leads back to this schema without going inwards"},
           {"{'$defs':{'a':{'$ref':'#/$defs/b'},'b':{'$ref':'#/$defs/a'}},'items':{'$ref':'#/$defs/a'}}",
            "/$defs/a: a $ref leads back to this schema without going inwards"},
           {"{'allOf':[{'anyOf':[{'oneOf':[{'not':{'$ref':'#'}}]}]}]}",
            "/allOf/0/anyOf/0/oneOf/0/not: a $ref leads back to this schema without going inwards"},
           {"{'if':{'$ref':'#'}}", "/if: a $ref leads back to this schema without going inwards"},
           {"{'if':true,'then':{'$ref':'#'}}",
            "/then: a $ref leads back to this schema without going inwards"},
           {"{'if':true,'else':{'$ref':'#'}}",
            "/else: a $ref leads back to this schema without going inwards"},
           {"{'dependentSchemas':{'a':{'$ref':'#'}}}",
            "/dependentSchemas/a: a $ref leads back to this schema without going inwards"});
}

static void unsupported_keywords(void **state) {
    (void)state;
    REFUSE(BATON_ERROR_UNSUPPORTED,
           {"{'unevaluatedProperties':false}",
            "the keyword 'unevaluatedProperties' is not supported: write additionalProperties: false"},
           {"{'items':{'unevaluatedItems':false}}",
            "/items: the keyword 'unevaluatedItems' is not supported: write items: false"},
           {"{'$dynamicRef':'#a'}", "the keyword '$dynamicRef' is not supported"},
           {"{'$vocabulary':{}}", "the keyword '$vocabulary' is not supported"},
           {"{'$recursiveAnchor':true}", "the keyword '$recursiveAnchor' is not supported"},
           {"{'$recursiveRef':'#'}", "the keyword '$recursiveRef' is not supported: write $ref"},
           {"{'additionalItems':false}",
            "the keyword 'additionalItems' is not supported: write prefixItems and items"},
           {"{'dependencies':{}}",
            "the keyword 'dependencies' is not supported: write dependentRequired or dependentSchemas"},
           {"{'$ref':'https://example.org/s'}",
            "/$ref: 'https://example.org/s' is outside of the schema's own document"},
           {"{'$id':'https://example.org/s','$ref':'https://example.org/sub#a'}",
            "/$ref: 'https://example.org/sub#a' is outside of the schema's own document"},
           {"{'$ref':'other.json#/a'}", "/$ref: 'other.json#/a' is outside of the schema's own document"},
           {"{'items':{'$id':'x'}}", "/items/$id: is supported at the schema's root only"});
}

/* ---- Limits ---- */

static void check_limit(const json_schema *schema, baton_value value, const char *part) {
    baton_error *err = NULL;
    assert_int_equal(json_schema_check(schema, value, &err), -1);
    assert_int_equal(json_schema_check(schema, value, NULL), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    if (!strstr(baton_error_message(err), part)) fail_msg("%s", baton_error_message(err));
    baton_error_free(err);
}

/* A pattern whose search would take longer than the universe has; also where misfits are not told. */
static void catastrophic_patterns(void **state) {
    (void)state;
    static const char *const schemas[] = {
        "{'pattern':'^(a|a)*$'}",
        "{'not':{'pattern':'^(a|a)*$'}}",
        "{'anyOf':[{'pattern':'^(a|a)*$'},true]}",
        "{'oneOf':[{'pattern':'^(a|a)*$'},true]}",
        "{'if':{'pattern':'^(a|a)*$'}}",
    };
    baton_value text = baton_value_string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        json_schema *schema = compile(schemas[i]);
        check_limit(schema, text, "takes too long to match against the pattern '^(a|a)*$'");
        json_schema_free(schema);
    }
    json_schema *schema = compile("{'contains':{'pattern':'^(a|a)*$'}}");
    baton_value array = baton_value_append(baton_value_array(), baton_value_ref(text));
    check_limit(schema, array, "/0: takes too long");
    json_schema_free(schema);
    baton_value_unref(array);
    schema = compile("{'patternProperties':{'^(a|a)*$':true}}");
    baton_value object =
        baton_value_set(baton_value_object(), baton_value_as_text(text), baton_value_null());
    check_limit(schema, object, "takes too long");
    json_schema_free(schema);
    baton_value_unref(object);
    baton_value_unref(text);
}

/* Two alternatives for each level double the work with each level. */
static void multiplying_alternatives(void **state) {
    (void)state;
    baton_error *err = NULL;
    json_schema *schema =
        compile("{'type':'array','anyOf':[{'items':{'$ref':'#'}},{'items':{'$ref':'#'}}]}");
    baton_value value = baton_value_number(1);
    for (int i = 0; i < 60; i++) value = baton_value_append(baton_value_array(), value);
    assert_int_equal(json_schema_check(schema, value, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    assert_non_null(strstr(baton_error_message(err), "takes more than 50000000 checks"));
    baton_error_free(err);
    baton_value_unref(value);
    json_schema_free(schema);
}

static void deep_values(void **state) {
    (void)state;
    json_schema *schema = compile("{'items':{'$ref':'#'}}");
    baton_value value = baton_value_array();
    for (int i = 0; i < LIMIT_SCHEMA_DEPTH; i++) value = baton_value_append(baton_value_array(), value);
    check_limit(schema, value, "is nested too deep for its schema");
    baton_value inner = baton_value_array();
    for (int i = 0; i < LIMIT_VALUE_DEPTH; i++) inner = baton_value_append(baton_value_array(), inner);
    assert_int_equal(json_schema_check(schema, inner, NULL), 0);
    baton_value_unref(inner);
    baton_value_unref(value);
    json_schema_free(schema);
}

static void deep_schemas(void **state) {
    (void)state;
    baton_value document = baton_value_boolean(true);
    for (int i = 0; i < LIMIT_VALUE_DEPTH; i++)
        document = baton_value_set(baton_value_object(), "items", document);
    baton_error *err = NULL;
    assert_null(json_schema_new(document, &err));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    assert_non_null(strstr(baton_error_message(err), "/items: the schema is nested more than 256 deep"));
    baton_error_free(err);
    baton_value_unref(document);
}

/* One reference behind another, for longer than a check may go. */
static void long_chains(void **state) {
    (void)state;
    baton_value links = baton_value_object();
    char name[32], target[64];
    for (int i = 0; i <= LIMIT_SCHEMA_DEPTH + 1; i++) {
        snprintf(name, sizeof name, "s%d", i);
        snprintf(target, sizeof target, "#/$defs/s%d", i + 1);
        links = baton_value_set(links, name, value_set_text(baton_value_object(), "$ref", target));
    }
    snprintf(name, sizeof name, "s%d", LIMIT_SCHEMA_DEPTH + 2);
    links = baton_value_set(links, name, baton_value_boolean(true));
    baton_value document = baton_value_set(baton_value_object(), "$defs", links);
    baton_error *err = NULL;
    json_schema *schema = json_schema_new(document, &err);
    assert_null(schema);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    assert_non_null(
        strstr(baton_error_message(err), "more than 2048 schemas follow this one for the same value"));
    baton_error_free(err);
    baton_value_unref(document);
    json_schema_free(NULL);
}

/* ---- No allocation on success ---- */

static unsigned long allocations;

/* The address sanitizer calls this for every allocation. */
void __sanitizer_malloc_hook(const volatile void *block, size_t size);
void __sanitizer_malloc_hook(const volatile void *block, size_t size) {
    (void)block, (void)size;
    allocations++;
}

static void allocates_nothing(void **state) {
    (void)state;
    unsigned long before = allocations;
    void *volatile probe = malloc(1); /* volatile: or the compiler leaves it out */
    free(probe);
    if (allocations == before) skip(); /* nobody counts */
    json_schema *schema = compile(
        "{'type':'object','required':['id','lines'],'additionalProperties':false,"
        "'propertyNames':{'maxLength':9},'dependentRequired':{'id':['lines']},"
        "'properties':{'id':{'type':'string','minLength':1},'lines':{'type':'array','uniqueItems':true,"
        "'contains':{'required':['n']},'items':{'anyOf':[{'type':'null'},"
        "{'properties':{'n':{'type':'integer','enum':[1,2,3]}}}]}}}}");
    baton_value value = parse("{'id':'123','lines':[{'n':1},{'n':2},null]}");
    before = allocations;
    int rc = json_schema_check(schema, value, NULL);
    assert_true(allocations == before);
    assert_int_equal(rc, 0);
    baton_value_unref(value);
    json_schema_free(schema);
}

/* ---- Patterns ---- */

static void pattern_dialect(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        int found;
    } cases[] = {
        {"", "", 1},
        {"a", "xay", 1},
        {"^a$", "a", 1},
        {"^a$", "a\n", 0}, /* no end of line but the very end */
        {"^a$", "b\na", 0},
        {"a|^b$", "b", 1},
        {"[$^]", "$", 1},
        {"[^$]", "$", 0},
        {"\\$\\^", "$^", 1},
        {"[\\]$]x", "$x", 1},
        {"^\\d+$", "12", 1},
        {"^\\d$", "\xd9\xa3", 0}, /* only ASCII digits */
        {"^\\w$", "\xc3\xa4", 0},
        {"^.$", "\xf0\x9f\x98\x80", 1}, /* one character, not four bytes */
        {"^\\u20ac$", "\xe2\x82\xac", 1},
        {"^\\p{L}+$", "\xc3\xa4z", 1},
        {"^(?:a|b){2,3}$", "aba", 1},
        {"^(?<year>\\d{4})-\\k<year>$", "2026-2026", 1},
        {"(?=b)b(?!c)", "bd", 1},
        {"(?<!x)y", "xy", 0},
        {"^a+?b$", "aab", 1},
        {"\\/", "/", 1},
        {"\\", "x", -2},
        {"*", "x", -2},
        {"a{2,1}", "x", -2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pattern *p = pattern_new(cases[i].pattern, strlen(cases[i].pattern), NULL);
        int found = p ? pattern_search(p, cases[i].text, strlen(cases[i].text)) : -2;
        if (found != cases[i].found) fail_msg("%s of %s: %d", cases[i].pattern, cases[i].text, found);
        pattern_free(p);
    }
}

/* A text that makes a pattern keep a place for each of its characters. */
static void pattern_memory(void **state) {
    (void)state;
    enum { SIZE = 4 << 20 };
    char *text = malloc(SIZE);
    memset(text, 'a', SIZE);
    memcpy(text + SIZE - 2, "dc", 2);
    pattern *p = pattern_new("^(a|b)*c", 8, NULL);
    assert_int_equal(pattern_search(p, text, SIZE), -1);
    assert_int_equal(pattern_search(p, "abc", 3), 1);
    pattern_free(p);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(enums),
        cmocka_unit_test(numbers),
        cmocka_unit_test(strings),
        cmocka_unit_test(arrays),
        cmocka_unit_test(contains),
        cmocka_unit_test(unique_items),
        cmocka_unit_test(unique_items_of_long_arrays),
        cmocka_unit_test(properties),
        cmocka_unit_test(required),
        cmocka_unit_test(dependents),
        cmocka_unit_test(property_names),
        cmocka_unit_test(combinations),
        cmocka_unit_test(references),
        cmocka_unit_test(recursive_schemas),
        cmocka_unit_test(malformed_schemas),
        cmocka_unit_test(malformed_patterns),
        cmocka_unit_test(bad_references),
        cmocka_unit_test(circular_references),
        cmocka_unit_test(unsupported_keywords),
        cmocka_unit_test(catastrophic_patterns),
        cmocka_unit_test(multiplying_alternatives),
        cmocka_unit_test(deep_values),
        cmocka_unit_test(deep_schemas),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(allocates_nothing),
        cmocka_unit_test(pattern_dialect),
        cmocka_unit_test(pattern_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
