#!/usr/bin/env python3
"""Checks the description of the service's API, Sources/Collector/Service/Resources/openapi.json.

Usage: run.py. Exit code 0, or 1 with the problems. It holds the document to the official schema of OpenAPI 3.1
(openapi-spec-validator, installed from PyPI into .build/openapi), to the rules that every route keeps, to its own examples, and
the report in it to Tests/Schemas/report.schema.json.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "Sources/Collector/Service/Resources/openapi.json"
VALIDATOR = "openapi-spec-validator==0.9.0"
METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}
# The routes, and the scope of each.
ROUTES = {
    "GET /healthz": None, "GET /readyz": None, "GET /metrics": "read", "GET /api/v1/openapi.json": None,
    "GET /api/v1/fleets": "read", "GET /api/v1/fleets/{service}/{environment}/hosts": "read", "GET /api/v1/hosts/{name}": "read",
    "GET /api/v1/commits/{sha}": "read", "GET /api/v1/promotions": "read", "POST /api/v1/verifications": "verify",
    "GET /api/v1/verifications/{id}": "read", "DELETE /api/v1/verifications/{id}": "verify",
    "GET /api/v1/verifications/{id}/report.{format}": "read", "GET /api/v1/verifications/{id}/evidence.ndjson": "read",
    "GET /api/v1/events": "read", "POST /api/v1/hooks/{name}": "hook", "GET /badge/{service}/{environment}.svg": "read",
    "GET /badge/{service}/{environment}.json": "read", "GET /": "read", "GET /fleets/{service}/{environment}": "read",
    "GET /hosts/{name}": "read", "GET /commits/{sha}": "read", "GET /verifications/{id}": "read", "GET /promotions": "read",
    "GET /login": None, "POST /login": None, "GET /logout": None, "POST /logout": None,
}
# Keys that say that an object tells what is served, and so must say how old it is.
JUDGEMENTS = {"status", "statuses", "verdict", "proven"}
# Lists of what was, each with its time. It does not age.
HISTORY = {"timeline", "changes", "history", "promotions"}
# Keys of a badge that shields.io names.
SHIELDS = {"schemaVersion", "isError"}
FRESHNESS = {"as_of", "age_seconds", "fresh"}

problems = []


def report(place, text):
    problems.append(f"{place}: {text}")


class Document:
    def __init__(self, content):
        self.content = content

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.content
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def properties(self, schema):
        """The properties of a schema, with those of its parts."""
        schema = self.resolve(schema)
        found = dict(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            found.update(self.properties(part))
        return found

    def required(self, schema):
        schema = self.resolve(schema)
        return set(schema.get("required", [])).union(*(self.required(part) for part in schema.get("allOf", [])))

    def operations(self):
        for path, item in self.content["paths"].items():
            for method in METHODS & set(item):
                yield f"{method.upper()} {path}", item[method]


def check_references(document):
    def walk(node, place):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                try:
                    document.resolve(node)
                except (KeyError, TypeError):
                    report(place, f"'{node['$ref']}' names nothing")
            for key, value in node.items():
                walk(value, f"{place}/{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{place}/{index}")

    walk(document.content, "#")
    text = json.dumps(document.content)
    for kind in ("schemas", "parameters", "responses"):
        for name in document.content["components"][kind]:
            if f'"#/components/{kind}/{name}"' not in text:
                report(f"#/components/{kind}/{name}", "is used nowhere")


def check_operation(document, name, operation):
    responses = {code: document.resolve(answer) for code, answer in operation["responses"].items()}
    scope = ROUTES.get(name, "unknown")
    alternatives = operation.get("security")
    scopes = {scope for one in alternatives or [] for names in one.values() for scope in names}
    if scope is None:
        wanted = {"405"}
        if alternatives != []:
            report(name, "needs no token, so its security is []")
    else:
        wanted = {"401", "403", "405", "429", "503"}
        if scopes != {scope}:
            report(name, f"has the scopes {sorted(scopes)}, not '{scope}'")
        if {} in (alternatives or []) and scope != "read":
            report(name, "nothing but reading is possible without a token")
    if any(document.resolve(parameter)["in"] == "path" for parameter in operation.get("parameters", [])):
        wanted.add("404")
    if "requestBody" in operation:
        wanted.add("413")
    if not any(code[0] in "23" for code in responses):
        report(name, "describes no success")
    for code in sorted(wanted - set(responses)):
        report(name, f"does not describe {code}")
    for code, answer in responses.items():
        types = set(answer.get("content", {}))
        if code[0] in "45" and types != {"application/problem+json"}:
            report(f"{name} {code}", "is not application/problem+json")
        for kind, media in answer.get("content", {}).items():
            check_freshness(document, f"{name} {code}", media.get("schema", {}), kind)
    for parameter in map(document.resolve, operation.get("parameters", [])):
        if parameter["name"] == "limit" and (parameter["schema"]["minimum"], parameter["schema"]["maximum"]) != (1, 1000):
            report(name, "the limit is not 1 to 1000")
    names = {document.resolve(parameter)["name"] for parameter in operation.get("parameters", [])}
    if ("limit" in names) != ("cursor" in names):
        report(name, "pages need both limit and cursor")


def check_freshness(document, place, schema, kind):
    """An answer with a status or a verdict, in itself or in a list of it, says how old it is."""
    if kind != "application/json" or document.resolve(schema) is document.content["components"]["schemas"]["Report"]:
        return
    for name, own in document.properties(schema).items():
        own = document.resolve(own)
        items = document.properties(own.get("items", {})) if own.get("type") == "array" else {}
        if name in HISTORY:
            continue
        if JUDGEMENTS & {name} or JUDGEMENTS & set(items):
            top = document.properties(schema)
            required = document.required(schema)
            parts = document.required(own.get("items", {}))
            if not (FRESHNESS <= set(top) and FRESHNESS <= required or FRESHNESS <= parts):
                report(place, f"'{name}' is without {', '.join(sorted(FRESHNESS))}")


def check_names(document):
    seen = {}
    for name, operation in document.operations():
        if operation["operationId"] in seen:
            report(name, f"has the operationId of {seen[operation['operationId']]}")
        seen[operation["operationId"]] = name

    def walk(node, place):
        if not isinstance(node, dict):
            return
        for key, value in node.get("properties", {}).items():
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", key) and not (place.startswith("Badge") and key in SHIELDS):
                report(place, f"'{key}' is not snake_case")
            walk(value, f"{place}.{key}")
        for required in node.get("required", []) if "properties" in node else ():
            if required not in node["properties"] and place != "Report":
                report(place, f"requires '{required}', which it does not describe")
        for part in [node.get("items")] + [one for key in ("oneOf", "allOf", "anyOf") for one in node.get(key, [])]:
            walk(part, place)

    for name, schema in document.content["components"]["schemas"].items():
        walk(schema, name)


def check_examples(document):
    """Every example is valid, and every JSON answer of the API has one."""
    import jsonschema

    def valid(place, schema, value):
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document.content["components"], **schema}
        for error in jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).iter_errors(value):
            report(place, f"the example is invalid at {'/'.join(map(str, error.absolute_path)) or 'its root'}: {error.message}")

    def content(place, holder):
        for kind, media in holder.get("content", {}).items():
            if "example" in media:
                valid(f"{place} {kind}", media["schema"], media["example"])
            elif kind in ("application/json", "application/problem+json") and "/openapi.json" not in place:
                report(f"{place} {kind}", "has no example")

    for name, operation in document.operations():
        for code, answer in operation["responses"].items():
            answer = document.resolve(answer)
            content(f"{name} {code}", answer)
        content(f"{name} body", operation.get("requestBody", {}))
        for parameter in map(document.resolve, operation.get("parameters", [])):
            if "example" not in parameter:
                report(name, f"the parameter '{parameter['name']}' has no example")
            else:
                valid(f"{name} {parameter['name']}", parameter["schema"], parameter["example"])
    # The examples of problems repeat their status.
    for name, answer in document.content["components"]["responses"].items():
        code = str(answer["content"]["application/problem+json"]["example"]["status"])
        for place, operation in document.operations():
            for used, one in operation["responses"].items():
                if one.get("$ref") == f"#/components/responses/{name}" and used != code:
                    report(f"{place} {used}", f"its example says {code}")


def check_report(document):
    """The report in the description is the one of the schema."""
    import jsonschema

    schema = json.loads((ROOT / "Tests/Schemas/report.schema.json").read_text())
    ours = document.content["components"]["schemas"]
    if set(ours["Report"]["required"]) != set(schema["required"]):
        report("Report", "requires other keys than Tests/Schemas/report.schema.json")
    if ours["Verdict"]["enum"] != schema["properties"]["verdict"]["enum"]:
        report("Verdict", "has other values than Tests/Schemas/report.schema.json")
    statuses = set(schema["properties"]["hosts"]["items"]["properties"]["status"]["enum"])
    if set(ours["HostStatus"]["enum"]) != statuses | {"unknown"}:
        report("HostStatus", "has other values than Tests/Schemas/report.schema.json, and 'unknown'")
    for name, operation in document.operations():
        for answer in map(document.resolve, operation["responses"].values()):
            example = answer.get("content", {}).get("application/json", {}).get("example")
            example = example.get("report", example) if isinstance(example, dict) else None
            if isinstance(example, dict) and example.get("schema") == 2:
                for error in jsonschema.Draft202012Validator(schema).iter_errors(example):
                    report(name, f"the report in the example: {error.message}")


def check_validator():
    folder = ROOT / ".build/openapi"
    tool = folder / "bin/openapi-spec-validator"
    try:
        if not tool.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True, text=True)
            subprocess.run([folder / "bin/pip", "install", "--quiet", VALIDATOR], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        return report("openapi-spec-validator", f"cannot be installed: {(error.stderr or error.stdout).strip()[-300:]}")
    done = subprocess.run([tool, DOCUMENT], capture_output=True, text=True)
    if done.returncode != 0:
        report("openapi-spec-validator", (done.stdout + done.stderr).strip())


def main():
    document = Document(json.loads(DOCUMENT.read_text()))
    check_references(document)
    found = dict(document.operations())
    for name in sorted(set(ROUTES) - set(found)):
        report(name, "is not described")
    for name, operation in sorted(found.items()):
        if name not in ROUTES:
            report(name, "is not in the list of routes, Tests/API/run.py")
        check_operation(document, name, operation)
    check_names(document)
    check_examples(document)
    check_report(document)
    check_validator()
    for problem in problems:
        print(f"Tests/API/run.py: {problem}", file=sys.stderr)
    print(f"{len(found)} operations, {len(document.content['components']['schemas'])} schemas, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
