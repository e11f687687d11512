#!/usr/bin/python3
"""The differential test: the same random cases through the seed's own JavaScript (seed.mjs) and through
Baton (driver.c), and nothing may differ but what README.md lists.

usage: tests/differential/run.py BUILD_DIR [--seed N] [--count N]

Needs node, and the seed ($BATON_SHARED/seed.md); without them it ends with 77, "skipped".

SPDX-License-Identifier: Apache-2.0
"""
import argparse, json, os, random, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ENGINE_KEYS = ("executionId", "executionStrategy", "scheduledExecution")


# ---- Making cases ----

def some_text(rng):
    return rng.choice(["", "a", "plain text", "zwölf Boxkämpfer", "日本", "\U0001f600", 'quoted "so"', "%s %d",
                       "line\nbreak", "back\\slash", "\u0001"])


def some_value(rng, depth=0):
    kind = rng.randrange(8 if depth < 3 else 5)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random() < 0.5
    if kind == 2:
        return rng.randrange(-1000, 1000)
    if kind == 3:
        return rng.choice([0.5, -2.25, 1e21, 1e-7, 9007199254740991, 0.1])
    if kind < 6:
        return some_text(rng)
    if kind == 6:
        return [some_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice("abcdef"): some_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def some_key(rng):
    return rng.choice(["total", "user", "x", "größe", "two words", "step", "step_0", "results"])


def some_actions(rng, at, simple):
    """What a step does to the context. Keys of the engine are written but not removed, and step_<i>_result
    only after step i: README.md says why."""
    actions = []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        if rng.random() < 0.25:
            actions.append({"remove": some_key(rng)})
            continue
        key = some_key(rng)
        if rng.random() < 0.1:
            key = rng.choice(["executionStrategy", "scheduledExecution"])
        elif at and not simple and rng.random() < 0.1:
            key = "step_%d_result" % rng.randrange(at)
        actions.append({"set": key, "value": some_value(rng)})
    return actions


def some_step(rng, at, simple):
    step = {"name": "step-%d" % at if rng.random() < 0.7 else "Schritt %d" % at,
            "actions": some_actions(rng, at, simple)}
    kind = rng.random()
    if kind < 0.1:
        step["fail"] = some_text(rng) or "failed"
    elif kind < 0.2:
        step["has"] = rng.choice([some_key(rng), "step_0_result" if not simple else "x", "executionId"])
    elif kind < 0.4:
        source, path = rng.choice([(some_key(rng), []), ("executionStrategy", []), ("scheduledExecution", ["estimatedDuration"]),
                                   ("scheduledExecution", ["dependencies"]),
                                   ("x" if simple else "step_%d_result" % rng.randrange(at + 1),
                                    [rng.choice(["result", "stepName", "success", "error"])])])
        step["from"], step["path"] = source, path
    elif kind < 0.45:
        step["status"] = True
    elif kind < 0.97:
        step["value"] = some_value(rng)
    return step


def some_options(rng):
    options = {}
    if rng.random() < 0.8:
        options["strategy"] = rng.choice(["basic", "basic", "simple", "parallel", "Basic", ""])
    if rng.random() < 0.6:
        options["priority"] = rng.choice(["high", "normal", "low", "urgent"])
    if rng.random() < 0.4:
        options["critical"] = rng.random() < 0.7
    if rng.random() < 0.3:
        options["dependencies"] = ["dep-%d" % i for i in rng.sample(range(9), rng.randrange(4))]
    return options


def some_workflow(rng, number):
    options = some_options(rng)
    simple = options.get("strategy") == "simple"
    context = {some_key(rng): some_value(rng) for _ in range(rng.choice([0, 0, 1, 2, 4]))}
    if rng.random() < 0.05:
        context["executionId"] = "of another time"
    steps = [some_step(rng, i, simple) for i in range(rng.choice([0, 1, 1, 2, 3, 3, 5, 8, 20]))]
    return {"kind": "workflow", "name": "workflow-%d" % number, "steps": steps, "context": context,
            "options": options}


def some_queue(rng, number):
    max_size, now, operations = rng.choice([0, 0, 1, 3, 10]), 1000, []
    for i in range(rng.choice([5, 30, 300])):
        now += rng.randrange(3)
        kind = rng.random()
        if kind < 0.6:
            operations.append({"now": now, "enqueue": "execution-%d-%d" % (number, i)})
        else:
            operations.append({"now": now, "what": "dequeue" if kind < 0.8 else "clear" if kind < 0.81 else
                               "length" if kind < 0.9 else "statistics"})
    return {"kind": "queue", "maxSize": max_size, "operations": operations}


def some_scheduler(rng, number):
    ids, now, operations = ["never"], 1000, []
    for i in range(rng.choice([3, 20, 100])):
        now += rng.randrange(3)
        kind, operation = rng.random(), {"now": now}
        if kind < 0.5:
            options = some_options(rng)
            options["dependencies"] = [rng.choice(ids) for _ in range(rng.randrange(3))]
            if options.get("priority") == "low":
                del options["priority"]
            ids.append("execution-%d-%d" % (number, i))
            operation["schedule"] = {"id": ids[-1], "steps": rng.choice([0, 1, 2, 7, 100]), "options": options}
        elif kind < 0.8:
            operation["get" if kind < 0.65 else "remove"] = rng.choice(ids)
        operations.append(operation)
    return {"kind": "scheduler", "operations": operations}


# ---- Comparing: what README.md lists is taken away on both sides ----

def plain_context(context, own_id, simple):
    plain = {}
    for key, value in context.items():
        if re.fullmatch(r"step_\d+_result", key) and isinstance(value, dict) and "stepName" in value:
            if simple:
                continue
            value = {k: v for k, v in value.items() if k not in ("duration", "attempts")}
            value.setdefault("result", None)
        elif key == "scheduledExecution" and isinstance(value, dict) and "scheduledAt" in value:
            value = dict(value, scheduledAt=bool(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value["scheduledAt"])),
                         id=value["id"] == own_id)
            value.pop("priority")  # compared by itself
        elif key == "executionId":
            value = value == own_id
        plain[key] = value
    return plain


def plain_workflow(case, outcome, low):
    simple = outcome["strategy"] == "simple_sequential"
    plain = {key: outcome[key] for key in ("success", "strategy", "stepCount", "priority", "estimate",
                                           "dependencies", "after", "metrics")}
    if low and case["options"].get("priority") == "low":
        plain["priority"] -= 1
    plain["results"] = []
    for result in outcome["results"]:
        result = {k: v for k, v in result.items() if k not in ("duration", "attempts")}
        if simple:
            result.pop("result", None)
        elif result["success"]:
            result.setdefault("result", None)
        plain["results"].append(result)
    plain["id"] = bool(re.fullmatch(r"exec_\d+_[0-9a-z]{1,9}", outcome["id"]))
    plain["context"] = plain_context(outcome["context"], outcome["id"], simple)
    return plain


def differences(case, seeds, batons):
    if case["kind"] == "workflow":
        seeds, batons = plain_workflow(case, seeds, True), plain_workflow(case, batons, False)
        return [(key, seeds[key], batons[key]) for key in seeds if seeds[key] != batons[key]]
    if len(seeds) != len(batons):
        return [("operations", len(seeds), len(batons))]
    return [("%d: %s" % (i, case["operations"][i]), a, b) for i, (a, b) in enumerate(zip(seeds, batons)) if a != b]


# ---- Running ----

def sanitizers(build):
    with open(os.path.join(build, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as f:
        value = next((o["value"] for o in json.load(f) if o["name"] == "b_sanitize"), "none")
    value = ",".join(value) if isinstance(value, list) else value
    return [] if value in ("", "none") else ["-fsanitize=" + value]


def make_driver(build, folder):
    library, program = os.path.join(build, "src"), os.path.join(folder, "driver")
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra",
                    *sanitizers(build), "-I", os.path.join(ROOT, "include"), os.path.join(HERE, "driver.c"),
                    "-L", library, "-lbaton", "-Wl,-rpath," + library, "-o", program], check=True)
    return program


def outcomes_of(argv, lines, count):
    run = subprocess.run(argv, input=lines, capture_output=True, text=True, encoding="utf-8", timeout=200)
    outcomes = run.stdout.splitlines()
    if run.returncode or len(outcomes) != count:
        sys.exit("%s ended with %d after %d of %d cases\n%s" % (argv[0], run.returncode, len(outcomes), count,
                                                               run.stderr[-4000:]))
    return [json.loads(outcome) for outcome in outcomes]


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    shared = os.environ.get("BATON_SHARED")
    if not shared or not os.path.exists(os.path.join(shared, "seed.md")):
        skip("there is no seed.md (BATON_SHARED)")
    if not shutil.which("node"):
        skip("there is no node")

    print("seed %d" % options.seed)
    rng = random.Random(options.seed)
    cases = [some_workflow(rng, i) for i in range(options.count)]
    for make in (some_queue, some_scheduler):
        cases += [make(rng, i) for i in range(options.count // 5)]
    lines = "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)
    with tempfile.TemporaryDirectory() as folder:
        batons = outcomes_of([make_driver(os.path.abspath(options.build), folder)], lines, len(cases))
    seeds = outcomes_of(["node", os.path.join(HERE, "seed.mjs"), os.path.join(shared, "seed.md")], lines, len(cases))

    found = 0
    for case, a, b in zip(cases, seeds, batons):
        for what, is_seed, is_baton in differences(case, a, b):
            found += 1
            if found <= 10:
                print("%s %s: %s\n    seed:  %s\n    Baton: %s\n    case:  %s" % (
                    case["kind"], case.get("name", ""), what, json.dumps(is_seed), json.dumps(is_baton),
                    json.dumps(case)[:2000]))
    print("%d sequences of queue operations, %d of scheduler operations" % ((options.count // 5,) * 2))
    print("%d workflows, %d differences" % (options.count, found))
    return 1 if found else 0


sys.exit(main())
