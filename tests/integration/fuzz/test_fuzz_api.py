"""A fuzzer against the three APIs in their production wiring, on a real database, over sockets, as each role.

Every run draws a seed and prints it; GRIDCARE_FUZZ_SEED repeats one, GRIDCARE_FUZZ_BUDGET_S and
GRIDCARE_FUZZ_EXAMPLES_MAX look longer.
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
"""For one service: the three stay within a minute."""
EXAMPLES_MAX = int(os.environ.get("GRIDCARE_FUZZ_EXAMPLES_MAX", "40"))
"""Of one operation in one mode."""

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
    """Ends the asking of one operation."""


async def test_no_request_breaks_a_service(target: Any) -> None:
    """Whoever asks for whatever: no 5xx, every refusal a problem document, every answer as documented."""
    seed = int(os.environ.get("GRIDCARE_FUZZ_SEED", secrets.randbelow(2**32)))
    print(f"{target.name}: GRIDCARE_FUZZ_SEED={seed}")
    with captured_logs("warning") as log:
        asked = await asyncio.to_thread(fuzz, target, seed)
    print(f"{target.name}: {asked} requests")
    assert asked > len(target.document["paths"])
    assert not log.named("request_failed")


def fuzz(target: Any, seed: int) -> int:
    """Ask every operation in turn, well-formed and not, until all are done or the time is over; how often."""
    schema = schemathesis.openapi.from_dict(target.document)
    asked = [0]
    with requests.Session() as session:
        session.trust_env = False
        operations = [result.ok() for result in schema.get_all_operations()]
        rounds = [(each, mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) for each in operations]
        start = time.monotonic()
        for number, (operation, mode) in enumerate(rounds, start=1):
            ask_one(
                target, operation, mode, session, seed=seed, until=start + BUDGET_S * number / len(rounds), asked=asked
            )
    return asked[0]


def ask_one(target: Any, operation: Any, mode: Any, session: Any, *, seed: int, until: float, asked: list[int]) -> None:
    """Ask one operation; what it is asked follows from the seed, how often from the time that is left too."""
    found: list[str] = []

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
    def ask(case: Any, caller: str, of_known: bool, pick: int, key: UUID) -> None:  # noqa: FBT001 - hypothesis calls it
        if time.monotonic() > until and not found:
            raise OutOfTimeError
        headers = target.headers(caller)
        if of_known:
            name_what_exists(case, target.known, pick)
            headers["idempotency-key"] = str(key)
        response = case.call(base_url=target.url, session=session, headers=headers, timeout=20)
        asked[0] += 1
        try:
            case.validate_response(response, checks=CHECKS)
            must_be_a_problem(response)
        except BaseException as error:
            found.append(f"as {caller}: {case.as_curl_command()}")
            error.add_note(found[0])
            raise

    try:
        ask()
    except OutOfTimeError:
        return
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, (
            "an operation without a good request"
        )  # one that takes nothing has no bad one


def name_what_exists(case: Any, known: dict[str, list[str]], pick: int) -> None:
    """Put ids of things that exist where the request names some: else a fuzzer gets no further than 404."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            for name in place.keys() & known.keys():
                if known[name] and isinstance(place[name], str):
                    place[name] = known[name][pick % len(known[name])]


def must_be_a_problem(response: Any) -> None:
    """Every refusal is an RFC 9457 document that says the same status, with a code for machines."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"][0].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == response.status_code
    assert re.fullmatch(r"[a-z][a-z0-9-]+", problem["code"])
    assert problem["traceId"]
