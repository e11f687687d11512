/* call: http: the request, its URI, its credentials.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static baton_value request_of(const char *with, const char *input) {
    buffer yaml = {0};
    buffer_printf(&yaml, "do: [{a: {call: http, with: {%s}}}]", with);
    world *w = world_new(yaml.data, NULL, input);
    world_start(w);
    if (w->out.action_count != 1) fail_msg("%s", buffer_text(&w->journal));
    assert_int_equal(w->out.actions[0].kind, ACTION_HTTP);
    baton_value request = value_ref(w->out.actions[0].request);
    world_free(w);
    buffer_done(&yaml);
    return request;
}

static void requests(const char *with, const char *input, const char *expected) {
    baton_value request = request_of(with, input);
    assert_json(request, expected);
    value_unref(request);
}

static void uri_is(const char *endpoint, const char *input, const char *expected) {
    buffer with = {0};
    buffer_printf(&with, "method: get, endpoint: %s", endpoint);
    baton_value request = request_of(with.data, input);
    assert_string_equal(value_get_text(request, "uri"), expected);
    value_unref(request);
    buffer_done(&with);
}

static void whole_requests(void **state) {
    (void)state;
    requests(
        "method: get, endpoint: 'http://localhost/x'", NULL,
        "{\"method\":\"get\",\"uri\":\"http://localhost/x\",\"output\":\"content\",\"redirect\":false}");
    requests("method: post, endpoint: {uri: 'http://localhost/x'}, headers: {A: '${ .a }', B: 'b${ .a }'},"
             " query: {q: '${ .q }'}, body: {all: '${ . }'}, output: response, redirect: true",
             "{\"a\":1,\"q\":[\"x\",\"y\"]}",
             "{\"method\":\"post\",\"uri\":\"http://localhost/x\",\"headers\":{\"A\":1,\"B\":\"b1\"},"
             "\"query\":{\"q\":[\"x\",\"y\"]},\"body\":{\"all\":{\"a\":1,\"q\":[\"x\",\"y\"]}},\"output\":"
             "\"response\","
             "\"redirect\":true}");
    requests("method: put, endpoint: 'http://localhost/x', headers: '${ .h }', query: '${ .q }', body: '${ "
             "null }', output: raw",
             "{\"h\":{\"A\":\"a\"},\"q\":{\"b\":1}}",
             "{\"method\":\"put\",\"uri\":\"http://localhost/"
             "x\",\"headers\":{\"A\":\"a\"},\"query\":{\"b\":1},\"body\":null,"
             "\"output\":\"raw\",\"redirect\":false}");
}

static void uris(void **state) {
    (void)state;
    uri_is("'http://localhost/{id}/{name}?x={n}'", "{\"id\":7,\"name\":\"a b/c~d-e_f.g\",\"n\":true}",
           "http://localhost/7/a%20b%2Fc~d-e_f.g?x=true");
    uri_is("'http://localhost/{none}/{nil}x'", "{\"nil\":null}", "http://localhost//x");
    uri_is("'http://localhost/{o}'", "{\"o\":{\"a\":1}}", "http://localhost/%7B%22a%22%3A1%7D");
    uri_is("'http://localhost/{u}'", "{\"u\":\"\\u00e4\"}", "http://localhost/%C3%A4");
    uri_is("'http://localhost/{a}'", "[1]", "http://localhost/");
    uri_is("'${ .u }'", "{\"u\":\"http://localhost/{not}\"}", "http://localhost/{not}");
    uri_is("{uri: '${ \"http://localhost/\" + .id }'}", "{\"id\":\"5\"}", "http://localhost/5");
}

static void credentials(void **state) {
    (void)state;
    requests("method: get, endpoint: {uri: 'http://localhost/', authentication: {basic: {username: me, "
             "password: '${ .p }'}}}",
             "{\"p\":\"secret\"}",
             "{\"method\":\"get\",\"uri\":\"http://localhost/\",\"output\":\"content\",\"redirect\":false,"
             "\"authentication\":{\"scheme\":\"basic\",\"username\":\"me\",\"password\":\"secret\"}}");
    requests(
        "method: get, endpoint: {uri: 'http://localhost/', authentication: {bearer: {token: '${ .t }'}}}",
        "{\"t\":\"tok\"}",
        "{\"method\":\"get\",\"uri\":\"http://localhost/\",\"output\":\"content\",\"redirect\":false,"
        "\"authentication\":{\"scheme\":\"bearer\",\"token\":\"tok\"}}");
    requests("method: get, endpoint: {uri: 'http://localhost/', authentication: {digest: {username: me, "
             "password: p}}}",
             NULL,
             "{\"method\":\"get\",\"uri\":\"http://localhost/\",\"output\":\"content\",\"redirect\":false,"
             "\"authentication\":{\"scheme\":\"digest\",\"username\":\"me\",\"password\":\"p\"}}");
}

/* $authorization is there for the request's own expressions and for output.as. */
static void the_authorization_variable(void **state) {
    (void)state;
    static const char *const schemes[][2] = {
        {"basic: {username: me, password: pw}", "{\"scheme\":\"Basic\",\"parameter\":\"bWU6cHc=\"}"},
        {"bearer: {token: tok}", "{\"scheme\":\"Bearer\",\"parameter\":\"tok\"}"},
        {"digest: {username: me, password: pw}", "{\"scheme\":\"Digest\"}"},
    };
    for (size_t i = 0; i < 3; i++) {
        buffer yaml = {0};
        buffer_printf(
            &yaml,
            "do: [{a: {call: http, with: {method: post, endpoint: {uri: 'http://localhost/',"
            " authentication: {%s}}, body: '${ $authorization }'}, output: {as: '${ $authorization }'}}}]",
            schemes[i][0]);
        world *w = world_new(yaml.data, NULL, NULL);
        world_start(w);
        baton_value body = baton_value_get(w->out.actions[0].request, "body");
        assert_json(body, schemes[i][1]);
        value_unref(body);
        world_go(w);
        world_completes(w, schemes[i][1]);
        world_free(w);
        buffer_done(&yaml);
    }
}

static void secrets_do_not_reach_the_journal(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: http, with: {method: get, endpoint: {uri: 'http://localhost/',"
                         " authentication: {bearer: {token: hushhush}}}}}}]",
                         "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    baton_value snapshot = snapshot_take(&w->x);
    char *text = baton_value_to_json(snapshot);
    assert_null(strstr(text, "hushhush"));
    assert_null(strstr(buffer_text(&w->journal), "hushhush"));
    free(text);
    value_unref(snapshot);
    /* After a crash they are computed again. */
    buffer_clear(&w->performed);
    world_restore(w);
    world_tell(w, EVENT_RECOVER);
    assert_non_null(strstr(buffer_text(&w->performed), "hushhush"));
    world_free(w);
}

static void parts_that_fault(void **state) {
    (void)state;
    faults("do: [{a: {call: http, with: {method: get, endpoint: '${ .n }'}}}]", "{\"n\":1}",
           "expression 400 /do/0/a Expression failed: the endpoint must be a string");
    static const char *const parts[] = {
        "method: '${ error(1) }', endpoint: 'http://x/'",
        "method: get, endpoint: '${ error(1) }'",
        "method: get, endpoint: 'http://x/', headers: {A: '${ error(1) }'}",
        "method: get, endpoint: 'http://x/', query: {A: '${ error(1) }'}",
        "method: get, endpoint: 'http://x/', body: '${ error(1) }'",
        "method: get, endpoint: {uri: 'http://x/', authentication: {basic: {username: '${ error(1) }', "
        "password: x}}}",
        "method: get, endpoint: {uri: 'http://x/', authentication: {basic: {username: x, password: '${ "
        "error(1) }'}}}",
        "method: get, endpoint: {uri: 'http://x/', authentication: {bearer: {token: '${ error(1) }'}}}",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buffer yaml = {0};
        buffer_printf(&yaml, "do: [{a: {call: http, with: {%s}}}]", parts[i]);
        faults(yaml.data, NULL, "expression 400 /do/0/a Expression failed");
        buffer_done(&yaml);
    }
}

static void credentials_of_the_wrong_kind(void **state) {
    (void)state;
    faults("do: [{a: {call: http, with: {method: get, endpoint: {uri: 'http://x/', authentication: "
           "{bearer: {token: '${ 5 }'}}}}}}]",
           NULL, "expression 400 /do/0/a Expression failed: the token must be a string");
    faults("do: [{a: {call: http, with: {method: get, endpoint: {uri: 'http://x/', authentication: {basic: "
           "{username: '${ null }', password: x}}}}}}]",
           NULL, "expression 400 /do/0/a Expression failed: the username must be a string");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_requests),
        cmocka_unit_test(uris),
        cmocka_unit_test(credentials),
        cmocka_unit_test(the_authorization_variable),
        cmocka_unit_test(secrets_do_not_reach_the_journal),
        cmocka_unit_test(parts_that_fault),
        cmocka_unit_test(credentials_of_the_wrong_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
