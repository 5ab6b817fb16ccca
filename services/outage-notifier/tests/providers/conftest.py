"""The provider emulators, one of each for the session, and servers that misbehave on a raw socket."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gridcare_local.emulators.control import Emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from outage_notifier.providers.fcm.sender import FcmPushSender
from outage_notifier.providers.twilio.sender import TwilioSmsSender

PUBLIC_URL = "https://api.gridcare.test"
Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def fcm(running_fcm: Emulator) -> Emulator:
    running_fcm.script([])
    running_fcm.settings(strict=True)
    return running_fcm


@pytest.fixture
def open_push() -> Callable[..., object]:
    def opened(emulator: Emulator, **options: object):
        given = {
            "credentials_file": str(emulator.service_account_file),
            "api_url": emulator.url,
            "ca_file": str(emulator.ca_file),
            "connections": 2,
        }
        return FcmPushSender.open(**{**given, **options})

    return opened


@pytest.fixture
async def push(fcm: Emulator, open_push) -> AsyncIterator[FcmPushSender]:
    async with open_push(fcm) as sender:
        yield sender


@pytest.fixture
def twilio(running_twilio: Emulator) -> Emulator:
    running_twilio.script([])
    return running_twilio


@pytest.fixture
def open_sms() -> Callable[..., object]:
    def opened(api_url: str, **options: object):
        given = {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "sender": "GRIDCARE",
            "public_url": PUBLIC_URL,
            "api_url": api_url,
        }
        return TwilioSmsSender.open(**{**given, **options})

    return opened


@pytest.fixture
async def sms(twilio: Emulator, open_sms) -> AsyncIterator[TwilioSmsSender]:
    async with open_sms(twilio.url) as sender:
        yield sender


@pytest.fixture
def misbehaving() -> Callable[..., object]:
    """Return a function that opens a server whose connections another function handles; it yields the port."""

    @asynccontextmanager
    async def serving(handle: Connection, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handle(reader, writer)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            finally:
                writer.transport.abort()

        def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(connected(reader, writer))
            tasks.add(task)

        server = await asyncio.start_server(start, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return serving
