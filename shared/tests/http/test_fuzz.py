"""A fuzzer finds no answer of the plumbing that differs from the OpenAPI document."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from gridcare.testing.logs import captured_logs

BOTH = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
CASES = [("add_thing", mode) for mode in BOTH] + [("list_things", mode) for mode in BOTH]


@pytest.mark.parametrize(("operation_id", "mode"), [*CASES, ("callback", BOTH[0]), ("ignore_body", BOTH[0])])
def test_every_answer_is_documented(roomy_app, operation_id, mode):
    """There is no 5xx, good input is accepted, bad input is refused, and each answer is as documented."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", roomy_app)
    operation = schema.find_operation_by_id(operation_id)

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def check(case):
        case.call_and_validate()

    with captured_logs() as log:
        check()
    assert log.named("request_served")
    assert not log.named("request_failed")
