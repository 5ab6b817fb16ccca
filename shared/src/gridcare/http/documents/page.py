"""A page to try an API: Swagger UI, with its files from the installed package, so that no other host is contacted."""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final

import fastapi_swagger
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gridcare.http.documents.openapi import part

PAGE: Final = "/docs"
_DOCUMENT: Final = "/openapi.json"
_SCRIPT: Final = "swagger-ui-bundle.js"
_STYLE: Final = "swagger-ui.css"
_ICON: Final = "favicon-32x32.png"
_MEDIA_TYPES: Final = {_SCRIPT: "text/javascript", _STYLE: "text/css", _ICON: "image/png"}
_ASSET_HEADERS: Final = {"cache-control": "public, max-age=86400"}  # they change only with a release
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def add_page(app: FastAPI) -> None:
    """Serve the document of what clients call at /openapi.json, without the providers' callbacks, and Swagger UI at /docs."""
    shown = _page(app.title)
    policy = _policy(shown)

    async def page(_: Request) -> Response:
        return HTMLResponse(shown, headers={"content-security-policy": policy})

    async def document(_: Request) -> Response:
        return JSONResponse(part(app.openapi(), callbacks=False))

    async def asset(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return Response(_file(name), headers=_ASSET_HEADERS, media_type=_MEDIA_TYPES[name])

    app.add_route(_DOCUMENT, document, include_in_schema=False)
    app.add_route(PAGE, page, include_in_schema=False)
    for name in _MEDIA_TYPES:
        app.add_route(f"{PAGE}/{name}", asset, include_in_schema=False)


def _page(title: str) -> str:
    answer = get_swagger_ui_html(
        openapi_url=f".{_DOCUMENT}",  # relative, so that it works behind a path prefix
        title=title,
        swagger_js_url=f".{PAGE}/{_SCRIPT}",
        swagger_css_url=f".{PAGE}/{_STYLE}",
        swagger_favicon_url=f".{PAGE}/{_ICON}",
        # the default sends the document's address to a validator on another host
        swagger_ui_parameters={"validatorUrl": None},
    )
    return bytes(answer.body).decode()


def _policy(page: str) -> str:
    """Return what the page may load and do: its own files, the script in it, and requests to its own host."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in _INLINE.findall(page)]
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _file(name: str) -> bytes:
    """Return one of the page's files; read when it is first asked for, since the script has over a megabyte."""
    return (resources.files(fastapi_swagger) / "resources" / name).read_bytes()
