"""The examples in an OpenAPI document, put together of the words that its fields are named by: one word has one meaning."""

from collections.abc import Mapping
from typing import Any, Final

Document = dict[str, Any]

_JSON: Final = "application/json"
_WINDOW: Final = {"start": "2026-12-05T01:00:00Z", "end": "2026-12-05T04:00:00Z"}
_AT: Final = "2026-12-01T02:30:00Z"
_BEFORE: Final = "2026-11-30T02:30:00Z"

WORDS: Final[Mapping[str, object]] = {
    # who and where
    "customer_code": "PB11010012345",
    "supply_point_id": "SP1",
    "recipient_id": "PB11010012345",
    "team_id": "PB1101",
    "name": "Đội Ninh Kiều",
    "feeder_ids": ["471-E3"],
    "transformer_ids": ["TR1"],
    "ward_codes": ["31117"],
    "supply_point_ids": ["SP1"],
    "teams": 28,
    "wards": 103,
    # outages
    "windows": [_WINDOW],
    "start": _WINDOW["start"],
    "end": _WINDOW["end"],
    "expected_end_at": _WINDOW["end"],
    "cause": "bảo trì lưới điện",
    "place": "KV 5, phường An Khánh",
    "cause_by_language": {"en": "grid maintenance"},
    "place_by_language": {"en": "area 5, An Khanh ward"},
    "revision": 2,
    "late_reason": "Cây đổ vào đường dây",
    "created_by": "planner-7",
    "made_by": "planner-7",
    "given_hours": 94.5,
    "wanted_hours": 120.0,
    "legal_basis": "QĐ 1299/QĐ-EVN",
    "late": True,
    # notices, with their money and figures
    "audience": 1240,
    "states": {"accepted": 1190, "unreachable": 50},
    "channels": {"push": 700, "sms": 490},
    "recipients": {"push": 700, "sms": 490, "unreachable": 50},
    "parked_at": None,
    "parked_batches": 0,
    "superseded_at": None,
    "delivery_id": "019b1f3a-7c00-7000-8000-000000000001.1",
    "contact": "***67",
    "masked": "***67",
    "number": "0901234567",
    "phone_id": 12,
    "replaced_phone_id": None,
    "covered_by": None,
    "next_attempt_at": None,
    "tries": 1,
    "language": "vi",
    "registration": "cVb3jFhqT0mXyzExample1",
    "sms_body": "EVN: Mat dien 08:00-11:00 05/12 KV 5, phuong An Khanh.",
    "sms_segments": 490,
    "sms_price_vnd": 350,
    "sms_cost_vnd": 171_500,
    "fallback_segments_max": 700,
    "fallback_cost_vnd_max": 245_000,
    "title": "Sắp có cắt điện",
    "body": "Khu vực của bạn mất điện từ 08:00 đến 11:00 ngày 05/12.",
    "link": "gridcare://outages/019b1f3a-7c00-7000-8000-000000000001",
    "ticket_id": None,
    "bill_id": "019b1f3a-7c00-7000-8000-000000000002",
    "payment_id": "019b1f3a-7c00-7000-8000-000000000003",
    # tickets
    "reference": "T-7K3M9Q",
    "description": "Cả nhà mất điện",
    "client_ref": "app-2026-12-01-1",
    "urgent": False,
    # money
    "bill_number": "HD202611-0001",
    "period": "2026-11",
    "due_on": "2026-12-15",
    "amount_vnd": 896_125,
    "paid_vnd": 0,
    "outstanding_vnd": 896_125,
    "bill_outstanding_vnd": 896_125,
    "credit_vnd": 0,
    "order_reference": "019b1f3a7c0070008000000000000003",
    "pay_url": "https://pay.example/vpcpay.html?vnp_TxnRef=019b1f3a7c0070008000000000000003",
    "RspCode": "00",
    "Message": "Confirm Success",
    # tables of imports
    "kept": 1_299_999,
    "refused": 1,
    "line": 7,
    "column": "ward_code",
    "next": None,
    "reason": "Kế hoạch bảo trì thay đổi",
    "DeliveryOut.reason": "",
    "PaymentOut.reason": None,
    "BadLineOut.reason": "invalid-value",
}
"""Examples by the name of their field, or by its type and name. A list or a map by the whole."""
_NO_WORD: Final = "no word"


def add_examples(document: Document) -> None:
    """Add an example to each JSON request and answer of a document, where its door wrote none."""
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        for operation in item.values():
            answers = (answer for status, answer in operation["responses"].items() if status < "400")
            for said in (operation.get("requestBody", {}), *answers):
                content = said.get("content", {}).get(_JSON)
                if content and "schema" in content:
                    content.setdefault("example", _of(content["schema"], "", schemas))


def _of(schema: Document, name: str, schemas: Mapping[str, Document]) -> object:
    """Return an example of a schema that stands under a name, `<title of the object>.<field>`."""
    word = WORDS.get(name, WORDS.get(name.rpartition(".")[2], _NO_WORD))
    schema = _resolved(schema, schemas)
    if "anyOf" in schema:
        if word is None:
            return None
        schema = _resolved(schema["anyOf"][0], schemas)
    example: object
    if "enum" in schema:
        example = schema["enum"][0]
    elif "properties" in schema:
        example = {
            each: _of(part, f"{schema.get('title', '')}.{each}", schemas) for each, part in schema["properties"].items()
        }
    elif word is not None and word != _NO_WORD:
        example = word
    elif schema.get("type") == "array":
        example = [_of(schema["items"], name, schemas)]
    else:
        example = _of_type(schema, name)
    return example


def _resolved(schema: Document, schemas: Mapping[str, Document]) -> Document:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _of_type(schema: Document, name: str) -> object:
    """Return an example of what needs no word of its own."""
    match schema:
        case {"format": "date-time"}:
            return _BEFORE if name.rpartition(".")[2] in {"created_at", "opened_at", "issued_at"} else _AT
        case {"format": "uuid"}:
            return "019b1f3a-7c00-7000-8000-000000000001"
        case {"type": "object"}:
            return {}
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1) if schema.get("minimum", 1) > 0 else 1
        case {"type": "boolean"}:
            return True
        case _:
            return name
