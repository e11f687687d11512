/* The DSL's tables, in the order of the standard's JSON Schema. Constant data; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/schema.h"

#include <string.h>

#define END \
    { NULL, NULL, 0, NULL }

static const dsl_type step_list, output, export;

/* ---- Simple types ---- */

static const dsl_type any = {.kinds = 0};
static const dsl_type text = {.kinds = NODE_STRING};
static const dsl_type some_text = {.kinds = NODE_STRING, .not_empty = true};
static const dsl_type condition = {.kinds = NODE_STRING, .not_empty = true};
static const dsl_type directive = {.kinds = NODE_STRING, .not_empty = true};
static const dsl_type only_expression = {.kinds = NODE_STRING, .text = DSL_EXPRESSION};
static const dsl_type boolean = {.kinds = NODE_BOOLEAN};
static const dsl_type integer = {.kinds = NODE_NUMBER, .integer = true};
static const dsl_type integer_or_expression = {
    .kinds = NODE_NUMBER, .integer = true, .or_expression = true};
static const dsl_type object = {.kinds = NODE_OBJECT, .others = DSL_FREE};
static const dsl_type no_details = {.kinds = NODE_OBJECT, .others = DSL_NOT_EXECUTED};
static const dsl_type text_map = {.kinds = NODE_OBJECT, .members = &text};
static const dsl_type text_map_or_expression = {
    .kinds = NODE_OBJECT, .members = &text, .or_expression = true};
static const dsl_type text_list = {.kinds = NODE_ARRAY, .items = &text};
static const dsl_type semver = {.kinds = NODE_STRING, .text = DSL_SEMVER};
static const dsl_type name = {.kinds = NODE_STRING, .text = DSL_NAME};
static const dsl_type uri = {.kinds = NODE_STRING, .text = DSL_URI};
static const dsl_type duration_type = {.form = DSL_DURATION, .kinds = NODE_STRING | NODE_OBJECT};
static const dsl_type transformation = {.kinds = NODE_STRING | NODE_OBJECT | NODE_ARRAY,
                                        .others = DSL_FREE};

/* ---- Authentication ---- */

static const dsl_property account_properties[] = {
    {"username", &text, DSL_REQUIRED, NULL},
    {"password", &text, DSL_REQUIRED, NULL},
    {"use", &some_text, 0, "authentication by secrets"},
    END,
};
static const dsl_type account = {.kinds = NODE_OBJECT, .properties = account_properties, .instead = "use"};

static const dsl_property bearer_properties[] = {
    {"token", &text, DSL_REQUIRED, NULL},
    {"use", &some_text, 0, "authentication by secrets"},
    END,
};
static const dsl_type bearer = {.kinds = NODE_OBJECT, .properties = bearer_properties, .instead = "use"};

static const dsl_property token_properties[] = {
    {"token", &text, DSL_REQUIRED, NULL}, {"type", &text, DSL_REQUIRED, NULL}, END};
static const dsl_type token = {.kinds = NODE_OBJECT, .properties = token_properties};

static const char *const grants[] = {"authorization_code",
                                     "client_credentials",
                                     "password",
                                     "refresh_token",
                                     "urn:ietf:params:oauth:grant-type:token-exchange",
                                     NULL};
static const dsl_type grant = {.kinds = NODE_STRING, .words = grants};

static const char *const client_authentications[] = {
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none", NULL};
static const dsl_type client_authentication = {.kinds = NODE_STRING, .words = client_authentications};
static const dsl_property client_properties[] = {
    {"id", &text, 0, NULL},
    {"secret", &text, 0, NULL},
    {"assertion", &text, 0, NULL},
    {"authentication", &client_authentication, 0, NULL},
    END,
};
static const dsl_type client = {.kinds = NODE_OBJECT, .properties = client_properties};

static const char *const encodings[] = {"application/x-www-form-urlencoded", "application/json", NULL};
static const dsl_type encoding = {.kinds = NODE_STRING, .words = encodings};
static const dsl_property token_request_properties[] = {{"encoding", &encoding, 0, NULL}, END};
static const dsl_type token_request = {
    .kinds = NODE_OBJECT, .properties = token_request_properties, .others = DSL_FREE};

static const dsl_property token_endpoint_properties[] = {
    {"token", &text, 0, NULL}, {"revocation", &text, 0, NULL}, {"introspection", &text, 0, NULL}, END};
static const dsl_type token_endpoints = {
    .kinds = NODE_OBJECT, .properties = token_endpoint_properties, .others = DSL_FREE};

#define OAUTH_PROPERTIES                                                                                \
    {"authority", &uri, DSL_REQUIRED, NULL}, {"grant", &grant, DSL_REQUIRED, NULL},                     \
        {"client", &client, 0, NULL}, {"request", &token_request, 0, NULL},                             \
        {"issuers", &text_list, 0, NULL}, {"scopes", &text_list, 0, NULL},                              \
        {"audiences", &text_list, 0, NULL}, {"username", &text, 0, NULL}, {"password", &text, 0, NULL}, \
        {"subject", &token, 0, NULL}, {"actor", &token, 0, NULL}, {                                     \
        "use", &some_text, 0, NULL                                                                      \
    }
static const dsl_property oauth2_properties[] = {
    OAUTH_PROPERTIES, {"endpoints", &token_endpoints, 0, NULL}, END};
static const dsl_type oauth2 = {.kinds = NODE_OBJECT, .properties = oauth2_properties, .instead = "use"};
static const dsl_property oidc_properties[] = {OAUTH_PROPERTIES, END};
static const dsl_type oidc = {.kinds = NODE_OBJECT, .properties = oidc_properties, .instead = "use"};

#define POLICIES                                                                             \
    {"basic", &account, DSL_CHOICE, NULL}, {"bearer", &bearer, DSL_CHOICE, NULL},            \
        {"digest", &account, DSL_CHOICE, NULL}, {"oauth2", &oauth2, DSL_CHOICE, "oauth2"}, { \
        "oidc", &oidc, DSL_CHOICE, "oidc"                                                    \
    }
static const dsl_property policy_properties[] = {POLICIES, END};
static const dsl_type policy = {
    .kinds = NODE_OBJECT, .properties = policy_properties, .others = DSL_NOT_EXECUTED};
static const dsl_property policy_or_name_properties[] = {
    {"use", &some_text, DSL_CHOICE, NULL}, POLICIES, END};
static const dsl_type policy_or_name = {
    .kinds = NODE_OBJECT, .properties = policy_or_name_properties, .others = DSL_NOT_EXECUTED};

/* ---- Endpoints, resources, schemas ---- */

static const dsl_property endpoint_properties[] = {
    {"uri", &uri, DSL_REQUIRED, NULL}, {"authentication", &policy_or_name, 0, NULL}, END};
static const dsl_type endpoint = {
    .kinds = NODE_STRING | NODE_OBJECT, .text = DSL_URI, .properties = endpoint_properties};

static const dsl_property resource_properties[] = {
    {"name", &text, 0, NULL}, {"endpoint", &endpoint, DSL_REQUIRED, NULL}, END};
static const dsl_type resource = {.kinds = NODE_OBJECT, .properties = resource_properties};

static const dsl_property schema_properties[] = {
    {"format", &text, 0, NULL},
    {"document", &any, DSL_CHOICE, NULL},
    {"resource", &resource, DSL_CHOICE, "schema.resource"},
    END,
};
static const dsl_type schema = {.kinds = NODE_OBJECT, .properties = schema_properties};

/* ---- Events ---- */

static const dsl_property event_properties[] = {
    {"id", &text, 0, NULL},        {"source", &uri, 0, NULL},   {"type", &text, 0, NULL},
    {"time", &text, 0, NULL},      {"subject", &text, 0, NULL}, {"datacontenttype", &text, 0, NULL},
    {"dataschema", &uri, 0, NULL}, {"data", &any, 0, NULL},     END,
};
static const dsl_type event_filter_with = {
    .kinds = NODE_OBJECT, .not_empty = true, .properties = event_properties, .others = DSL_FREE};

static const dsl_property emitted_properties[] = {
    {"type", &text, DSL_REQUIRED, NULL}, {"source", &uri, 0, NULL}, {"dataschema", &uri, 0, NULL}, END};
static const dsl_type emitted_with = {
    .kinds = NODE_OBJECT, .properties = emitted_properties, .others = DSL_FREE};
static const dsl_property emitted_event_properties[] = {{"with", &emitted_with, 0, NULL}, END};
static const dsl_type emitted_event = {
    .kinds = NODE_OBJECT, .properties = emitted_event_properties, .others = DSL_FREE};
static const dsl_property emit_properties[] = {{"event", &emitted_event, DSL_REQUIRED, NULL}, END};
static const dsl_type emit = {.kinds = NODE_OBJECT, .properties = emit_properties};

static const dsl_property correlation_properties[] = {
    {"from", &condition, DSL_REQUIRED, NULL}, {"expect", &text, 0, NULL}, END};
static const dsl_type correlation = {
    .kinds = NODE_OBJECT, .properties = correlation_properties, .others = DSL_FREE};
static const dsl_type correlations = {.kinds = NODE_OBJECT, .members = &correlation};
static const dsl_property event_filter_properties[] = {
    {"with", &event_filter_with, DSL_REQUIRED, NULL}, {"correlate", &correlations, 0, NULL}, END};
static const dsl_type event_filter = {.kinds = NODE_OBJECT, .properties = event_filter_properties};
static const dsl_type event_filters = {.kinds = NODE_ARRAY, .items = &event_filter};

static const dsl_property end_strategy_properties[] = {
    {"all", &event_filters, DSL_CHOICE, NULL},
    {"any", &event_filters, DSL_CHOICE, NULL},
    {"one", &event_filter, DSL_CHOICE, NULL},
    END,
};
static const dsl_type event_strategy_end = {.kinds = NODE_STRING | NODE_OBJECT,
                                            .properties = end_strategy_properties};
static const dsl_property strategy_properties[] = {
    {"all", &event_filters, DSL_CHOICE, NULL},
    {"any", &event_filters, DSL_CHOICE, NULL},
    {"one", &event_filter, DSL_CHOICE, NULL},
    {"until", &event_strategy_end, 0, NULL},
    END,
};
static const dsl_type event_strategy = {.kinds = NODE_OBJECT, .properties = strategy_properties};

static const char *const event_reads[] = {"data", "envelope", "raw", NULL};
static const dsl_type event_read = {.kinds = NODE_STRING, .words = event_reads};
static const dsl_property listen_properties[] = {
    {"to", &event_strategy, DSL_REQUIRED, NULL}, {"read", &event_read, 0, NULL}, END};
static const dsl_type listen = {.kinds = NODE_OBJECT, .properties = listen_properties};

static const dsl_property iterator_properties[] = {
    {"item", &text, 0, NULL},     {"at", &text, 0, NULL},       {"do", &step_list, 0, NULL},
    {"output", &output, 0, NULL}, {"export", &export, 0, NULL}, END,
};
static const dsl_type iterator = {.kinds = NODE_OBJECT, .properties = iterator_properties};

/* ---- Calls ---- */

static const dsl_property server_properties[] = {
    {"name", &text, DSL_REQUIRED, NULL}, {"variables", &object, 0, NULL}, END};
static const dsl_type server = {.kinds = NODE_OBJECT, .properties = server_properties};
static const dsl_property message_properties[] = {
    {"payload", &object, 0, NULL}, {"headers", &object, 0, NULL}, END};
static const dsl_type message = {.kinds = NODE_OBJECT, .properties = message_properties};
static const dsl_property consume_properties[] = {
    {"for", &duration_type, 0, NULL},
    {"amount", &integer, DSL_CHOICE, NULL},
    {"while", &only_expression, DSL_CHOICE, NULL},
    {"until", &only_expression, DSL_CHOICE, NULL},
    END,
};
static const dsl_type consume = {.kinds = NODE_OBJECT, .properties = consume_properties};
static const dsl_property subscription_properties[] = {
    {"filter", &only_expression, 0, NULL},
    {"consume", &consume, DSL_REQUIRED, NULL},
    {"foreach", &iterator, 0, NULL},
    END,
};
static const dsl_type subscription = {.kinds = NODE_OBJECT, .properties = subscription_properties};
static const char *const async_protocols[] = {
    "amqp",  "amqp1", "anypointmq", "googlepubsub", "http", "ibmmq",  "jms", "kafka", "mercure", "mqtt",
    "mqtt5", "nats",  "pulsar",     "redis",        "sns",  "solace", "sqs", "stomp", "ws",      NULL};
static const dsl_type async_protocol = {.kinds = NODE_STRING, .words = async_protocols};
static const dsl_property asyncapi_properties[] = {
    {"document", &resource, DSL_REQUIRED, NULL},
    {"channel", &text, 0, NULL},
    {"operation", &text, 0, NULL},
    {"server", &server, 0, NULL},
    {"protocol", &async_protocol, 0, NULL},
    {"message", &message, DSL_CHOICE, NULL},
    {"subscription", &subscription, DSL_CHOICE, NULL},
    {"authentication", &policy_or_name, 0, NULL},
    END,
};
static const dsl_type asyncapi = {.kinds = NODE_OBJECT, .properties = asyncapi_properties};

static const dsl_property grpc_service_properties[] = {
    {"name", &text, DSL_REQUIRED, NULL},
    {"host", &text, DSL_REQUIRED, NULL},
    {"port", &integer, 0, NULL},
    {"authentication", &policy_or_name, 0, NULL},
    END,
};
static const dsl_type grpc_service = {.kinds = NODE_OBJECT, .properties = grpc_service_properties};
static const dsl_property grpc_properties[] = {
    {"proto", &resource, DSL_REQUIRED, NULL},
    {"service", &grpc_service, DSL_REQUIRED, NULL},
    {"method", &text, DSL_REQUIRED, NULL},
    {"arguments", &object, 0, NULL},
    END,
};
static const dsl_type grpc = {.kinds = NODE_OBJECT, .properties = grpc_properties};

static const char *const http_outputs[] = {"raw", "content", "response", NULL};
static const dsl_type http_output_type = {.kinds = NODE_STRING, .words = http_outputs};
static const dsl_property http_properties[] = {
    {"method", &some_text, DSL_REQUIRED, NULL},
    {"endpoint", &endpoint, DSL_REQUIRED, NULL},
    {"headers", &text_map_or_expression, 0, NULL},
    {"body", &any, 0, NULL},
    {"query", &text_map_or_expression, 0, NULL},
    {"output", &http_output_type, 0, NULL},
    {"redirect", &boolean, 0, NULL},
    END,
};
static const dsl_type http = {.kinds = NODE_OBJECT, .properties = http_properties};

static const dsl_property openapi_properties[] = {
    {"document", &resource, DSL_REQUIRED, NULL},
    {"operationId", &text, DSL_REQUIRED, NULL},
    {"parameters", &object, 0, NULL},
    {"authentication", &policy_or_name, 0, NULL},
    {"output", &http_output_type, 0, NULL},
    {"redirect", &boolean, 0, NULL},
    END,
};
static const dsl_type openapi = {.kinds = NODE_OBJECT, .properties = openapi_properties};

static const char *const a2a_methods[] = {"message/send",
                                          "message/stream",
                                          "tasks/get",
                                          "tasks/list",
                                          "tasks/cancel",
                                          "tasks/resubscribe",
                                          "tasks/pushNotificationConfig/set",
                                          "tasks/pushNotificationConfig/get",
                                          "tasks/pushNotificationConfig/list",
                                          "tasks/pushNotificationConfig/delete",
                                          "agent/getAuthenticatedExtendedCard",
                                          NULL};
static const dsl_type a2a_method = {.kinds = NODE_STRING, .words = a2a_methods};
static const dsl_type call_parameters = {.kinds = NODE_OBJECT | NODE_STRING, .others = DSL_FREE};
static const dsl_property a2a_properties[] = {
    {"agentCard", &resource, 0, NULL},
    {"server", &endpoint, 0, NULL},
    {"method", &a2a_method, DSL_REQUIRED, NULL},
    {"parameters", &call_parameters, 0, NULL},
    END,
};
static const dsl_type a2a = {.kinds = NODE_OBJECT, .properties = a2a_properties};

static const char *const mcp_methods[] = {"tools/list",
                                          "tools/call",
                                          "prompts/list",
                                          "prompts/get",
                                          "resources/list",
                                          "resources/read",
                                          "resources/templates/list",
                                          NULL};
static const dsl_type mcp_method = {.kinds = NODE_STRING, .words = mcp_methods};
static const dsl_property mcp_http_properties[] = {
    {"endpoint", &endpoint, DSL_REQUIRED, NULL}, {"headers", &text_map, 0, NULL}, END};
static const dsl_type mcp_http = {
    .kinds = NODE_OBJECT, .properties = mcp_http_properties, .others = DSL_FREE};
static const dsl_property mcp_stdio_properties[] = {{"command", &text, DSL_REQUIRED, NULL},
                                                    {"arguments", &text_list, 0, NULL},
                                                    {"environment", &text_map, 0, NULL},
                                                    END};
static const dsl_type mcp_stdio = {
    .kinds = NODE_OBJECT, .properties = mcp_stdio_properties, .others = DSL_FREE};
static const dsl_property mcp_transport_properties[] = {
    {"http", &mcp_http, DSL_CHOICE, NULL},
    {"stdio", &mcp_stdio, DSL_CHOICE, NULL},
    {"options", &text_map, 0, NULL},
    END,
};
static const dsl_type mcp_transport = {
    .kinds = NODE_OBJECT, .properties = mcp_transport_properties, .others = DSL_FREE};
static const dsl_property mcp_client_properties[] = {
    {"name", &text, DSL_REQUIRED, NULL}, {"version", &text, DSL_REQUIRED, NULL}, END};
static const dsl_type mcp_client = {
    .kinds = NODE_OBJECT, .properties = mcp_client_properties, .others = DSL_FREE};
static const dsl_property mcp_properties[] = {
    {"protocolVersion", &text, 0, NULL},
    {"method", &mcp_method, DSL_REQUIRED, NULL},
    {"parameters", &call_parameters, 0, NULL},
    {"timeout", &duration_type, 0, NULL},
    {"transport", &mcp_transport, DSL_REQUIRED, NULL},
    {"client", &mcp_client, 0, NULL},
    END,
};
static const dsl_type mcp = {.kinds = NODE_OBJECT, .properties = mcp_properties, .others = DSL_FREE};

const dsl_property dsl_calls[] = {
    {"http", &http, DSL_REQUIRED, NULL},
    {"asyncapi", &asyncapi, DSL_REQUIRED, "call: asyncapi"},
    {"grpc", &grpc, DSL_REQUIRED, "call: grpc"},
    {"openapi", &openapi, DSL_REQUIRED, "call: openapi"},
    {"a2a", &a2a, DSL_REQUIRED, "call: a2a"},
    {"mcp", &mcp, DSL_REQUIRED, "call: mcp"},
    END,
};

/* ---- Processes ---- */

static const char *const cleanups[] = {"always", "never", "eventually", NULL};
static const dsl_type cleanup = {.kinds = NODE_STRING, .words = cleanups};
static const dsl_property lifetime_properties[] = {
    {"cleanup", &cleanup, DSL_REQUIRED, NULL}, {"after", &duration_type, 0, NULL}, END};
static const dsl_type lifetime = {.kinds = NODE_OBJECT, .properties = lifetime_properties};
static const char *const pull_policies[] = {"ifNotPresent", "always", "never", NULL};
static const dsl_type pull_policy = {.kinds = NODE_STRING, .words = pull_policies};
static const dsl_property container_properties[] = {
    {"image", &text, DSL_REQUIRED, NULL},
    {"name", &text, 0, NULL},
    {"command", &text, 0, NULL},
    {"ports", &object, 0, NULL},
    {"volumes", &object, 0, NULL},
    {"environment", &object, 0, NULL},
    {"stdin", &text, 0, NULL},
    {"arguments", &text_list, 0, NULL},
    {"lifetime", &lifetime, 0, NULL},
    {"pullPolicy", &pull_policy, 0, NULL},
    END,
};
static const dsl_type container = {.kinds = NODE_OBJECT, .properties = container_properties};

static const char *const languages[] = {"javascript", "js", "python", NULL};
static const dsl_type language = {.kinds = NODE_STRING, .words = languages};
static const dsl_property script_properties[] = {
    {"language", &language, DSL_REQUIRED, NULL},
    {"code", &text, DSL_CHOICE, NULL},
    {"source", &resource, DSL_CHOICE, "script.source"},
    {"stdin", &text, 0, NULL},
    {"arguments", &text_list, 0, NULL},
    {"environment", &object, 0, NULL},
    END,
};
static const dsl_type script = {.kinds = NODE_OBJECT, .properties = script_properties};

static const dsl_property shell_properties[] = {
    {"command", &some_text, DSL_REQUIRED, NULL},
    {"stdin", &text, 0, NULL},
    {"arguments", &text_list, 0, NULL},
    {"environment", &object, 0, NULL},
    END,
};
static const dsl_type shell = {.kinds = NODE_OBJECT, .properties = shell_properties};

static const dsl_property subflow_properties[] = {
    {"namespace", &text, DSL_REQUIRED, NULL},
    {"name", &text, DSL_REQUIRED, NULL},
    {"version", &text, DSL_REQUIRED, NULL},
    {"input", &object, 0, NULL},
    END,
};
static const dsl_type subflow = {.kinds = NODE_OBJECT, .properties = subflow_properties};

static const char *const returns[] = {"stdout", "stderr", "code", "all", "none", NULL};
static const dsl_type return_type = {.kinds = NODE_STRING, .words = returns};
static const dsl_property run_properties[] = {
    {"container", &container, DSL_CHOICE, "run: container"},
    {"script", &script, DSL_CHOICE, NULL},
    {"shell", &shell, DSL_CHOICE, NULL},
    {"workflow", &subflow, DSL_CHOICE, "run: workflow"},
    {"await", &boolean, 0, NULL},
    {"return", &return_type, 0, NULL},
    END,
};
static const dsl_type run = {.kinds = NODE_OBJECT, .properties = run_properties};

/* ---- Errors and retries ---- */

static const dsl_property error_properties[] = {
    {"type", &uri, DSL_REQUIRED, NULL}, {"status", &integer_or_expression, DSL_REQUIRED, NULL},
    {"title", &text, 0, NULL},          {"detail", &text, 0, NULL},
    {"instance", &text, 0, NULL},       END,
};
static const dsl_type error = {.kinds = NODE_OBJECT, .properties = error_properties};
static const dsl_type error_or_name = {.kinds = NODE_OBJECT | NODE_STRING, .properties = error_properties};
static const dsl_property raise_properties[] = {{"error", &error_or_name, DSL_REQUIRED, NULL}, END};
static const dsl_type raise = {.kinds = NODE_OBJECT, .properties = raise_properties};

static const dsl_property error_filter_properties[] = {
    {"type", &text, 0, NULL},     {"status", &integer_or_expression, 0, NULL},
    {"instance", &text, 0, NULL}, {"title", &text, 0, NULL},
    {"detail", &text, 0, NULL},   END,
};
static const dsl_type error_filter = {
    .kinds = NODE_OBJECT, .not_empty = true, .properties = error_filter_properties};
static const dsl_property caught_errors_properties[] = {{"with", &error_filter, 0, NULL}, END};
static const dsl_type caught_errors = {.kinds = NODE_OBJECT, .properties = caught_errors_properties};

static const dsl_property backoff_properties[] = {
    {"constant", &no_details, DSL_CHOICE, NULL},
    {"exponential", &no_details, DSL_CHOICE, NULL},
    {"linear", &no_details, DSL_CHOICE, NULL},
    END,
};
static const dsl_type backoff_type = {.kinds = NODE_OBJECT, .properties = backoff_properties};
static const dsl_property attempt_properties[] = {
    {"count", &integer, 0, NULL}, {"duration", &duration_type, 0, NULL}, END};
static const dsl_type attempt = {.kinds = NODE_OBJECT, .properties = attempt_properties};
static const dsl_property limit_properties[] = {
    {"attempt", &attempt, 0, NULL}, {"duration", &duration_type, 0, NULL}, END};
static const dsl_type limit = {.kinds = NODE_OBJECT, .properties = limit_properties};
static const dsl_property jitter_properties[] = {
    {"from", &duration_type, DSL_REQUIRED, NULL}, {"to", &duration_type, DSL_REQUIRED, NULL}, END};
static const dsl_type jitter = {.kinds = NODE_OBJECT, .properties = jitter_properties};
static const dsl_property retry_properties[] = {
    {"when", &condition, 0, NULL},
    {"exceptWhen", &condition, 0, NULL},
    {"delay", &duration_type, 0, NULL},
    {"backoff", &backoff_type, 0, NULL},
    {"limit", &limit, 0, NULL},
    {"jitter", &jitter, 0, NULL},
    END,
};
static const dsl_type retry = {.kinds = NODE_OBJECT, .properties = retry_properties};
static const dsl_type retry_or_name = {.kinds = NODE_OBJECT | NODE_STRING, .properties = retry_properties};

static const dsl_property catch_properties[] = {
    {"errors", &caught_errors, 0, NULL}, {"as", &some_text, 0, NULL},
    {"when", &condition, 0, NULL},       {"exceptWhen", &condition, 0, NULL},
    {"retry", &retry_or_name, 0, NULL},  {"do", &step_list, 0, NULL},
    {"then", &directive, 0, NULL},       END,
};
static const dsl_type catch = {.kinds = NODE_OBJECT, .properties = catch_properties};

/* ---- Steps ---- */

static const dsl_property input_properties[] = {
    {"schema", &schema, 0, NULL}, {"from", &transformation, 0, NULL}, END};
static const dsl_type input = {.kinds = NODE_OBJECT, .properties = input_properties};
static const dsl_property output_properties[] = {
    {"schema", &schema, 0, NULL}, {"as", &transformation, 0, NULL}, END};
static const dsl_type output = {.kinds = NODE_OBJECT, .properties = output_properties};
static const dsl_type export = {.kinds = NODE_OBJECT, .properties = output_properties};

static const dsl_property timeout_properties[] = {{"after", &duration_type, DSL_REQUIRED, NULL}, END};
static const dsl_type timeout = {.kinds = NODE_OBJECT, .properties = timeout_properties};
static const dsl_type timeout_or_name = {.kinds = NODE_OBJECT | NODE_STRING,
                                         .properties = timeout_properties};

static const char *const interruptions[] = {"fault", NULL};
static const dsl_type interruption = {.kinds = NODE_STRING, .words = interruptions};
static const dsl_property own_step_metadata[] = {{"interrupted", &interruption, 0, NULL}, END};
static const dsl_type step_metadata_baton = {.kinds = NODE_OBJECT, .properties = own_step_metadata};
static const dsl_property step_metadata_properties[] = {{"baton", &step_metadata_baton, 0, NULL}, END};
static const dsl_type step_metadata = {
    .kinds = NODE_OBJECT, .properties = step_metadata_properties, .others = DSL_FREE};

const dsl_property dsl_step_base[] = {
    {"if", &condition, 0, NULL},
    {"input", &input, 0, NULL},
    {"output", &output, 0, NULL},
    {"export", &export, 0, NULL},
    {"timeout", &timeout_or_name, 0, NULL},
    {"then", &directive, 0, NULL},
    {"metadata", &step_metadata, 0, NULL},
    END,
};

static const dsl_type step_type = {.form = DSL_STEP, .kinds = NODE_OBJECT};
static const dsl_type step_item = {.kinds = NODE_OBJECT, .single = true, .members = &step_type};
static const dsl_type step_list = {.kinds = NODE_ARRAY, .not_empty = true, .items = &step_item};

static const dsl_property fork_properties[] = {
    {"branches", &step_list, DSL_REQUIRED, NULL}, {"compete", &boolean, 0, NULL}, END};
static const dsl_type forked = {.kinds = NODE_OBJECT, .properties = fork_properties};

static const dsl_type collection = {.kinds = NODE_STRING | NODE_ARRAY, .not_empty = true};
static const dsl_property loop_properties[] = {{"each", &some_text, 0, NULL},
                                               {"in", &collection, DSL_REQUIRED, NULL},
                                               {"at", &some_text, 0, NULL},
                                               END};
static const dsl_type loop = {.kinds = NODE_OBJECT, .properties = loop_properties};

static const dsl_property case_properties[] = {
    {"when", &condition, 0, NULL}, {"then", &directive, DSL_REQUIRED, NULL}, END};
static const dsl_type switch_case_type = {.kinds = NODE_OBJECT, .properties = case_properties};
static const dsl_type case_item = {.kinds = NODE_OBJECT, .single = true, .members = &switch_case_type};
static const dsl_type case_list = {.kinds = NODE_ARRAY, .not_empty = true, .items = &case_item};

static const dsl_type set_data = {
    .kinds = NODE_OBJECT | NODE_STRING, .not_empty = true, .others = DSL_FREE};

static const dsl_property call_step[] = {{"call", &some_text, 0, NULL}, {"with", &any, 0, NULL}, END};
static const dsl_property do_step[] = {{"do", &step_list, 0, NULL}, END};
static const dsl_property emit_step[] = {{"emit", &emit, 0, NULL}, END};
static const dsl_property for_step[] = {
    {"for", &loop, 0, NULL}, {"while", &condition, 0, NULL}, {"do", &step_list, DSL_REQUIRED, NULL}, END};
static const dsl_property fork_step[] = {{"fork", &forked, 0, NULL}, END};
static const dsl_property listen_step[] = {
    {"listen", &listen, 0, NULL}, {"foreach", &iterator, 0, NULL}, END};
static const dsl_property raise_step[] = {{"raise", &raise, 0, NULL}, END};
static const dsl_property run_step[] = {{"run", &run, 0, NULL}, END};
static const dsl_property set_step[] = {{"set", &set_data, 0, NULL}, END};
static const dsl_property switch_step[] = {{"switch", &case_list, 0, NULL}, END};
static const dsl_property try_step[] = {
    {"try", &step_list, 0, NULL}, {"catch", &catch, DSL_REQUIRED, NULL}, END};
static const dsl_property wait_step[] = {{"wait", &duration_type, 0, NULL}, END};

/* `do` last: under `for` it is not the step's type but its body. */
const dsl_step dsl_steps[] = {
    {"call", STEP_CALL, call_step, NULL},
    {"emit", STEP_UNSUPPORTED, emit_step, "emit"},
    {"for", STEP_FOR, for_step, NULL},
    {"fork", STEP_FORK, fork_step, NULL},
    {"listen", STEP_UNSUPPORTED, listen_step, "listen"},
    {"raise", STEP_RAISE, raise_step, NULL},
    {"run", STEP_RUN, run_step, NULL},
    {"set", STEP_SET, set_step, NULL},
    {"switch", STEP_SWITCH, switch_step, NULL},
    {"try", STEP_TRY, try_step, NULL},
    {"wait", STEP_WAIT, wait_step, NULL},
    {"do", STEP_DO, do_step, NULL},
};
const size_t dsl_step_count = sizeof dsl_steps / sizeof *dsl_steps;

/* ---- The workflow ---- */

static const dsl_type own_metadata = {.kinds = NODE_OBJECT};
static const dsl_property metadata_properties[] = {{"baton", &own_metadata, 0, NULL}, END};
static const dsl_type metadata = {
    .kinds = NODE_OBJECT, .properties = metadata_properties, .others = DSL_FREE};
static const dsl_property document_properties[] = {
    {"dsl", &semver, DSL_REQUIRED, NULL},
    {"namespace", &name, DSL_REQUIRED, NULL},
    {"name", &name, DSL_REQUIRED, NULL},
    {"version", &semver, DSL_REQUIRED, NULL},
    {"title", &text, 0, NULL},
    {"summary", &text, 0, NULL},
    {"tags", &object, 0, NULL},
    {"metadata", &metadata, 0, NULL},
    END,
};
static const dsl_type document_type = {.kinds = NODE_OBJECT, .properties = document_properties};

static const char *const targets[] = {"call", "composite", "emit", "for",  "listen", "raise", "run",
                                      "set",  "switch",    "try",  "wait", "all",    NULL};
static const dsl_type target = {.kinds = NODE_STRING, .words = targets};
static const dsl_property extension_properties[] = {
    {"extend", &target, DSL_REQUIRED, NULL},
    {"when", &condition, 0, NULL},
    {"before", &step_list, 0, NULL},
    {"after", &step_list, 0, NULL},
    END,
};
static const dsl_type extension = {.kinds = NODE_OBJECT, .properties = extension_properties};
static const dsl_type extension_item = {.kinds = NODE_OBJECT, .single = true, .members = &extension};
static const dsl_type extensions = {.kinds = NODE_ARRAY, .items = &extension_item};

static const dsl_property catalog_properties[] = {{"endpoint", &endpoint, DSL_REQUIRED, NULL}, END};
static const dsl_type catalog = {.kinds = NODE_OBJECT, .properties = catalog_properties};

static const dsl_type policies = {.kinds = NODE_OBJECT, .members = &policy};
static const dsl_type errors = {.kinds = NODE_OBJECT, .members = &error};
static const dsl_type functions = {.kinds = NODE_OBJECT, .members = &step_type};
static const dsl_type retries = {.kinds = NODE_OBJECT, .members = &retry};
static const dsl_type timeouts = {.kinds = NODE_OBJECT, .members = &timeout};
static const dsl_type catalogs = {.kinds = NODE_OBJECT, .members = &catalog};
static const dsl_property use_properties[] = {
    {"authentications", &policies, 0, NULL},
    {"errors", &errors, 0, NULL},
    {"extensions", &extensions, 0, "use.extensions"},
    {"functions", &functions, 0, NULL},
    {"retries", &retries, 0, NULL},
    {"secrets", &text_list, 0, "use.secrets"},
    {"timeouts", &timeouts, 0, NULL},
    {"catalogs", &catalogs, 0, "use.catalogs"},
    END,
};
static const dsl_type use = {.kinds = NODE_OBJECT, .properties = use_properties};

static const dsl_property schedule_properties[] = {
    {"every", &duration_type, 0, NULL}, {"cron", &text, 0, NULL},       {"after", &duration_type, 0, NULL},
    {"on", &event_strategy, 0, NULL},   {"read", &event_read, 0, NULL}, END,
};
static const dsl_type schedule = {.kinds = NODE_OBJECT, .properties = schedule_properties};

static const char *const modes[] = {"strict", "loose", NULL};
static const dsl_type mode = {.kinds = NODE_STRING, .words = modes};
static const dsl_property evaluate_properties[] = {
    {"language", &some_text, 0, NULL}, {"mode", &mode, 0, NULL}, END};
static const dsl_type evaluate = {.kinds = NODE_OBJECT, .properties = evaluate_properties};

static const dsl_property workflow_properties[] = {
    {"document", &document_type, DSL_REQUIRED, NULL},
    {"input", &input, 0, NULL},
    {"use", &use, 0, NULL},
    {"do", &step_list, DSL_REQUIRED, NULL},
    {"timeout", &timeout_or_name, 0, NULL},
    {"output", &output, 0, NULL},
    {"schedule", &schedule, 0, "schedule"},
    {"evaluate", &evaluate, 0, NULL},
    END,
};
const dsl_type dsl_workflow = {.kinds = NODE_OBJECT, .properties = workflow_properties};

const dsl_step *dsl_step_find(const node *n) {
    for (size_t i = 0; i < dsl_step_count; i++)
        if (node_member_of(n, dsl_steps[i].keyword)) return &dsl_steps[i];
    return NULL;
}

const dsl_property *dsl_property_find(const dsl_property *list, const char *key) {
    for (; list && list->name; list++)
        if (strcmp(list->name, key) == 0) return list;
    return NULL;
}
