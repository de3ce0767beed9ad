"""A refusal that names a parameter teaches one lesson; one that names none teaches none."""

from __future__ import annotations

from typing import Any

import pytest

from models.protocols import ChatRequest, Message
from models.servers.dialect import Dialect
from models.servers.refusals import read_error

SCHEMA = {
    "type": "object",
    "properties": {"river": {"type": "string"}},
    "required": ["river"],
    "additionalProperties": False,
}
ASK = ChatRequest((Message("system", "Be brief."), Message("user", "Name a river.")), SCHEMA, max_tokens=64)
PLAIN = Dialect()


def lesson(status: int, body: Any, dialect: Dialect = PLAIN) -> str:
    taught = dialect.after(read_error(status, body), dialect.body("m", ASK))
    return "" if taught is None else taught.changes(dialect)


def said(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


JSON_MODE = "the schema is put into the prompt, with JSON mode"
LESSONS = [
    ("seed is left out", 400, {"code": "invalid", "error": "Argument not supported on this model: seed"}),
    ("at most 32 tokens are asked for", 400, said("Range of max_tokens should be [1, 32]")),
    ("at most 32 tokens are asked for", 400, said("max_tokens: 64 > 32, the maximum allowed number of output tokens")),
    ("at most 32 tokens are asked for", 422, {"error": "Input validation error: `max_new_tokens` must be <= 32"}),
    (
        "the system message is put into the user's",
        400,
        {"error": "Error rendering prompt with jinja template: 'Only user and assistant roles are supported!'"},
    ),
    ("temperature is left out", 400, said("Only the default (1) value is supported.", param="temperature")),
    ("temperature is left out", 400, said("`temperature` is deprecated for this model.")),
    (
        "temperature is left out",
        422,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "no"}]},
    ),
    ("temperature is left out", 400, {"message": "Unsupported parameter: temperature=0.0"}),
    ("temperature is left out", 400, "the parameter temperature cannot be set with reasoning models"),
    (
        "temperature 0 is sent as 0.01",
        422,
        {"error": "Input validation error: `temperature` must be strictly positive"},
    ),
    ("seed is left out", 400, said("Unrecognized request argument supplied: seed")),
    ("seed is left out", 400, said("property 'seed' is unsupported")),
    ("seed is left out", 422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
    ("seed is left out", 500, {"error": "create() got an unexpected keyword argument 'seed'"}),
    ("seed is left out", 400, "UnsupportedParamsError: m does not support parameters: ['seed']"),
    ("seed is left out", 400, said("nested", metadata={"raw": '{"error": {"param": "seed"}}'})),
    (JSON_MODE, 400, said("'response_format' of type 'json_schema' is not supported with this model.")),
    (JSON_MODE, 400, said("Invalid parameter", param="response_format.type")),
    (JSON_MODE, 400, said("Structured outputs are not available for m")),
    (JSON_MODE, 400, said("failed to compile grammar")),
    (
        JSON_MODE,
        422,
        {"detail": [{"loc": ["body", "response_format", "type"], "msg": "Input should be 'text' or 'json_object'"}]},
    ),
    (
        "strict is left out",
        400,
        said("Unknown parameter: 'response_format.json_schema.strict'.", param="response_format.json_schema.strict"),
    ),
    (
        "the limit of tokens is sent as max_completion_tokens",
        400,
        said("Use 'max_completion_tokens' instead.", param="max_tokens"),
    ),
    ("the limit of tokens is sent as max_completion_tokens", 400, "max_tokens is not supported"),
    ("at most 32 tokens are asked for", 400, said("max_tokens must be less than or equal to 32")),
    (
        "at most 50 tokens are asked for",
        400,
        said("max_tokens is too large: 64. This model supports at most 50 completion tokens"),
    ),
    ("replies are asked for as streams", 400, said("stream must be true")),
    (
        "replies are asked for as streams",
        400,
        said("This model only supports streaming; non-streaming calls are not enabled"),
    ),
    (
        "replies are asked for as streams",
        400,
        {"message": "parameter.enable_thinking must be set to false for non-streaming calls"},
    ),
    ("the system message is put into the user's", 400, said("System role not supported")),
    (
        "the system message is put into the user's",
        400,
        said("'messages[0].role' does not support 'system' with this model"),
    ),
    (
        "the system message is put into the user's",
        400,
        {"message": "Developer instruction is not enabled for models/m"},
    ),
    ("", 400, said("Bad request")),
    ("", 400, said("The temperature of the reactor is not something that we answer questions about")),
    ("", 503, said("temperature: unavailable")),
    ("", 401, said("no", param="seed")),
    ("", 400, said("Failed to generate JSON that matches the response_format. Invalid.", code="json_validate_failed")),
    ("", 400, said("unsupported value", param="top_k")),
]


@pytest.mark.parametrize(("learnt", "status", "body"), LESSONS)
def test_what_a_refusal_teaches(learnt: str, status: int, body: Any) -> None:
    assert lesson(status, body) == learnt


def test_every_lesson_is_learnt_once_and_they_end() -> None:
    everything = said(
        "Unsupported: 'temperature', 'seed', 'strict', max_tokens, response_format; the system role is not supported; "
        "stream must be true"
    )
    dialect, lessons = Dialect(), 0
    while taught := dialect.after(read_error(400, everything), dialect.body("m", ASK)):
        dialect, lessons = taught, lessons + 1
        assert lessons < 16
    body = dialect.body("m", ASK)
    assert body.keys() == {"model", "messages", "stream", "stream_options"}
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert body["messages"][0]["content"].startswith("Be brief.\n\nName a river.")
    assert '"river"' in body["messages"][0]["content"]


def test_forms_go_from_schema_to_json_mode_to_the_prompt() -> None:
    refused = read_error(400, said("no", param="response_format"))
    first = PLAIN.after(refused, PLAIN.body("m", ASK))
    assert first is not None and first.body("m", ASK)["response_format"] == {"type": "json_object"}
    second = first.after(refused, first.body("m", ASK))
    assert second is not None and "response_format" not in second.body("m", ASK)
    assert second.after(refused, second.body("m", ASK)) is None
    for dialect in (first, second):
        assert '{"type": "object"' in dialect.body("m", ASK)["messages"][-1]["content"]


def test_what_was_learnt_can_be_written_into_the_settings() -> None:
    taught = Dialect(frozenset(["seed", "temperature"]), "json", stream=True)
    assert taught.setting(PLAIN) == "omit: [seed, temperature] and structured: json and stream: true"


def test_a_request_keeps_its_place_for_an_assistant() -> None:
    turns = (Message("system", "a"), Message("user", "b"), Message("assistant", "c"), Message("user", "d"))
    body = Dialect(frozenset(["system"])).body("m", ChatRequest(turns))
    assert [(turn["role"], turn["content"]) for turn in body["messages"]] == [
        ("user", "a\n\nb"), ("assistant", "c"), ("user", "d"),
    ]  # fmt: skip
