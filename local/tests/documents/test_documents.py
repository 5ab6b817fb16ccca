"""The generated documents are current and correct."""

import ast
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from gridcare.events import ALL_TOPICS, event_types
from gridcare_local.documents.acls import acls_of
from gridcare_local.documents.asyncapi import events_on, topics_of
from gridcare_local.documents.write import (
    PACKAGES,
    RECEIVES,
    SENDS,
    applications,
    documents,
    generated_files,
    write_documents,
)

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "shared/tests/events/samples"


@pytest.fixture(scope="module")
def made():
    return documents()


def test_documents_are_current(made):
    """The files in docs/ are those that the code generates; if not, run `make docs`."""
    docs = ROOT / "docs"
    assert sorted(generated_files(docs)) == sorted(made)
    assert [name for name, text in made.items() if (docs / name).read_text() != text] == []


def test_topics_carry_events():
    """A topic is declared with its first event: one without any would be created, kept and guarded for nobody."""
    assert [topic.name for topic in ALL_TOPICS if not events_on(topic)] == []


def test_access_lists_as_printed(made, tmp_path):
    """A shell that runs the script calls Kafka's command with just the entries that are meant, and stops where one fails."""
    script, calls, command = tmp_path / "acls.sh", tmp_path / "calls", tmp_path / "kafka-acls.sh"
    script.write_text(made["events/acls.sh"])
    command.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    command.chmod(0o755)
    surrounding = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BOOTSTRAP": "kafka:9093", "ADMIN": "admin.properties"}
    subprocess.run(["sh", script], env=surrounding, check=True)
    assert {each for call in calls.read_text().splitlines() for each in entries(call)} == {
        (each.principal, each.resource.name.lower(), each.name, each.operation.words())
        for service in applications()
        for each in acls_of(service)
    }
    for left_out in ("BOOTSTRAP", "ADMIN"):
        partly = {name: value for name, value in surrounding.items() if name != left_out}
        assert subprocess.run(["sh", script], env=partly, check=False, capture_output=True).returncode != 0
    calls.unlink()
    command.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexit 1\n')
    assert subprocess.run(["sh", script], env=surrounding, check=False).returncode != 0
    assert len(calls.read_text().splitlines()) == 1


def entries(call: str) -> set[tuple[str, ...]]:
    """Return (principal, resource, name, operation) of each entry that a call of Kafka's command adds: any with any."""
    words = call.split()
    assert words[:5] == ["--bootstrap-server", "kafka:9093", "--command-config", "admin.properties", "--add"]
    given = list(zip(words[5::2], words[6::2], strict=True))
    users = [value.removeprefix("User:") for option, value in given if option == "--allow-principal"]
    operations = [value for option, value in given if option == "--operation"]
    resources = [(option[2:], value) for option, value in given if option in {"--topic", "--group"}]
    assert len(users) + len(operations) + len(resources) == len(given)
    return {(user, *resource, operation) for user in users for resource in resources for operation in operations}


def test_documents_are_reproducible(made):
    """Generating the documents twice gives the same texts."""
    assert documents() == made


def test_stale_documents_are_removed(tmp_path):
    """A document that is no longer generated is deleted."""
    (tmp_path / "api").mkdir()
    (tmp_path / "api/gone-service.openapi.json").touch()
    written = write_documents(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in written} == set(generated_files(tmp_path))


@pytest.mark.parametrize("service", PACKAGES)
def test_all_references_resolve(made, service):
    """Each `$ref` of an AsyncAPI document resolves, and an operation's messages are in its channel."""
    document = yaml.safe_load(made[f"events/{service}.asyncapi.yaml"])
    for reference in references(document):
        node = document
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]
        assert node is not None
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert all(each["$ref"].startswith(operation["channel"]["$ref"]) for each in operation["messages"])


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


@pytest.mark.parametrize("service", PACKAGES)
def test_records_fit_documents(made, service):
    """The headers and data of each event's sample fit the message in a service's document."""
    document = yaml.safe_load(made[f"events/{service}.asyncapi.yaml"])
    checked = 0
    for name, message in document["components"]["messages"].items():
        if (SAMPLES / f"{name}.json").exists():
            sample = json.loads((SAMPLES / f"{name}.json").read_text())
            jsonschema.validate(sample["headers"], message["headers"])
            jsonschema.validate(sample["value"], {**message["payload"], "components": document["components"]})
            checked += 1
    assert checked > 1


@pytest.mark.parametrize("name", ["ce_aggregateversion", "ce_sequence"])
@pytest.mark.parametrize("service", PACKAGES)
def test_versions_are_demanded(made, service, name):
    """A record fits with its version under either name, and not without one: a consumer would put it aside."""
    document = yaml.safe_load(made[f"events/{service}.asyncapi.yaml"])
    sample = json.loads((SAMPLES / "SupplyPointChanged.json").read_text())["headers"]
    bare = {key: value for key, value in sample.items() if key not in {"ce_aggregateversion", "ce_sequence"}}
    schema = document["components"]["messages"]["SupplyPointChanged"]["headers"]
    jsonschema.validate({**bare, name: "7"}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bare, schema)


@pytest.mark.parametrize("service", PACKAGES)
def test_sent_events_are_documented(service):
    """The events that a service's use cases and rules make are exactly those listed for it."""
    names = {each.__name__ for each in event_types().values()}
    made = {name for path in sources(service) if is_rule_or_use_case(path) for name in makes(path)}
    assert made & names == {event.__name__ for event in SENDS[service]}


def test_every_event_has_a_writer():
    """Every declared event is written by some service."""
    assert {event for sends in SENDS.values() for event in sends} == set(event_types().values())


def makes(path):
    """Yield the names that a file calls, returns, assigns or has in a table, but not those it only mentions."""
    for node in ast.walk(ast.parse(path.read_text())):
        parts = [node.func] if isinstance(node, ast.Call) else node.values if isinstance(node, ast.Dict) else []
        parts = [node.value] if isinstance(node, ast.Assign | ast.Return) else parts
        parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else parts
        yield from (part.id for part in parts if isinstance(part, ast.Name))


@pytest.mark.parametrize("service", PACKAGES)
def test_received_topics_are_documented(service):
    """The topics that a service has a door for are exactly those listed for it."""
    doors = {
        path.stem.removeprefix("topic_").replace("_", "-")
        for path in sources(service)
        if path.stem.startswith("topic_")
    }
    listed = {topic.name for topics in RECEIVES[service].values() for topic in topics}
    assert {name.removesuffix(".v1").partition(".")[0] for name in listed} == {
        door for door in doors if any(topic.name.startswith(f"{door}.") for topic in all_topics())
    }


def all_topics():
    return {topic for event in event_types().values() for topic in topics_of(event)}


def sources(service):
    """Return the files of a service and those files of the shared projection of supply points that it uses."""
    own = sorted((ROOT / "services" / service / "src" / PACKAGES[service]).rglob("*.py"))
    imports = {
        node for path in own for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
    }
    named = {f"{node.module}.{name.name}" for node in imports for name in node.names} | {
        node.module for node in imports
    }
    shared = (ROOT / "shared/src/gridcare/known_supply_points").glob("*.py")
    return [*own, *(path for path in shared if f"gridcare.known_supply_points.{path.stem}" in named)]


def is_rule_or_use_case(path):
    return {"core", "flow"} & {path.stem, path.parent.name} != set()


def test_topics_are_read_once():
    """No service reads a topic in two consumer groups."""
    for application in applications():
        topics = [topic.name for group in application.receives.values() for topic in group]
        assert len(topics) == len(set(topics))
