"""One contender of `push_send` in its own process: `python -m benchmarks.push_clients NAME`, with its task on stdin.

Each sends the same message to FCM's emulator over TLS, with a token from its OAuth endpoint, as its documentation
recommends. Measuring starts after a warm-up, so that neither imports nor the opening of connections count.
"""

import asyncio
import os
import resource
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

WARM_UP = 200
IN_FLIGHT = 400
"""As many as our sender has in flight (the setting push_concurrency)."""

CONNECTIONS = 4
FIREBASE_CALL_SIZE = 500
"""The most messages that `send_each_async` takes."""


class Task(msgspec.Struct):
    """How many messages to send, and where."""

    url: str
    ca_file: str
    credentials_file: str
    units: int


class Done(msgspec.Struct):
    """What a contender measured."""

    seconds: float
    cpu_s: float
    memory_mb: float


SendMany = Callable[[int], Awaitable[None]]
"""Sends this number of messages. Raises an error if one is not accepted."""


async def ours(task: Task, stack: AsyncExitStack) -> SendMany:
    """Send through the notifier's own transport, making each message from an encoded one, as the sender does."""
    from outage_notifier.ledger.core.outcome import OutcomeKind  # noqa: PLC0415 - each contender pays only for its own imports
    from outage_notifier.providers.fcm.sender import FcmPushSender  # noqa: PLC0415

    sender = await stack.enter_async_context(
        FcmPushSender.open(
            credentials_file=task.credentials_file, api_url=task.url, ca_file=task.ca_file, connections=CONNECTIONS
        )
    )
    message = message_of_ours()

    async def send(number: int) -> None:
        body = message.body(kind="token", registration=token(number), delivery_id=str(number))
        outcome = await sender.send(body)
        assert outcome.kind is OutcomeKind.ACCEPTED, outcome

    return lambda units: in_parallel(send, units)


async def firebase(task: Task, _: AsyncExitStack) -> SendMany:
    """Send with firebase-admin: `send_each_async` with 500 messages per call."""
    os.environ |= {"SSL_CERT_FILE": task.ca_file, "REQUESTS_CA_BUNDLE": task.ca_file, "NO_PROXY": "127.0.0.1"}
    from benchmarks.firebase import open_app, push  # noqa: PLC0415 - as above

    send_each = open_app(task.url, task.credentials_file)

    async def many(units: int) -> None:
        for start in range(0, units, FIREBASE_CALL_SIZE):
            numbers = range(start, min(start + FIREBASE_CALL_SIZE, units))
            answer = await send_each([push(token(n), delivery_id=str(n)) for n in numbers])
            assert not answer.failure_count, next(r.exception for r in answer.responses if r.exception)

    return many


async def aiohttp(task: Task, stack: AsyncExitStack) -> SendMany:
    """Send with aiohttp: one session, HTTP/1.1 keep-alive connections, messages made from an encoded one like ours."""
    from aiohttp import ClientSession, TCPConnector  # noqa: PLC0415 - as above
    from benchmarks.firebase import access_token, project_of  # noqa: PLC0415

    headers = {
        "authorization": f"Bearer {access_token(task.credentials_file, task.ca_file)}",
        "content-type": "application/json",
    }
    connector = TCPConnector(limit=100, ssl=ssl.create_default_context(cafile=task.ca_file))
    session = await stack.enter_async_context(ClientSession(connector=connector, headers=headers))
    url = f"{task.url}/v1/projects/{project_of(task.credentials_file)}/messages:send"
    message = message_of_ours()

    async def send(number: int) -> None:
        body = message.body(kind="token", registration=token(number), delivery_id=str(number))
        async with session.post(url, data=body) as answer:
            msgspec.json.decode(await answer.read())
            assert answer.status == 200

    return lambda units: in_parallel(send, units)


async def in_parallel(send: Callable[[int], Awaitable[None]], units: int) -> None:
    """Send with a bounded number in flight."""
    numbers = iter(range(units))

    async def work() -> None:
        for number in numbers:
            await send(number)

    await asyncio.gather(*(work() for _ in range(min(IN_FLIGHT, units))))


def message_of_ours() -> Any:
    """Build the message that all contenders send, as the notifier builds an announcement's."""
    from benchmarks.firebase import DATA, TAG, TEXT, TITLE  # noqa: PLC0415

    from outage_notifier.providers.fcm.message import push_message  # noqa: PLC0415 - as above

    ttl = timedelta(hours=3)
    return push_message(
        title=TITLE, text=TEXT, tag=TAG, data=DATA, ttl=ttl, expires_at=datetime.now(UTC) + ttl, urgent=False
    )


def token(number: int) -> str:
    """Return a registration of the usual length."""
    return f"{number:022d}:APA91b" + "x" * 128


CONTENDERS = {"ours": ours, "firebase-admin": firebase, "aiohttp": aiohttp}


async def contend(name: str, task: Task) -> Done:
    """Warm up, then send all messages and measure this process."""
    async with AsyncExitStack() as stack:
        many = await CONTENDERS[name](task, stack)
        await many(min(WARM_UP, task.units))
        cpu_s, started_s = time.process_time(), time.perf_counter()
        await many(task.units)
        return Done(time.perf_counter() - started_s, time.process_time() - cpu_s, peak_mb())


def peak_mb() -> float:
    """Return this process's peak resident memory in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(contend(sys.argv[1], given))))
