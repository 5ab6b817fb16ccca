"""Asks a broker in its own protocol whether it serves clients yet, which an open port does not show."""

import socket
import struct

TIMEOUT_S = 2.0
METADATA_KEY = 3
METADATA_VERSION = 1
CORRELATION_ID = 1
CLIENT_ID = b"gridcare-probe"
ANSWER_BYTES_MAX = 1 << 20


def is_serving(host: str, port: int) -> bool:
    """Return whether the answer to a Metadata request names a living broker. Until then, clients fail or wait."""
    header = struct.pack(">hhih", METADATA_KEY, METADATA_VERSION, CORRELATION_ID, len(CLIENT_ID)) + CLIENT_ID
    request = header + struct.pack(">i", 0)  # about no topic
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (length,) = struct.unpack(">i", _read(connection, 4))
            if not 8 <= length <= ANSWER_BYTES_MAX:  # noqa: PLR2004 - correlation id and the number of brokers
                return False
            correlation_id, brokers = struct.unpack(">ii", _read(connection, 8))
    except (OSError, EOFError):
        return False
    return bool(correlation_id == CORRELATION_ID and brokers > 0)


def _read(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        chunk = connection.recv(length - len(received))
        if not chunk:
            raise EOFError
        received += chunk
    return received
