"""The HTTP client under Twilio's library: one pool, a real deadline, no retries.

The library's own async client ignores its timeout and, where retries are set, posts a create again after a 500: the customer
would get the message twice. It also drops the Retry-After of a refusal, so refusals are read here.
"""

import logging
from typing import Any, Final

import msgspec
from msgspec import Struct
from pyreqwest.client import Client
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

_OK: Final = range(200, 300)


class Refused(Exception):
    """An answer other than 2xx: its status, Twilio's code (0: none) and the Retry-After header."""

    def __init__(self, status: int, code: int, retry_after: str | None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.retry_after = retry_after


class _Error(Struct):
    code: int | None = None


_decode = msgspec.json.Decoder(_Error).decode


class TwilioHttp(AsyncHttpClient):
    """Sends the library's requests through a client of ours; raises Refused and pyreqwest's RequestError.

    Nothing is logged: a request holds the phone number and the text.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._client = client

    async def request(  # type: ignore[override]  # noqa: PLR0917 - the signature of the library's own client
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature; the client has its own deadline
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the library's signature
    ) -> Response:
        """Make one request; the library's own `timeout` and redirects are not used."""
        del timeout, allow_redirects
        request = self._client.request(method, url).headers(headers or {})
        if params:
            request = request.query(_texts(params))
        if data:
            request = request.form(_texts(data))
        if auth is not None:
            request = request.basic_auth(*auth)
        answer = await request.build().send()
        text = await answer.text()
        if answer.status not in _OK:
            raise Refused(answer.status, _code(text), answer.get_header("retry-after"))
        return Response(answer.status, text)


def _texts(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Flatten fields as a form: a list stands for a repeated name."""
    return [
        (name, str(item))
        for name, value in fields.items()
        for item in (value if isinstance(value, list | tuple) else (value,))
    ]


def _code(text: str) -> int:
    try:
        return _decode(text).code or 0
    except msgspec.DecodeError:
        return 0
