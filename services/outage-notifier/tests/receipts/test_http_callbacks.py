"""The door of Twilio's status callbacks: signature, storage, repeats."""

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from outage_notifier.contacts.vault import RECEIPT

PATH = "/v1/callbacks/twilio?attempt=0192f0c1-2345-7000-8000-000000000001.3.1"
FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+84901234567", "From": "GRIDCARE", "Blank": ""}


@pytest.fixture
def post(api, settings):
    """Return a function that posts a form with a signature, by default Twilio's own."""

    async def call(form=FORM, *, path=PATH, signature=None, **headers):
        url = settings.public_url + path
        token = settings.twilio_auth_token.get_secret_value()
        signature = RequestValidator(token).compute_signature(url, form) if signature is None else signature
        headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded", **headers}
        return await api.client.post(path, content=urlencode(form), headers=headers)

    return call


async def receipts(db):
    async with db.read() as connection:
        return await connection.fetch("SELECT * FROM receipt ORDER BY receipt_id")


async def test_callback_is_stored_sealed(post, db, vault):
    """204; the raw body can be opened with the vault's key alone, and no number stands in the row."""
    answer = await post()
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = await receipts(db)
    assert (row["dedup_key"], row["attempt_name"]) == ("SM1:delivered", PATH.partition("=")[2])
    assert row["applied_at"] is None
    assert b"901234567" not in row["body_sealed"]
    assert vault.open(row["body_sealed"], RECEIPT, row=row["dedup_key"]) == urlencode(FORM).encode()


async def test_repetition_changes_nothing(post, db):
    """Twilio may tell it again; another status of the message is another receipt."""
    statuses = [(await post()).status_code for _ in range(3)]
    statuses.append((await post({**FORM, "MessageStatus": "sent"})).status_code)
    assert statuses == [204] * 4
    assert [row["dedup_key"] for row in await receipts(db)] == ["SM1:delivered", "SM1:sent"]


@pytest.mark.parametrize("signature", ["", "AAAA", "0123456789abcdefghijklmnopq="])
async def test_bad_signature_is_403(post, db, signature):
    """A problem document with a stable code, and nothing stored."""
    answer = await post(signature=signature)
    assert (answer.status_code, answer.json()["code"]) == (403, "bad-signature")
    assert await receipts(db) == []


async def test_host_header_is_ignored(post, db):
    """What is signed is our public address, whatever the request says of itself."""
    answer = await post(host="evil.test", **{"x-forwarded-host": "evil.test", "x-forwarded-proto": "ftp"})
    assert answer.status_code == 204


async def test_changed_attempt_is_refused(post, db, settings):
    """The query is signed too: a receipt cannot be turned to another attempt."""
    token = settings.twilio_auth_token.get_secret_value()
    signature = RequestValidator(token).compute_signature(settings.public_url + PATH, FORM)
    answer = await post(path=PATH.replace(".3.1", ".4.1"), signature=signature)
    assert answer.status_code == 403
    assert await receipts(db) == []


async def test_signed_but_no_callback(post, db):
    """It names no message: Twilio shows the refusal in its debugger."""
    answer = await post({"Hello": "there"})
    assert (answer.status_code, answer.json()["code"]) == (400, "not-a-status-callback")
    assert await receipts(db) == []


@pytest.mark.parametrize(
    "path", ["/v1/callbacks/twilio", "/v1/callbacks/twilio?attempt=", "/v1/callbacks/twilio?attempt=x"]
)
async def test_nameless_callback_is_kept(post, db, path):
    """Its message id may be known."""
    assert (await post(path=path)).status_code == 204
    (row,) = await receipts(db)
    assert row["attempt_name"] is None
