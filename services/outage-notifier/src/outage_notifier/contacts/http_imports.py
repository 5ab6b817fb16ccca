"""Bulk imports by ops: CSV or JSON lines, streamed; each bad line is reported, the good ones are kept."""

import json
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from gridcare.http.routes import streamed
from outage_notifier.contacts.core.import_line import (
    CONTACT_COLUMNS,
    DEVICE_COLUMNS,
    SUPPLY_POINT_COLUMNS,
    Columns,
    Values,
    read_contact,
    read_device,
    read_supply_point,
)
from outage_notifier.contacts.flow.good_lines import Digest, ImportFile
from outage_notifier.contacts.flow.imports import import_contacts, import_devices, import_supply_points
from outage_notifier.contacts.http_import_tables import read_lines, table_format, table_rows
from outage_notifier.contacts.room import Contacts

IMPORT_SIZE_MAX_BYTES = 1024**3
"""Five times a million supply points. The body is streamed, so its size costs time but no memory."""


def _table(**line: str | int | bool) -> dict[str, Any]:
    """Return what the document says of a table as the body, with a line of it as the example."""
    schema = {"type": "string", "format": "binary"}
    as_csv = "\n".join(",".join(str(each) for each in row) for row in (line.keys(), line.values()))
    examples = {"text/csv": as_csv.replace("True", "true"), "application/jsonl": json.dumps(line)}
    content = {media_type: {"schema": schema, "example": example + "\n"} for media_type, example in examples.items()}
    return {"requestBody": {"required": True, "content": content}}


_SUPPLY_POINTS = _table(
    supply_point_id="SP1",
    customer_code="PB11010012345",
    transformer_id="TR1",
    feeder_id="FD1",
    substation_id="SS1",
    ward_code="31117",
    version=1,
)
_CONTACTS = _table(customer_code="PB11010012345", phone="0901234567", language="vi", consent=True)
_DEVICES = _table(customer_code="PB11010012345", kind="fid", registration="cVb3jFhqT0mXyzExample1", platform="android")

router = Router(prefix="/v1/imports", tags=["imports"], max_body_size=IMPORT_SIZE_MAX_BYTES)

Room = Annotated[Contacts, Depends(room_of(Contacts))]
Ops = Annotated[Caller, Depends(require("ops"))]
T = TypeVar("T")


UNSUPPORTED_TABLE = Refusal(422, "unsupported-table", "The body is neither CSV nor JSON lines.")
INVALID_HEADER = Refusal(422, "invalid-header", "The first line of a CSV file must name its columns.")
UNKNOWN_COLUMN = Refusal(422, "unknown-column", "A column is unknown or comes twice; `known` lists them.")
MISSING_COLUMN = Refusal(422, "missing-column", "A column that is needed is missing.")
TOO_MANY_LINES = Refusal(413, "too-many-lines", "The file has more lines than an import takes. Split it.")


_REFUSES = refuses(UNSUPPORTED_TABLE, INVALID_HEADER, UNKNOWN_COLUMN, MISSING_COLUMN, TOO_MANY_LINES)


class BadLineOut(Body):
    """A line that was not kept: its number from 1, the reason, and the column at fault, if any."""

    line: int
    reason: str
    column: str


class ImportOut(Body):
    """How many lines were kept and refused, and the first thousand refused ones."""

    kept: int
    refused: int
    bad_lines: list[BadLineOut]


@router.post("/supply-points", name="import_supply_points", openapi_extra=_SUPPLY_POINTS)
@streamed
@_REFUSES
async def post_supply_points(who: Ops, request: Request, room: Room) -> ImportOut:
    """Import supply points (supply_point_id, customer_code, transformer_id, feeder_id, substation_id, ward_code, version).

    Columns address, lat and lon may be there; they are not kept. Every good line is published to supply-points.v1.
    """
    file = _file(who, request, SUPPLY_POINT_COLUMNS, read_supply_point)
    return ImportOut.of(await import_supply_points(file, room=room))


@router.post("/contacts", name="import_contacts", openapi_extra=_CONTACTS)
@streamed
@_REFUSES
async def post_contacts(who: Ops, request: Request, room: Room) -> ImportOut:
    """Import contacts (customer_code, phone, language, consent; optional: name, segment), one phone per line.

    A phone that is new to a customer comes before the older ones. Optional too: `primary` (true: messages go to it first),
    `replaces` (another of the customer's numbers, or `all` others: they are removed) and `removed` (true: nothing is sent to
    it any more). What the customer removed or chose in the app stays.
    """
    file = _file(who, request, CONTACT_COLUMNS, read_contact)
    return ImportOut.of(await import_contacts(file, room=room))


@router.post("/devices", name="import_devices", openapi_extra=_DEVICES)
@streamed
@_REFUSES
async def post_devices(who: Ops, request: Request, room: Room) -> ImportOut:
    """Import devices (customer_code, kind, registration, platform) that are known from an earlier app."""
    file = _file(who, request, DEVICE_COLUMNS, read_device)
    return ImportOut.of(await import_devices(file, room=room))


def _file(who: Caller, request: Request, columns: Columns, read: Callable[[Values], T]) -> ImportFile[T]:
    file_format, digest = table_format(request.headers.get("content-type")), sha256()
    rows = table_rows(_digested(request.stream(), digest), file_format, columns)
    return ImportFile(read_lines(rows, read), made_by=who.sub, digest=digest)


async def _digested(body: AsyncIterator[bytes], digest: Digest) -> AsyncIterator[bytes]:
    async for chunk in body:
        digest.update(chunk)
        yield chunk
