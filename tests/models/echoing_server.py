"""A chat server that repeats the key it was given, in every place of a response and in many forms."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

from tests.models.faulty_server import Behaviour, Handler, completion

FORMS: dict[str, Callable[[str], str]] = {
    "whole": lambda key: f"Bearer {key}",
    "masked": lambda key: f"{key[:8]}{'*' * 12}{key[-4:]}",
    "shortened": lambda key: f"{key[:6]}...{key[-4:]}",
    "url": lambda key: quote(f"Bearer {key}", safe=""),
    "base64": lambda key: b64encode(f"Bearer {key}".encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "half": lambda key: key[: len(key) // 2],
    "upper case": str.upper,
    "cut by an excerpt": lambda key: f"{'x' * 290}{key}",
}


def _error(status: int) -> Callable[[Handler, str], None]:
    def play(handler: Handler, echo: str) -> None:
        headers = {"retry-after": "0", "x-echo": echo}
        handler.send(
            status, json.dumps({"error": {"message": f"Incorrect API key provided: {echo}"}}).encode(), headers
        )

    return play


def _answer(handler: Handler, echo: str) -> None:
    handler.send(200, completion(_filled(handler.asked, f"the mill, by {echo}")))


def _prose(handler: Handler, echo: str) -> None:
    handler.send(200, completion(f"Some think {echo}."))


def _stream(handler: Handler, echo: str) -> None:
    text = _filled(handler.asked, echo)
    event = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    handler.send(200, f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode(), {"x-kind": "text/event-stream"})


def _redirect(handler: Handler, echo: str) -> None:
    port = handler.server.server_address[1]
    handler.send(307, b"", {"location": f"http://{quote(echo)}@localhost:{port}/stolen/{quote(echo)}?k={quote(echo)}"})


PLACES: dict[str, Callable[[Handler, str], None]] = {
    **{f"error {status}": _error(status) for status in (400, 401, 403, 404, 422, 429, 500)},
    "page": lambda handler, echo: handler.send(403, f"<html>denied: {echo}</html>".encode()),
    "broken": lambda handler, echo: handler.send(200, f'{{"choices": "{echo}"'.encode()),
    "error with 200": lambda handler, echo: handler.send(200, json.dumps({"error": {"message": echo}}).encode()),
    "answer": _answer,
    "prose": _prose,
    "stream": _stream,
    "redirect": _redirect,
}


def echoing(place: str, form: str) -> Behaviour:
    """Repeat the key of the request in a place of the response, in a form."""

    def play(handler: Handler) -> None:
        key = (handler.headers.get("authorization") or handler.headers.get("api-key") or "no key").split()[-1]
        PLACES[place](handler, FORMS[form](key))

    return play


def _filled(asked: dict[str, object], text: str) -> str:
    """A reply with `text` wherever the schema of a request takes text; `text` itself without a schema."""
    form = asked.get("response_format")
    schema = form.get("json_schema", {}).get("schema") if isinstance(form, dict) else None
    return json.dumps(_value(schema, text)) if schema else text


def _value(schema: dict[str, object], text: str) -> object:
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties")
        assert isinstance(properties, dict)
        return {name: _value(inner, text) for name, inner in properties.items()}
    if kind == "array":
        return [_value(inner, text)] if isinstance(inner := schema.get("items"), dict) else []
    return {"integer": 1, "number": 1, "boolean": True}.get(str(kind), text)
