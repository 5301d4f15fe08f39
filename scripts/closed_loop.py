"""Users who ask a server again as soon as it has answered, each on a connection that stays open.

As light as a measuring program can be: it runs on the processors of the server that it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools


class Measured(NamedTuple):
    """From the sending of a request to the last byte of its answer; `size` as it came over the line, compressed."""

    seconds: float
    size: int


class UnexpectedStatus(RuntimeError):
    """An answer that is not 200, or a connection that the server closed."""


class Connection(asyncio.Protocol):
    """One user's connection: `get` sends a request and waits for the whole of its answer."""

    def __init__(self, host: str, headers: Mapping[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": host, **headers}.items())
        self._after_path = f" HTTP/1.1\r\n{lines}\r\n".encode()
        self._parser = httptools.HttpResponseParser(self)

    async def get(self, path: str) -> Measured:
        self._size = 0
        self._answered = asyncio.get_running_loop().create_future()
        begun = time.monotonic()
        self._transport.write(b"GET " + path.encode() + self._after_path)
        ended = await self._answered
        if self._parser.get_status_code() != 200:
            raise UnexpectedStatus(f"{self._parser.get_status_code()} from {path}")
        return Measured(ended - begun, self._size)

    def close(self) -> None:
        self._transport.close()

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(error or UnexpectedStatus("the server has hung up"))

    # -- what the parser calls

    def on_message_complete(self) -> None:
        self._answered.set_result(time.monotonic())


async def connected(
    address: str, headers: Mapping[str, str], first: Sequence[str]
) -> list[Connection]:
    """Return a connection for each path of `first`, after an answer to that path.

    The users come one by one: of several that come in the same instant one process of the server may take all.
    """
    server = urlsplit(address)
    assert server.hostname is not None, address
    assert server.port is not None, address
    opened = []
    for path in first:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(server.netloc, headers), server.hostname, server.port
        )
        await connection.get(path)
        opened.append(connection)
    return opened


async def ask(users: Sequence[Connection], paths: Sequence[Sequence[str]]) -> list[Measured]:
    """Let each user ask his paths one after another, all users at once; return what each answer took."""

    async def ask_all(user: Connection, mine: Sequence[str]) -> list[Measured]:
        return [await user.get(path) for path in mine]

    answers = await asyncio.gather(*map(ask_all, users, paths))
    return [measured for some in answers for measured in some]
