"""Rules: which request each applies to."""

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


def test_nth_applies_to_that_request_alone():
    """A rule with nth counts from one and fires once."""
    assert statuses(sms_script({"match": {"nth": 2}, "action": {"http_status": 500}}), 4) == [None, 500, None, None]


def test_every_applies_to_each_kth():
    """A rule with every 3 fires at the third and the sixth request."""
    script = sms_script({"match": {"every": 3}, "action": {"http_status": 500}})
    assert statuses(script, 6) == [None, None, 500, None, None, 500]


def test_times_ends_a_rule_and_the_next_one_takes_over():
    """A rule that fired often enough leaves the field to the rules behind it."""
    script = sms_script(
        {"match": {}, "action": {"http_status": 429}, "times": 2}, {"match": {}, "action": {"http_status": 503}}
    )
    assert statuses(script, 4) == [429, 429, 503, 503]


def test_counting_sees_only_what_the_other_fields_let_through():
    """A rule with nth counts the requests to the number that the rule names."""
    script = sms_script({"match": {"to": "+84901234567", "nth": 2}, "action": {"http_status": 500}})
    assert statuses(script, 3, SmsFacts("+84909999999", "text")) == [None] * 3
    assert statuses(script, 2) == [None, 500]


def test_probability_draws_the_same_from_the_same_seed():
    """Two scripts of one seed fire at the same requests, at about the asked share; another seed at others."""
    rule = {"match": {"probability": 0.3, "seed": 7}, "action": {"http_status": 500}}
    first, second = statuses(sms_script(rule), 1000), statuses(sms_script(rule), 1000)
    other = statuses(sms_script({**rule, "match": {"probability": 0.3, "seed": 8}}), 1000)
    assert first == second != other
    assert 250 < first.count(500) < 350


def test_a_sticky_draw_is_the_recipients_for_good():
    """With sticky, a registration meets the same fate at each try, and about the asked share of them is hit."""
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
def test_a_rule_with_a_mistake_is_refused(rule):
    """An unknown field, a value out of range or a missing action is an error, not a rule that never fires."""
    with pytest.raises(msgspec.ValidationError):
        sms_script(rule)


def test_rules_are_put_read_and_deleted(oidc_emulator):
    """PUT puts rules in force, GET gives them with their counters, DELETE leaves none; each change is journaled."""
    rule = {"match": {"path": "/nowhere"}, "action": {"http_status": 503}, "times": 2}
    oidc_emulator.script([rule])
    state = oidc_emulator.script_state()
    assert [(live["seen"], live["fired"], live["rule"]["times"]) for live in state] == [(0, 0, 2)]
    oidc_emulator.request("DELETE", "/_emulator/script")
    assert oidc_emulator.script_state() == []
    assert [line["rules"] for line in oidc_emulator.journal("script")[-2:]] == [[rule], []]
