"""The language that a customer chooses."""

from outage_notifier.contacts.core.import_line import read_contact
from outage_notifier.contacts.flow.good_lines import ImportFile
from outage_notifier.contacts.flow.imports import import_contacts

MINE, ALSO_MINE = "PB11010012345", "PB11010012346"


async def _choose(api, language, *, codes=(MINE, ALSO_MINE)):
    return await api.call(
        "PUT", "/v1/preferences/language", roles=("customer",), codes=codes, json={"language": language}
    )


async def _languages(db) -> list[tuple[str, str]]:
    async with db.read() as connection:
        rows = await connection.fetch("SELECT customer_code, language FROM customer ORDER BY 1")
    return [tuple(row) for row in rows]


async def _import(rooms, language: str) -> None:
    async def lines():
        yield (
            1,
            read_contact({"customer_code": MINE, "phone": "0912345678", "language": language, "consent": "true"}),
        )

    report = await import_contacts(ImportFile(lines(), made_by="ops"), room=rooms.contacts)
    assert report.kept == 1


async def test_choices_are_kept(api, db):
    """A choice counts for every customer of the token, and may be changed."""
    answer = await _choose(api, "km")
    assert (answer.status_code, answer.json()) == (200, {"language": "km"})
    await _choose(api, "en", codes=(MINE,))
    assert await _languages(db) == [(MINE, "en"), (ALSO_MINE, "km")]


async def test_outlives_imports(api, db, rooms):
    """An import sets the language until the customer chooses one, and never after."""
    await _import(rooms, "zh")
    assert await _languages(db) == [(MINE, "zh")]
    await _choose(api, "km", codes=(MINE,))
    await _import(rooms, "vi")
    assert await _languages(db) == [(MINE, "km")]


async def test_bad_choices_are_refused(api, db):
    """An unknown language, and a token that names no customer, change nothing."""
    assert (await _choose(api, "fr")).status_code == 422
    answer = await _choose(api, "vi", codes=())
    assert (answer.status_code, answer.json()["code"]) == (403, "no-customer-codes")
    assert await _languages(db) == []
