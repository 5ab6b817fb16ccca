"""Which requests the rules of a script apply to."""

import msgspec
import pytest

from gridcare_local.emulators.fcm.rules import FcmRule, PushFacts
from gridcare_local.emulators.script import Script
from gridcare_local.emulators.twilio.rules import SmsFacts, TwilioRule


def sms_script(*rules):
    script = Script(TwilioRule)
    script.replace(list(rules))
    return script


def statuses(script, count, facts=None):
    actions = [script.choose(facts or SmsFacts("+84901234567", "text")) for _ in range(count)]
    return [action and action.http_status for action in actions]


def test_nth_fires_once():
    """A rule with `nth` counts from one and fires once."""
    assert statuses(sms_script({"match": {"nth": 2}, "action": {"http_status": 500}}), 4) == [None, 500, None, None]


def test_every_applies_to_each_kth():
    """A rule with `every` 3 fires at the third and the sixth request."""
    script = sms_script({"match": {"every": 3}, "action": {"http_status": 500}})
    assert statuses(script, 6) == [None, None, 500, None, None, 500]


def test_times_ends_a_rule():
    """After a rule has fired `times`, the rules after it apply."""
    script = sms_script(
        {"match": {}, "action": {"http_status": 429}, "times": 2}, {"match": {}, "action": {"http_status": 503}}
    )
    assert statuses(script, 4) == [429, 429, 503, 503]


def test_only_matching_requests_count():
    """A rule with `nth` and `to` counts only the requests to that number."""
    script = sms_script({"match": {"to": "+84901234567", "nth": 2}, "action": {"http_status": 500}})
    assert statuses(script, 3, SmsFacts("+84909999999", "text")) == [None] * 3
    assert statuses(script, 2) == [None, 500]


def test_seeds_determine_draws():
    """Two scripts with one seed fire at the same requests, with about the given probability; another seed at others."""
    rule = {"match": {"probability": 0.3, "seed": 7}, "action": {"http_status": 500}}
    first, second = statuses(sms_script(rule), 1000), statuses(sms_script(rule), 1000)
    other = statuses(sms_script({**rule, "match": {"probability": 0.3, "seed": 8}}), 1000)
    assert first == second != other
    assert 250 < first.count(500) < 350


def test_sticky_draws_stay_the_same():
    """With `sticky`, a registration gets the same result at each try, and about the given share of them is hit."""
    script = Script(FcmRule)
    script.replace([{"match": {"probability": 0.2, "sticky": True}, "action": {"error": "UNREGISTERED"}}])
    fates = [[script.choose(PushFacts(f"device-{at}", "")) is not None for at in range(500)] for _ in range(3)]
    assert fates[0] == fates[1] == fates[2]
    assert 70 < sum(fates[0]) < 130


@pytest.mark.parametrize(
    "rule",
    [
        {"match": {"too": "+84901234567"}, "action": {}},
        {"match": {}, "action": {"http_status": 200}},
        {"match": {"nth": 0}, "action": {}},
        {"match": {"probability": 1.5}, "action": {}},
        {"match": {}, "action": {"callbacks": ["never"]}},
        {"match": {}},
    ],
)
def test_faulty_rules_are_refused(rule):
    """An unknown field, a value out of range or a missing action raises an error."""
    with pytest.raises(msgspec.ValidationError):
        sms_script(rule)


def test_rules_change_over_http(oidc_emulator):
    """PUT replaces the rules, GET returns them with their counters, DELETE removes them; changes are journaled."""
    rule = {"match": {"path": "/nowhere"}, "action": {"http_status": 503}, "times": 2}
    oidc_emulator.script([rule])
    state = oidc_emulator.script_state()
    assert [(live["seen"], live["fired"], live["rule"]["times"]) for live in state] == [(0, 0, 2)]
    oidc_emulator.request("DELETE", "/_emulator/script")
    assert oidc_emulator.script_state() == []
    assert [line["rules"] for line in oidc_emulator.journal("script")[-2:]] == [[rule], []]
