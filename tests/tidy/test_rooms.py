"""What the import contracts cannot say of rooms: doors do not see one another, and a core sees what is pure alone."""

import ast
import re

FILE = re.compile(r"services/[^/]+/src/(?P<package>\w+)/(?P<room>\w+)/(?P<stage>\w+)(?:\.py|/)")
DOOR = re.compile(r"(http|topic|command)_\w+")
SHARED_BY_DOORS = {"http_answers", "http_bodies", "http_import_tables", "http_refusals"}
"""Parts of a door that stand in files of their own, in its room."""
PURE = {("contacts", "vault")}
"""What is neither core nor a door, a table, a call or state; `texts` is pure as a whole."""


def imports(source):
    """Yield room and stage of each import of a service's file from its own service."""
    package = FILE.match(source.path)["package"]
    for node in ast.walk(source.module):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                parts = [*node.module.split("."), alias.name]
                if parts[0] == package and len(parts) > 2:
                    yield parts[1], parts[2]


def of_rooms(shipped):
    """Yield the files of rooms with their room and stage."""
    for source in shipped:
        match = FILE.match(source.path)
        if match:
            yield source, match["room"], match["stage"]


def test_doors_are_apart(shipped):
    """A door imports no door of another room: what two rooms share lies below both."""
    seen = [
        f"{source.path}: {room}.{stage}"
        for source, own_room, own_stage in of_rooms(shipped)
        if DOOR.fullmatch(own_stage)
        for room, stage in imports(source)
        if DOOR.fullmatch(stage) and (room != own_room or stage not in SHARED_BY_DOORS)
    ]
    assert seen == []


def test_cores_see_cores(shipped):
    """A core imports from its service nothing but what is pure too."""
    seen = [
        f"{source.path}: {room}.{stage}"
        for source, _, own_stage in of_rooms(shipped)
        if own_stage == "core"
        for room, stage in imports(source)
        if stage != "core" and room != "texts" and (room, stage) not in PURE
    ]
    assert seen == []
