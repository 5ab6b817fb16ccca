"""Fuzzes the three APIs in their production wiring, with a real database, over sockets, as each role.

Every run draws a seed and prints it. GRIDCARE_FUZZ_SEED repeats a run; GRIDCARE_FUZZ_BUDGET_S and
GRIDCARE_FUZZ_EXAMPLES_MAX make it longer.
"""

import asyncio
import os
import re
import secrets
import time
from typing import Any
from uuid import UUID

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gridcare.http.auth import ROLES
from gridcare.testing.logs import captured_logs

BUDGET_S = float(os.environ.get("GRIDCARE_FUZZ_BUDGET_S", "14"))
"""Per service, so that all three together take less than a minute."""
EXAMPLES_MAX = int(os.environ.get("GRIDCARE_FUZZ_EXAMPLES_MAX", "40"))
"""Per operation and mode."""

NOT_ROLES = ("nobody", "garbage", "expired")
CALLERS = (*sorted(ROLES), *NOT_ROLES)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class OutOfTimeError(Exception):
    """The time for an operation is over."""


async def test_no_request_breaks_a_service(target: Any) -> None:
    """No request by any caller gets a 5xx; refusals are problem documents; answers are as documented."""
    seed = int(os.environ.get("GRIDCARE_FUZZ_SEED", secrets.randbelow(2**32)))
    print(f"{target.name}: GRIDCARE_FUZZ_SEED={seed}")
    with captured_logs("warning") as log:
        count = await asyncio.to_thread(fuzz, target, seed)
    print(f"{target.name}: {count} requests")
    assert count > len(target.document["paths"])
    assert not log.named("request_failed")


def fuzz(target: Any, seed: int) -> int:
    """Fuzz every operation with valid and invalid requests until the time is over; return the number of requests."""
    schema = schemathesis.openapi.from_dict(target.document)
    count = [0]
    with requests.Session() as session:
        session.trust_env = False
        operations = [result.ok() for result in schema.get_all_operations()]
        rounds = [(each, mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) for each in operations]
        start = time.monotonic()
        for number, (operation, mode) in enumerate(rounds, start=1):
            fuzz_one(
                target, operation, mode, session, seed=seed, until=start + BUDGET_S * number / len(rounds), count=count
            )
    return count[0]


def fuzz_one(
    target: Any, operation: Any, mode: Any, session: Any, *, seed: int, until: float, count: list[int]
) -> None:
    """Fuzz one operation, by one request at least. The seed determines them; their number also depends on the time left."""
    failures: list[str] = []
    before = count[0]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=EXAMPLES_MAX,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        caller=st.just("everybody") | st.sampled_from(CALLERS),
        of_known=st.booleans(),
        pick=st.integers(0, 9),
        key=st.uuids(),
    )
    def send(case: Any, caller: str, of_known: bool, pick: int, key: UUID) -> None:  # noqa: FBT001 - hypothesis calls it
        if time.monotonic() > until and count[0] > before and not failures:
            raise OutOfTimeError  # not before a first request, however slow the machine
        headers = target.headers(caller)
        if of_known:
            use_known_ids(case, target.known, pick)
            headers["idempotency-key"] = str(key)
        response = case.call(base_url=target.url, session=session, headers=headers, timeout=20)
        count[0] += 1
        try:
            case.validate_response(response, checks=CHECKS)
            check_problem(response)
        except BaseException as error:
            failures.append(f"as {caller}: {case.as_curl_command()}")
            error.add_note(failures[0])
            raise

    try:
        send()
    except OutOfTimeError:
        return
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, (
            "an operation without a valid request"
        )  # an operation without input has no invalid one


def use_known_ids(case: Any, known: dict[str, list[str]], pick: int) -> None:
    """Replace the ids in a request by ids of things that exist, since others lead only to 404."""
    for fields in (case.path_parameters, case.query, case.body):
        if isinstance(fields, dict):
            for name in fields.keys() & known.keys():
                if known[name] and isinstance(fields[name], str):
                    fields[name] = known[name][pick % len(known[name])]


def check_problem(response: Any) -> None:
    """Check that a refusal is an RFC 9457 document with the response's status and a machine-readable code."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"][0].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == response.status_code
    assert re.fullmatch(r"[a-z][a-z0-9-]+", problem["code"])
    assert problem["traceId"]
