"""A database proves its name before it is told a password. The embedded server has no TLS: a proxy before it ends it."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from gridcare.errors import Retryable
from gridcare.postgres.database import Database, direct_connection
from gridcare.postgres.schema.migrate import migrate
from gridcare_local.emulators.keys import new_identity


@asynccontextmanager
async def _ending_tls(url: str, folder: Path):
    """Yield the port of a proxy that answers SSLRequest with yes, ends TLS and passes on; it refuses what comes in the clear."""
    identity = new_identity()
    (folder / "keys.pem").write_bytes(identity.key + identity.chain)
    (folder / "ca.pem").write_bytes(identity.authority)
    (folder / "stranger.pem").write_bytes(new_identity().authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "keys.pem")
    behind = urlsplit(url)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != b"\0\0\0\x08\x04\xd2\x16\x2f":  # SSLRequest
                writer.close()
                return
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(context)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection(behind.hostname, behind.port)
        await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def _through(url: str, host: str, port: int, query: str) -> str:
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{host}:{port}", query=query))


async def test_verified_or_refused(owner_url: str, tmp_path: Path, migrations: Path):
    """Pool, direct connection and dbmate get through with the right authority; a wrong one, another name or no TLS is refused."""
    async with _ending_tls(owner_url, tmp_path) as port:
        verify = f"sslmode=verify-full&sslrootcert={tmp_path}"
        good = _through(owner_url, "localhost", port, f"{verify}/ca.pem")
        async with Database.open(good, application_name="tests", pool_size=2) as db, db.read() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        async with direct_connection(good, application_name="tests") as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await asyncio.wait_for(migrate(good, migrations), 30)
        for bad in (
            _through(owner_url, "localhost", port, f"{verify}/stranger.pem"),
            _through(owner_url, "127.1", port, f"{verify}/ca.pem"),  # the same address, by no name of the certificate
            _through(owner_url, "localhost", port, "sslmode=disable"),
        ):
            with pytest.raises(Retryable):
                async with Database.open(bad, application_name="tests", pool_size=2):
                    pass
            with pytest.raises(Retryable):
                async with direct_connection(bad, application_name="tests"):
                    pass
