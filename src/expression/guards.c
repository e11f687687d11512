/* The definitions. Each renames what it replaces first, so that inside it the name still means libjq's own;
 * names that begin with "__" cannot be said in an expression. Text of one line each: the lines of the joint
 * program are counted. Pure; any thread.
 *
 * Messages are libjq's where it has one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/guards.h"

#include "base/limits.h"

#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

/* For an element of a path. */
#define DEFINE_NAN                                                              \
    "def __nan: if type == \"number\" then . != . else type == \"object\" and " \
    "(.start != .start or .end != .end) end; "

static const char *const definitions[] = {
    /* NaN does not equal itself. Reading at NaN alone is harmless: null. */
    "def __bound: if . == . then . else error(\"Cannot slice at NaN\") end; "
    "def __index: if type == \"object\" and (.start != .start or .end != .end) then "
    "error(\"Cannot slice at NaN\") else . end; ",

    /* Numbers come before "", objects last. */
    "def __setpath(p; v): setpath(p; v); "
    "def __path: reduce (.[]? | select(. > " TEXT(
        LIMIT_ARRAY_INDEX) " and (. < \"\" or (. >= {} and "
                           "(.start != .start or .end != .end))))) as $key (.; error(\"Array index out of "
                           "range\")); "
                           "def setpath(p; v): v as $v | p as $p | __setpath($p | __path; $v); ",

    "def __delpaths(p): delpaths(p); " DEFINE_NAN
    "def delpaths(p): p as $p | if any($p[]?; type == \"array\" and any(.[]; __nan)) then "
    "error(\"Cannot delete at NaN\") else __delpaths($p) end; "
    "def del(f): delpaths([path(f)]); ",

    "def _assign(p; v): v as $v | reduce (path(p) | __path) as $p (.; __setpath($p; $v)); "
    "def _modify(p; f): reduce (path(p) | __path) as $p (.; label $done | "
    "(__setpath($p; getpath($p) | f) | ., break $done), delpaths([$p])); ",

    "def __getpath(p): getpath(p); " DEFINE_NAN "def getpath(p): p as $p | if any($p[]?; __nan) then "
    "error(\"Cannot index with NaN\") else __getpath($p) end; ",

    "def nth($n): .[$n | __index]; "
    "def JOIN($o; f): [.[] | [., $o[f | __index]]]; def JOIN($o; s; f): s | [., $o[f | __index]]; "
    "def JOIN($o; s; f; g): s | [., $o[f | __index]] | g; ",

    "def __indices(i): indices(i); def indices($i): if $i == \"\" and type == \"string\" then [] "
    "else __indices($i | __index) end; "
    "def index($i): indices($i) | .[0]; def rindex($i): indices($i) | .[-1:][0]; ",

    "def __fromstream(f): fromstream(f); def fromstream(f): "
    "__fromstream(f | . as $event | (.[0]? // [] | __path) | $event); "
    "def __truncate_stream(f): truncate_stream(f); "
    "def truncate_stream(f): if . == . then __truncate_stream(f) else error(\"Cannot slice at NaN\") end; ",

    "def __implode: implode; def implode: if type == \"array\" then map(if type == \"number\" and "
    "((. >= 0 and . <= 1114111) | not) then 65533 else . end) else . end | __implode; ",

    /* libjq steps through bytes at empty matches, and reports one at the end several times. Beyond ASCII
     * empty matches are left out ("n"). */
    "def __match($re; $mode): . as $s | _match_impl($re; if ($mode | type) == \"string\" and ($s | type) "
    "== "
    "\"string\" and ($mode | contains(\"g\")) and ($s | utf8bytelength != length) then $mode + \"n\" else "
    "$mode end; false) | reduce .[] as $m ([]; if $m.length == 0 and length > 0 and .[-1].length == 0 and "
    ".[-1].offset == $m.offset then . else . + [$m] end); "
    "def match(re; mode): mode as $mode | re as $re | __match($re; $mode) | .[]; "
    "def __spread(f): (type) as $t | if $t == \"string\" then [., null] elif $t == \"array\" and length > "
    "0 then "
    "[.[0], .[1]] else error($t + \" not a string or array\") end | f; "
    "def match($val): . as $s | $val | __spread(. as $v | $s | match($v[0]; $v[1])); "
    "def __named: reduce (.captures[] | select(.name != null)) as $c ({}; . + {($c.name): $c.string}); "
    "def capture(re; mods): match(re; mods) | __named; "
    "def capture($val): match($val) | __named; "
    "def scan(re): match(re; \"g\") | if (.captures | length) > 0 then [.captures[].string] else .string "
    "end; "
    "def splits($re; flags): . as $s | [match($re; \"g\" + flags) | .offset, .offset + .length] | "
    "[0] + . + [$s | length] | range(0; length; 2) as $i | $s[.[$i]:.[$i + 1]]; "
    "def splits($re): splits($re; null); "
    "def split($re; flags): [splits($re; flags)]; "
    "def sub($re; s; $flags): . as $s | [match($re; $flags)] as $m | def __from($i; $at): "
    "if $i == ($m | length) then $s[$at:] else $m[$i] as $e | $s[$at:$e.offset] + ($e | __named | s) + "
    "__from($i + 1; $e.offset + $e.length) end; __from(0; 0); "
    "def sub($re; s): sub($re; s; \"\"); "
    "def gsub($re; s; $flags): sub($re; s; $flags + \"g\"); "
    "def gsub($re; s): sub($re; s; \"g\"); ",

    /* The time zone of the machine shows in mktime, %Z and %s. Days are counted in years that begin in
       March. */
    "def mktime: if type != \"array\" or length < 6 then error(\"mktime requires array of 6 numbers\") "
    "elif any(.[:6][]; type != \"number\" or . != . or . > 2147483647 or . < -2147483648) then "
    "error(\"mktime requires parsed datetime inputs\") else (.[:6] | map(trunc)) as $t | "
    "($t[1] / 12 | floor) as $carry | ($t[1] - $carry * 12) as $month | "
    "($t[0] + $carry - (if $month < 2 then 1 else 0 end)) as $year | ($year / 400 | floor) as $era | "
    "($year - $era * 400) as $y | (if $month < 2 then $month + 10 else $month - 2 end) as $m | "
    "($era * 146097 + $y * 365 + ($y / 4 | floor) - ($y / 100 | floor) + ((153 * $m + 2) / 5 | floor) + "
    "$t[2] - 719469) * 86400 + $t[3] * 3600 + $t[4] * 60 + $t[5] end; "
    "def localtime: gmtime; "
    "def __zone: \"%[-_0^#]*[0-9]*[EO]?\"; "
    "def __format($f): if $f | test(__zone + \"[sZ]\") then . as $t | $f | split(\"%%\") | "
    "map(split(\"%Z\") | "
    "join(\"UTC\") | if contains(\"%s\") then split(\"%s\") | join($t | mktime | tostring) else . end | "
    "if test(__zone + \"[sZ]\") then error(\"strftime/1: %s and %Z take no flags\") else . end) | "
    "join(\"%%\") else $f end; "
    "def __strftime(f): strftime(f); "
    "def __print($f; $name): if ($f | type) != \"string\" then error($name + \" requires a string "
    "format\") "
    "elif type != \"number\" and type != \"array\" then error($name + \" requires parsed datetime "
    "inputs\") "
    "else (if type == \"number\" then gmtime else . end) | __strftime(__format($f)) end; "
    "def strftime($f): __print($f; \"strftime/1\"); "
    "def strflocaltime($f): __print($f; \"strflocaltime/1\"); "
    "def __strptime(f): strptime(f); "
    "def strptime($f): if ($f | type) == \"string\" and ($f | any(split(\"%%\")[]; test(__zone + \"s\"))) "
    "then "
    "error(\"strptime/1: %s is not supported\") else __strptime($f) end; "
    "def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\"); def todate: todateiso8601; "
    "def fromdateiso8601: strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime; def fromdate: fromdateiso8601; ",

    "def __multiply(a; b): a * b; "
    "def __repeat($s; $n): if ($s | type) == \"string\" and ($n | type) == \"number\" and "
    "__multiply(1 + ($s | utf8bytelength); $n) > " TEXT(
        LIMIT_STRING_REPEAT) " then "
                             "error(\"Repeat string result too long\") else . end; "
                             "def _multiply(a; b): b as $b | a as $a | if $a >= \"\" then __repeat($a; $b) "
                             "| __multiply($a; $b) "
                             "elif $b >= \"\" then __repeat($b; $a) | __multiply($a; $b) else "
                             "__multiply($a; $b) end; ",

    "def __modulo(a; b): a % b; def _mod(a; b): b as $b | a as $a | if ($b | type) == \"number\" and $b > "
    "-2 and "
    "$b <= -1 and ($a | type) == \"number\" then 0 else __modulo($a; $b) end; ",

    "def __error(f): error(f); "
    "def error(f): f as $e | if $e == null then __error(\"null\") else __error($e) end; "
    "def error: error(.); ",
};

_Static_assert(sizeof definitions / sizeof *definitions == 14, "one text for each guard");

static const guarded_function functions[] = {
    {"JOIN", GUARD_NAN | GUARD_NTH, GUARD_IF_NAN, true},
    {"capture", GUARD_REGEX, GUARD_ALWAYS, false},
    {"del", GUARD_DELPATHS, GUARD_IF_INDEX, false},
    {"delpaths", GUARD_DELPATHS, GUARD_ALWAYS, false},
    {"error", GUARD_ERROR, GUARD_ALWAYS, false},
    {"fromdate", GUARD_TIME, GUARD_ALWAYS, false},
    {"fromdateiso8601", GUARD_TIME, GUARD_ALWAYS, false},
    {"fromstream", GUARD_SETPATH | GUARD_STREAM, GUARD_ALWAYS, false},
    {"getpath", GUARD_GETPATH, GUARD_IF_NAN, true},
    {"gmtime", GUARD_TIME, GUARD_ALWAYS, false},
    {"gsub", GUARD_REGEX, GUARD_ALWAYS, false},
    {"implode", GUARD_IMPLODE, GUARD_ALWAYS, false},
    {"index", GUARD_NAN | GUARD_INDICES, GUARD_ALWAYS, true},
    {"indices", GUARD_NAN | GUARD_INDICES, GUARD_ALWAYS, true},
    {"localtime", GUARD_TIME, GUARD_ALWAYS, false},
    {"match", GUARD_REGEX, GUARD_ALWAYS, false},
    {"mktime", GUARD_TIME, GUARD_ALWAYS, false},
    {"nth", GUARD_NAN | GUARD_NTH, GUARD_IF_NAN, true},
    {"rindex", GUARD_NAN | GUARD_INDICES, GUARD_ALWAYS, true},
    {"scan", GUARD_REGEX, GUARD_ALWAYS, false},
    {"setpath", GUARD_SETPATH, GUARD_ALWAYS, false},
    {"split", GUARD_REGEX, GUARD_ALWAYS, false},
    {"splits", GUARD_REGEX, GUARD_ALWAYS, false},
    {"strflocaltime", GUARD_TIME, GUARD_ALWAYS, false},
    {"strftime", GUARD_TIME, GUARD_ALWAYS, false},
    {"strptime", GUARD_TIME, GUARD_ALWAYS, false},
    {"sub", GUARD_REGEX, GUARD_ALWAYS, false},
    {"todate", GUARD_TIME, GUARD_ALWAYS, false},
    {"todateiso8601", GUARD_TIME, GUARD_ALWAYS, false},
    {"truncate_stream", GUARD_SETPATH | GUARD_STREAM, GUARD_ALWAYS, false},
};

static bool same(const char *word, const char *name, size_t size) {
    return strlen(word) == size && memcmp(word, name, size) == 0;
}

const guarded_function *guard_find(const char *name, size_t size) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (same(functions[i].name, name, size)) return &functions[i];
    return NULL;
}

bool guard_refuses(const char *name, size_t size) {
    static const char *const refused[] = {
        "debug",      "env",    "get_jq_origin", "get_prog_origin", "get_search_list", "halt",
        "halt_error", "import", "include",       "input",           "input_filename",  "input_line_number",
        "inputs",     "module", "modulemeta",    "stderr",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (same(refused[i], name, size)) return true;
    return false;
}

void guards_append(buffer *b, unsigned guards) {
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++)
        if (guards & 1u << i) buffer_puts(b, definitions[i]);
}
