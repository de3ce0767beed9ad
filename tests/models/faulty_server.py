"""A chat server on loopback that misbehaves as told: real sockets, real HTTP, no mocks of the client.

It plays a list of behaviours, one a request; the last one repeats. Every request body is kept in `seen`.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler"], None]
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}


class FaultyServer(ThreadingHTTPServer):
    """The server; `url` is the base URL for a client."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, plays: list[Behaviour], models: list[str] | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plays = plays
        self.models = models
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_play(self) -> Behaviour:
        with self.lock:
            return self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]


class Handler(BaseHTTPRequestHandler):
    """Answers one request by the next behaviour."""

    server: FaultyServer
    asked: dict[str, Any]

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length", "0"))
        body = self.asked = json.loads(self.rfile.read(size))
        with self.server.lock:
            self.server.seen.append(body)
            self.server.keys.append(self.headers.get("authorization", ""))
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            self.server.next_play()(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client gave up first, as it should.
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def do_GET(self) -> None:
        if self.server.models is None:
            self.send(404, b"nothing here")
        else:
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in self.server.models]
            self.send(200, json.dumps({"object": "list", "data": data}).encode())

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, claimed: int | None = None) -> None:
        """Answer; `claimed` is the Content-Length, where it is a lie."""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body) if claimed is None else claimed))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(*plays: Behaviour, models: list[str] | None = None) -> Iterator[FaultyServer]:
    """Run a server that plays these behaviours; `models` is what `/models` lists, None for no such page."""
    server = FaultyServer(list(plays), models)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(text: str | None, finish: str = "stop", **changes: Any) -> bytes:
    """Body of a chat completion; a change of None leaves that field out."""
    message = {"role": "assistant", "content": text}
    body: dict[str, Any] = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": USAGE,
    }
    return json.dumps({name: value for name, value in (body | changes).items() if value is not None}).encode()


def answer(text: str | None, finish: str = "stop", **changes: Any) -> Behaviour:
    """Answer properly."""
    return raw(completion(text, finish, **changes))


def raw(body: bytes) -> Behaviour:
    """Answer HTTP 200 with this body."""
    return lambda handler: handler.send(200, body)


def status(code: int, message: str = "no", headers: dict[str, str] | None = None, code_name: str = "") -> Behaviour:
    """Answer with an error in OpenAI's shape."""
    body = json.dumps({"error": {"message": message, "code": code_name or None}}).encode()
    return lambda handler: handler.send(code, body, headers)


def truncated(body: bytes) -> Behaviour:
    """Promise more bytes than are sent, then hang up."""

    def play(handler: Handler) -> None:
        handler.send(200, body, claimed=len(body) + 100)
        handler.close_connection = True

    return play


def reset(handler: Handler) -> None:
    """Drop the connection with a TCP reset instead of an answer."""
    # Linger on, zero seconds: close() sends RST.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RD)
    handler.close_connection = True
    handler.connection.close()
    handler.wfile = handler.rfile = _Nowhere()  # type: ignore[assignment]


class _Nowhere:
    """What the handler flushes and closes after its connection is gone."""

    closed = True

    def flush(self) -> None: ...

    def close(self) -> None: ...


def drip(body: bytes, pause_s: float) -> Behaviour:
    """Send the body byte by byte, each well within any read timeout."""

    def play(handler: Handler) -> None:
        handler.send(200, b"", claimed=len(body))
        for position in range(len(body)):
            handler.wfile.write(body[position : position + 1])
            handler.wfile.flush()
            time.sleep(pause_s)

    return play


def silent(seconds: float) -> Behaviour:
    """Accept, and say nothing for so long."""
    return lambda handler: time.sleep(seconds)


def refusing(code: int, body: object) -> Behaviour:
    """Refuse with a body of any shape: a mapping as JSON, a text as it is."""
    sent = body if isinstance(body, str) else json.dumps(body)
    return lambda handler: handler.send(code, sent.encode())


def only_if(condition: Callable[[dict[str, Any]], bool], behaviour: Behaviour, otherwise: Behaviour) -> Behaviour:
    """One behaviour for requests whose body meets a condition, another for the rest."""
    return lambda handler: (behaviour if condition(handler.asked) else otherwise)(handler)


def has(name: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a request has a parameter; "a.b" is the parameter b inside a."""

    def condition(body: dict[str, Any]) -> bool:
        value: Any = body
        for part in name.split("."):
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    return condition


def says(words: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a request's messages hold these words."""
    return lambda body: words in json.dumps(body["messages"], ensure_ascii=False)


def streamed(
    *pieces: str, finish: str | None = "stop", done: bool = True, usage: bool = True, gap: str = "\n\n"
) -> bytes:
    """Body of a reply that comes as server-sent events, one for each piece of its text."""
    events: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]}]
    events += [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage:
        events.append({"choices": [], "usage": USAGE})
    lines = [f"data: {json.dumps(event)}" for event in events] + (["data: [DONE]"] if done else [])
    return (gap.join(lines) + gap).encode()


def sent_as(body: bytes, headers: dict[str, str]) -> Behaviour:
    """Answer HTTP 200 with this body under other headers."""
    return lambda handler: handler.send(200, body, headers)
