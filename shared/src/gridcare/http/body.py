"""The base of every request and response body: unknown fields and wrong JSON types are refused.

Pydantic's own strict mode would refuse UUIDs and times, which JSON can only carry as strings. So numbers, booleans and
strings are made strict one by one, and every value is bounded to what PostgreSQL can store.
"""

from datetime import UTC, datetime
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

INTEGER_MAX: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259 §6)."""
EARLIEST: Final = datetime(1969, 12, 30, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 3, tzinfo=UTC)
_YEARS: Final = "^(19[7-9]|20[0-9])[0-9]-"
"""1970 to 2099, for the OpenAPI document; the two bounds above leave room for every offset from UTC."""
_NO_NUL: Final = r"^[^\x00]*$"
_OPAQUE: Final = frozenset({"metadata", "serialization", "default", "cls", "config"})


def _harden(node: Any) -> Any:
    if isinstance(node, list):
        return [_harden(item) for item in node]
    if isinstance(node, tuple):
        return tuple(_harden(item) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: value if key in _OPAQUE else _harden(value) for key, value in node.items()}
    return _harden_leaf(node, node.get("type"))


def _harden_leaf(node: dict[str, Any], kind: object) -> Any:
    if kind in {"float", "bool", "str"}:
        node["strict"] = True
    if kind == "int":
        if "le" not in node and "lt" not in node:
            node["le"] = INTEGER_MAX
        if "ge" not in node and "gt" not in node:
            node["ge"] = -INTEGER_MAX
        return core_schema.no_info_before_validator_function(_number_only, node)
    if kind == "str" and "pattern" not in node:
        node["pattern"] = _NO_NUL
    if kind == "datetime":
        node = {"tz_constraint": "aware", "ge": EARLIEST, "le": LATEST, **node}
    if kind in {"datetime", "date", "time", "timedelta"}:
        told = {"pydantic_js_updates": {"pattern": _YEARS}} if kind == "datetime" else None
        # pydantic built the node; only bounds were added to it
        return core_schema.no_info_before_validator_function(_text_only, node, metadata=told)
    return node


def _text_only(value: object) -> object:
    """Refuse a number where a time is expected: pydantic would read it as seconds since 1970."""
    if isinstance(value, int | float):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


def _number_only(value: object) -> object:
    """Refuse strings and booleans where an integer is expected; `5.0` is the integer 5, as in JSON Schema."""
    if isinstance(value, bool | str | bytes):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


class Body(BaseModel):
    """A JSON object whose fields are exactly the declared ones.

    Integers are exact in every JSON reader, strings hold no NUL, and times carry an offset from UTC and lie in 1970 to 2099.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        hardened: CoreSchema = _harden(handler(source))
        return hardened

    @classmethod
    def of(cls, value: object, /, **written: object) -> Self:
        """Return the body of a value, for answers: each field is the attribute of the same name, and so on in its parts.

        The fields that differ from the value in name or shape are given by the door, as `written`.
        """
        same = {name: getattr(value, name) for name in cls.model_fields if name not in written}
        return cls.model_validate({**same, **written}, from_attributes=True)
