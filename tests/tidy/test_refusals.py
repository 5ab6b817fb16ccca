"""Every problem code that the code can raise is declared by a route, and every declared one can be raised."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from gridcare import errors
from gridcare.http.documents.refusals import Refusal
from gridcare.http.guard import doors_of
from gridcare.http.routes import refusals

ROOT = Path(__file__).parents[2]
STATUS = {name: kind.status for name, kind in vars(errors).items() if getattr(kind, "status", None)}
PACKAGES = {
    "outage-notifier": "outage_notifier",
    "repair-intake": "repair_intake",
    "billing-gateway": "billing_gateway",
}


def raised(service: str) -> set[tuple[int, str]]:
    """Return status and code of each refusal that a service's sources write out."""
    found = set()
    for path in (ROOT / "services" / service / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STATUS and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add((STATUS[node.func.id], code.value))
    return found


def written(service: str) -> set[str]:
    """Return every text of a service's sources that looks like a problem code, outside of its declarations."""
    texts = set()
    for path in (ROOT / "services" / service / "src").rglob("*.py"):
        tree = ast.parse(path.read_text())
        declared = {
            id(argument)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal"
            for argument in node.args
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                texts.add("".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in declared:
                texts.add(node.value)
    return texts


def declared(package: str) -> set[Refusal]:
    """Return all that the routes of a service's app may refuse."""
    app = import_module(f"{package}.app").build_app(None)
    return {refusal for several in refusals(app, doors_of(app)).values() for refusal in several}


@pytest.mark.parametrize(("service", "package"), PACKAGES.items())
def test_raised_codes_are_declared(service, package):
    """What a use case refuses is in the OpenAPI document, under the status that it has."""
    assert raised(service) - {(each.status, each.code) for each in declared(package)} == set()


@pytest.mark.parametrize(("service", "package"), PACKAGES.items())
def test_declared_codes_are_raised(service, package):
    """A declared code that nothing raises would be a lie."""
    shared = {each.code for each in declared("repair_intake")} & {each.code for each in declared("billing_gateway")}
    texts = written(service)
    patterns = [re.compile(re.escape(text).replace(r"\*", "[a-z]+")) for text in texts if "*" in text and "-" in text]
    own = {each.code for each in declared(package)} - shared - {"too-many-requests"}
    unknown = {code for code in own if code not in texts and not any(each.fullmatch(code) for each in patterns)}
    assert unknown == set()
