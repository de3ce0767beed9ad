"""Requests for the name of a river, plain and under a schema, and an answer to them."""

from __future__ import annotations

from models.protocols import ChatRequest, Message
from tests.models.faulty_server import answer

SCHEMA = {
    "type": "object",
    "properties": {"river": {"type": "string"}},
    "required": ["river"],
    "additionalProperties": False,
}
PLAIN = ChatRequest((Message("system", "Be brief."), Message("user", "Name a river.")), max_tokens=64)
FORMED = ChatRequest(PLAIN.messages, SCHEMA, max_tokens=64)
DEE = answer('{"river": "Dee"}')
