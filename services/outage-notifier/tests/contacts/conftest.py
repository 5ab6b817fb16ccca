"""The fixtures of tests of phones: calling their routes, and importing contacts."""

import pytest

MINE = "PB11010012345"
HEADER = "customer_code,phone,language,consent,primary,replaces,removed"


@pytest.fixture
def phones(api):
    """Return a function that calls the phones of a customer, as that customer unless told otherwise."""

    async def call(
        method: str, path: str = "", *, code: str = MINE, roles=("customer",), codes=(MINE,), sub="anna", **options
    ):
        return await api.call(
            method, f"/v1/customers/{code}/phones{path}", sub=sub, roles=roles, codes=codes, **options
        )

    return call


@pytest.fixture
def load(api):
    """Return a function that imports contacts."""

    async def post(*lines: str) -> dict:
        content = "\n".join([HEADER, *lines]).encode()
        headers = {"content-type": "text/csv"}
        answer = await api.call(
            "POST", "/v1/imports/contacts", sub="ops", roles=("ops",), headers=headers, content=content
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post
