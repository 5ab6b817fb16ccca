"""The three OpenAPI documents speak one language: operations and types are named by one rule, and everything has an example."""

import ast
import inspect
import re
from importlib import import_module
from itertools import chain

import jsonschema
import pytest
from fastapi.routing import iter_route_contexts

PACKAGES = ("outage_notifier", "repair_intake", "billing_gateway")
APPS = {package: import_module(f"{package}.app").build_app(None) for package in PACKAGES}
DOCUMENTS = {package: app.openapi() for package, app in APPS.items()}
VERBS = {
    "GET": "read list store",
    "POST": "create register submit begin add import publish preview revise cancel restore mark store",
    "PUT": "edit replace prefer choose import",
    "DELETE": "remove",
}
"""What an operation may do, by its method. A provider's callback is stored, whatever method it comes by."""
CLOSED = re.compile(r"kind|state|status|channel|lane|category|provider|platform|action|sms_encoding")
"""Fields whose values are a closed set."""


def operations(document):
    """Yield each operation with its method and path."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def leaves(node, name=""):
    """Yield the single values of an example, each with the name of its field."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, name)
    else:
        yield name, node


@pytest.mark.parametrize("package", PACKAGES)
def test_operations_name_use_cases(package):
    """An operation is named as the use case that its door calls."""
    for context in iter_route_contexts(APPS[package].routes):
        route = context.original_route
        if getattr(route, "include_in_schema", False) and route.endpoint.__module__.startswith(package):
            module = ast.parse(inspect.getsource(route.endpoint).lstrip())
            called = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
            use_cases = {
                each for each in called if ".flow" in getattr(route.endpoint.__globals__.get(each), "__module__", "")
            }
            assert route.name in use_cases, route.path


@pytest.mark.parametrize("package", PACKAGES)
def test_operations_are_verbs_and_nouns(package):
    """An operation is a verb of its method and a noun: `list_` for what gives pages and for nothing else."""
    for method, path, operation in operations(DOCUMENTS[package]):
        verb, _, noun = operation["operationId"].partition("_")
        assert (verb in VERBS[method].split(), bool(noun)) == (True, True), path
        answer = next(answer for status, answer in operation["responses"].items() if status < "400")
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if method == "GET":
            assert schema.get("$ref", "").endswith("Page") == (verb == "list"), path


@pytest.mark.parametrize("package", PACKAGES)
def test_types_are_named_alike(package):
    """A type is what comes In, what goes Out, a Page of that, the Problem, or a closed set."""
    schemas = DOCUMENTS[package]["components"]["schemas"]
    odd = [name for name, each in schemas.items() if not re.search("(In|Out|Page)$", name) and "enum" not in each]
    assert odd == ["Problem"]
    for name in schemas:
        if name.endswith("Page"):
            assert f"{name.removesuffix('Page')}Out" in schemas


@pytest.mark.parametrize("package", PACKAGES)
def test_sets_are_enums(package):
    """Kinds, states and the like list their values wherever they stand."""
    document = DOCUMENTS[package]
    schemas = document["components"]["schemas"]
    fields = [
        (name, field, part) for name, each in schemas.items() for field, part in each.get("properties", {}).items()
    ]
    fields += [
        (operation["operationId"], each["name"], each["schema"])
        for _, _, operation in operations(document)
        for each in operation.get("parameters", ())
    ]
    for owner, name, part in fields:
        if CLOSED.fullmatch(name) and owner != "Problem":
            named = [schemas[each] for each in re.findall(r"schemas/(\w+)", str(part))]
            assert any("'enum'" in str(each) or "'const'" in str(each) for each in [part, *named]), f"{owner}.{name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_has_an_example(package):
    """Each request and each answer with a body has an example that fits its schema, of words and not of placeholders."""
    document = DOCUMENTS[package]
    for _, path, operation in operations(document):
        for said in chain([operation.get("requestBody", {})], operation["responses"].values()):
            for media_type, content in said.get("content", {}).items():
                assert "example" in content, path
                if media_type.endswith("json"):
                    jsonschema.validate(content["example"], {**content["schema"], "components": document["components"]})
                placeholders = [name for name, value in leaves(content["example"]) if value == name]
                assert placeholders == [], path


@pytest.mark.parametrize("package", PACKAGES)
def test_headers_are_documented(package):
    """A refusal that says how long to wait has Retry-After, and one of a token WWW-Authenticate."""
    for _, path, operation in operations(DOCUMENTS[package]):
        for status, answer in operation["responses"].items():
            expected = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}.get(status, [])
            assert list(answer.get("headers", {})) == expected, path


@pytest.mark.parametrize("package", PACKAGES)
def test_pages_are_whole(package):
    """A page always has its items and `next`, which a generated client need not guess."""
    schemas = DOCUMENTS[package]["components"]["schemas"]
    pages = [each for name, each in schemas.items() if name.endswith("Page")]
    assert pages
    assert all(set(each["required"]) == {"items", "next"} for each in pages)
