"""The judge sees an older revision that is sent after a newer one, and nothing else."""

import pytest
from tests.faults.judge.deliveries import news_comes_in_order
from tests.faults.judge.evidence import Evidence

CALLBACK = "https://notifier.example/v1/callbacks/twilio?attempt={}"


def evidence(told) -> Evidence:
    """Return what is left when an outage's revisions were sent in an order: (notice, "push" or "sms"), to one recipient."""
    notices = [{"notice_id": name, "outage_id": "cut", "revision": number} for number, name in ((1, "old"), (2, "new"))]
    notices.append({"notice_id": "receipt", "outage_id": None, "revision": None})
    deliveries = [{"notice_id": each["notice_id"], "number": 7, "recipient_id": "PB1"} for each in notices]
    attempts = [
        {"batch_id": name, "place": 0, "try": 1, "notice_id": name, "recipient_id": "PB1"} for name in ("old", "new")
    ]
    pushes, texts = [], []
    for second, (notice, channel) in enumerate(told):
        at = f"2026-11-24T08:00:{second:02}+00:00"
        if channel == "push":
            data = {"notice_id": notice, "delivery_id": f"{notice}-7"}
            pushes.append({"at": at, "body": {"message": {"data": data}}})
        else:
            texts.append({"at": at, "status_callback": CALLBACK.format(f"{notice}.0.1")})
    tables = {"notices": notices, "deliveries": deliveries, "attempts": attempts}
    return Evidence(
        rig=None,
        journal=None,
        records=[],
        hits=[],
        tables=tables,
        of={},
        pushes=pushes,
        texts=texts,
        texts_refused=[],
        callbacks=[],
        moved=[],
    )


@pytest.mark.parametrize(
    ("told", "violations"),
    [
        ([("old", "push"), ("old", "sms"), ("receipt", "push"), ("new", "sms")], 0),
        ([("old", "push"), ("new", "sms"), ("receipt", "push")], 0),
        ([("new", "push"), ("old", "sms")], 1),
        ([("new", "sms"), ("old", "push"), ("new", "push")], 1),
    ],
)
def test_older_news_is_seen(told, violations):
    """Whatever the channel: what is older must not come after what is newer."""
    assert len(list(news_comes_in_order(evidence(told)))) == violations
