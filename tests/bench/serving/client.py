"""python -m tests.bench.serving.client PORT PATH BODIES.json CLIENTS SECONDS

Keep-alive clients on loopback in a process of their own, each sending its next request when the last is answered.
Prints the latencies in milliseconds, in the order of the answers, and how many answers were not 200, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path


class Client(asyncio.Protocol):
    """One connection.  requests: taken in turns."""

    def __init__(self, requests: list[bytes], first: int, end: float, latencies: list[float]) -> None:
        self.requests, self.next, self.end, self.latencies = requests, first, end, latencies
        self.buffer, self.wanted, self.failed = b"", -1, 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.wanted < 0:
            head, found, _ = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            fields = head.lower().split(b"\r\n")
            length = next(line for line in fields if line.startswith(b"content-length:"))
            self.wanted = len(head) + 4 + int(length[15:])
            self.failed += fields[0].split()[1] != b"200"
        if len(self.buffer) >= self.wanted:
            self.latencies.append(1e3 * (time.perf_counter() - self.sent))
            self._send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.failed += self.sent_one
            self.done.set_result(None)

    def _send(self) -> None:
        self.buffer, self.wanted, self.sent_one = b"", -1, False
        if time.perf_counter() > self.end:
            self.transport.close()
            return
        request = self.requests[self.next % len(self.requests)]
        self.next, self.sent_one, self.sent = self.next + 1, True, time.perf_counter()
        self.transport.write(request)


async def load(port: int, path: str, bodies: list[str], clients: int, seconds: float) -> dict[str, object]:
    """Send for so many seconds; all clients go through the bodies, each from a place of its own."""
    requests = [_request(port, path, body.encode()) for body in bodies]
    latencies: list[float] = []
    started = time.perf_counter()
    loop, end = asyncio.get_running_loop(), started + seconds
    made = [
        await loop.create_connection(
            lambda n=number: Client(requests, n * len(requests) // clients, end, latencies), "127.0.0.1", port
        )
        for number in range(clients)
    ]  # fmt: skip
    await asyncio.gather(*(client.done for _, client in made))
    return {
        "latencies_ms": latencies, "failed": sum(client.failed for _, client in made),
        "seconds": time.perf_counter() - started,
    }  # fmt: skip


def _request(port: int, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    port, path, file, clients, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(port), path, json.loads(Path(file).read_text()), int(clients), float(seconds)))))
