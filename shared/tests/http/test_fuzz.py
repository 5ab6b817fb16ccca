"""A fuzzer finds nothing in the plumbing that is not what the document says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from gridcare.testing.logs import captured_logs

BOTH = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
CASES = [("add_thing", mode) for mode in BOTH] + [("list_things", mode) for mode in BOTH]


@pytest.mark.parametrize(("operation_id", "mode"), [*CASES, ("callback", BOTH[0]), ("ignore_body", BOTH[0])])
def test_every_answer_is_documented(roomy_app, operation_id, mode):
    """No 5xx, good input is taken, bad input refused, each answer as documented."""
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
