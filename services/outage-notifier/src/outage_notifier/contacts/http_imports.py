"""Bulk imports by ops: CSV or JSON lines, streamed; each bad line is reported, the good ones are kept."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.rooms import room_of
from outage_notifier.contacts.core.imported import CONTACT_COLUMNS, DEVICE_COLUMNS, SUPPLY_POINT_COLUMNS, Columns
from outage_notifier.contacts.flow.import_contacts import import_contacts, import_devices
from outage_notifier.contacts.flow.import_rows import ImportReport
from outage_notifier.contacts.flow.import_supply_points import import_supply_points
from outage_notifier.contacts.http_tables import Row, media_type, rows
from outage_notifier.contacts.room import Contacts

IMPORT_SIZE_MAX_BYTES = 1024**3
"""Five times a million supply points; the body is streamed, so its size costs time and no memory."""

_TABLE = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {"text/csv": _TABLE, "application/jsonl": _TABLE}}}

router = APIRouter(prefix="/v1/imports", tags=["imports"], max_body_size=IMPORT_SIZE_MAX_BYTES)

Room = Annotated[Contacts, Depends(room_of(Contacts))]
Ops = Annotated[Caller, Depends(require("ops"))]


class BadLineOut(Body):
    """A line that was not kept: its number from 1, the reason, and the column that it is about, if any."""

    line: int
    reason: str
    column: str


class ImportOut(Body):
    """How many lines were kept and refused, and the first thousand refused ones."""

    kept: int
    refused: int
    bad_lines: list[BadLineOut]


@router.post("/supply-points", openapi_extra=_BODY)
async def post_supply_points(_: Ops, request: Request, room: Room) -> ImportOut:
    """Import supply points (supply_point_id, customer_code, transformer_id, feeder_id, substation_id, ward_code, version).

    Columns address, lat and lon may be there; they are not kept. Every good line is published to supply-points.v1.
    """
    table = _rows(request, SUPPLY_POINT_COLUMNS)
    return _out(await import_supply_points(table, room=room))


@router.post("/contacts", openapi_extra=_BODY)
async def post_contacts(_: Ops, request: Request, room: Room) -> ImportOut:
    """Import contacts (customer_code, phone, language, consent; optional: name, segment), one phone a line."""
    table = _rows(request, CONTACT_COLUMNS)
    return _out(await import_contacts(table, room=room))


@router.post("/devices", openapi_extra=_BODY)
async def post_devices(_: Ops, request: Request, room: Room) -> ImportOut:
    """Import devices (customer_code, kind, registration, platform) that are known from an earlier app."""
    table = _rows(request, DEVICE_COLUMNS)
    return _out(await import_devices(table, room=room))


def _rows(request: Request, columns: Columns) -> AsyncIterator[Row]:
    return rows(request.stream(), media_type(request.headers.get("content-type")), columns)


def _out(report: ImportReport) -> ImportOut:
    lines = [BadLineOut(line=line, reason=reason, column=column) for line, reason, column in report.bad_lines]
    return ImportOut(kept=report.kept, refused=report.refused, bad_lines=lines)
