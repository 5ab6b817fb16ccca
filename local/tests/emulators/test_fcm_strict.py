"""The strict check of messages: FCM's names, types and limits."""

import json
from pathlib import Path

import googleapiclient
import pytest

from gridcare_local.emulators.fcm.strict import MESSAGE, Texts

STRICT_REFUSALS = [
    {"notifications": {"title": "a"}},
    {"android": {"notification": {"tags": "o:1"}}},
    {"android": {"ttl": "3600"}},
    {"android": {"ttl": "2419201s"}},
    {"android": {"notification": {"notificationCount": True}}},
    {"apns": {"headers": {"apns-expiration": 5}}},
    {"apns": {"headers": {"apns-collapse-id": "x" * 65}}},
    {"data": {"from": "someone"}},
    {"data": {"google.c": "1"}},
    {"notification": "text"},
]


@pytest.mark.parametrize("part", STRICT_REFUSALS, ids=str)
def test_strict_refuses_what_fcm_would(fcm_emulator, push, part):
    """Unknown names, wrong types, bad durations and reserved keys are refused only by the strict check."""
    assert push(**part).status_code == 200
    fcm_emulator.settings(strict=True)
    answer = push(**part)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][1]["fieldViolations"]


def test_strict_takes_both_spellings(fcm_emulator, push):
    """The strict check accepts every field that we use, in camelCase and in snake_case."""
    fcm_emulator.settings(strict=True)
    for collapse_key in ("collapse_key", "collapseKey"):
        answer = push(
            data={"delivery_id": "d-1"},
            notification={"title": "Mất điện", "body": "07:30"},
            android={collapse_key: "o1", "ttl": "3600s", "priority": "HIGH", "notification": {"tag": "o:1"}},
            webpush=None,
            apns={"headers": {"apns-collapse-id": "o:1"}, "payload": {"aps": {"sound": "default"}}},
        )
        assert answer.status_code == 200, answer.text


def test_strict_names_are_complete():
    """The names and types of the strict check are exactly those of FCM's discovery document."""
    path = Path(googleapiclient.__file__).parent / "discovery_cache/documents/fcm.v1.json"
    schemas = json.loads(path.read_text())["schemas"]

    def compare(shape, schema, path):
        properties = schemas[schema]["properties"]
        assert set(shape) == set(properties), path
        for name, known in properties.items():
            if isinstance(shape[name], dict):
                compare(shape[name], known["$ref"], f"{path}.{name}")
            elif shape[name] == Texts:
                assert known["additionalProperties"]["type"] == "string"
            elif isinstance(shape[name], type):
                assert {str: "string", bool: "boolean", int: "integer", list: "array"}[shape[name]] == known["type"]

    compare(MESSAGE, "Message", "message")
