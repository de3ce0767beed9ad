"""JSON replies of a language model: parsed, checked against a schema, or rejected with a reason.

Strict on purpose. White space, a byte-order mark and one Markdown code fence around the JSON are taken off, since chat
models and servers add them without meaning anything by it, and a list longer than the schema's `maxItems` is cut to it:
its first items are what the model stated. Everything else (a sentence before the JSON, two objects, `NaN`, a missing
field, a text longer than its `maxLength`, whose cut half might say something else) is an `OutputError`. Guessing at a
broken reply would put facts in the graph that no model has stated.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from models.errors import ConfigError, OutputError
from models.files.digest import canonical_json
from models.redaction import redact

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from pydantic import BaseModel

FENCE = re.compile(r"```[A-Za-z]*\s*(.*?)\s*```", re.DOTALL)
"""A Markdown code fence; its first group is what it holds."""
_EXCERPT = 160
FORM_TRIES = 3
"""Maximum number of calls for one reply that satisfies a schema."""


def parse_structured(text: str, schema: dict[str, Any]) -> Any:
    """Parse a model's reply as JSON that satisfies a schema.

    Args:
        text: The reply as written.
        schema: A JSON schema (draft 2020-12 unless it names another).
    Returns:
        The parsed JSON value.
    Raises:
        OutputError: The text is not one JSON value, or the value breaks the schema.
        ConfigError: The schema itself is not a JSON schema.
    Example:
        >>> parse_structured(' {"n": 1} ', {"type": "object", "required": ["n"]})
        {'n': 1}
    """
    return parse_fitting(text, schema)[0]


def parse_fitting(text: str, schema: dict[str, Any]) -> tuple[Any, int]:
    """Parse a model's reply as `parse_structured` does, and count what was cut off its lists.

    Returns:
        The parsed JSON value, and the number of list items beyond a `maxItems`.
    Raises:
        OutputError: The text is not one JSON value, or the value breaks the schema.
        ConfigError: The schema itself is not a JSON schema.
    Example:
        >>> parse_fitting("[1, 2, 3]", {"type": "array", "maxItems": 2})
        ([1, 2], 1)
    """
    validator = _validator(canonical_json(schema))
    value = _parse(text)
    problem, surplus = _problem(validator, value), 0
    if problem:
        value, surplus = _cut_lists(value, schema)
        problem = _problem(validator, value) if surplus else problem
    if problem:
        raise OutputError(
            f"Expected a reply that satisfies the JSON schema, but {problem}. The reply began: {excerpt(text)}."
        )
    return value, surplus


def _cut_lists(value: Any, schema: Any) -> tuple[Any, int]:
    """A value whose lists are cut to the schema's `maxItems`, and the number of items cut off."""
    if not isinstance(schema, dict):
        return value, 0
    if isinstance(value, dict):
        fields, surplus = {}, 0
        for name, field in value.items():
            fields[name], cut = _cut_lists(field, schema.get("properties", {}).get(name))
            surplus += cut
        return fields, surplus
    if not isinstance(value, list):
        return value, 0
    limit = schema.get("maxItems", len(value))
    items, surplus = [], max(0, len(value) - limit)
    for item in value[:limit]:
        fitting, cut = _cut_lists(item, schema.get("items"))
        items.append(fitting)
        surplus += cut
    return items, surplus


def schema_of_reply(kind: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a reply, from the pydantic model that will parse it.

    What pydantic adds for readers (titles, descriptions, defaults) is left out, since a server compiles the schema into
    a grammar and some cannot follow `$ref`; every field is required, since a model that may leave a field out will.

    Args:
        kind: A model with `extra="forbid"`; bounds of its fields (`max_length`, `pattern`) bound the reply.
    Example:
        >>> from pydantic import create_model
        >>> schema_of_reply(create_model("Reply", text=(str, ...)))
        {'type': 'object', 'properties': {'text': {'type': 'string'}}, 'required': ['text']}
    """
    schema = kind.model_json_schema()
    flat = _plain(schema, schema.get("$defs", {}))
    assert isinstance(flat, dict)
    return flat


_FOR_READERS = frozenset(["title", "description", "default", "$defs"])
_ORDER = ("type", "enum", "properties", "items", "required", "additionalProperties")


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    """A schema without notes for readers and with every `$ref` replaced by what it names; models are never circular."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            # Names of fields are not keywords: a field may be called "title".
            plain[key] = {name: _plain(field, definitions) for name, field in value.items()}
        elif key not in _FOR_READERS:
            plain[key] = _plain(value, definitions)
    # Also of fields with a default, which pydantic leaves out of "required".
    if "properties" in plain:
        plain["required"] = list(plain["properties"])
    # A model in process reads the schema as text, in which the type comes first by custom; pydantic sorts by alphabet.
    return {key: plain[key] for key in sorted(plain, key=_position)}


def _position(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER)


def excerpt(text: str, length: int = _EXCERPT) -> str:
    """The first characters of a text on one line, quoted, for an error message.

    Example:
        >>> excerpt("a  b" + "c" * 9, length=6)
        "'a bccc…' (12 characters in all)"
    """
    # Before it is cut: half a key is no longer known as one.
    flat = " ".join(redact(text).split())
    if not flat:
        return "nothing at all" if not text else "only white space"
    return repr(flat) if len(flat) <= length else f"{flat[:length] + '…'!r} ({len(flat)} characters in all)"


def _parse(text: str) -> Any:
    stripped = text.strip("\ufeff\u200b \t\r\n\f\v\x00").strip()
    fenced = FENCE.fullmatch(stripped)
    body = fenced.group(1) if fenced else stripped
    try:
        value = json.loads(body, parse_constant=_no_constant)
        # Half of a surrogate pair parses, but no database and no file takes it.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise OutputError(
            f"Expected one JSON value and nothing around it, but it does not parse ({error}). "
            f"The reply began: {excerpt(text)}."
        ) from error
    return value


def _no_constant(name: str) -> Any:
    # Python's own parser takes NaN and Infinity, which JSON has not.
    raise ValueError(f"{name} is not JSON.")


def _problem(validator: Validator, value: Any) -> str:
    """What is wrong with `value` and where, as a clause, or "" if nothing is."""
    from jsonschema.exceptions import best_match

    # Of several errors the one that is highest up in the value; under alternatives (`anyOf`) the closest match.
    error = best_match(validator.iter_errors(value))
    if error is None:
        return ""
    return f"at {error.json_path} {excerpt(error.message)} (keyword {error.validator!r})"


@lru_cache(maxsize=64)
def _validator(schema_json: str) -> Validator:
    """The validator of a schema, cached, since one prompt's schema is used for thousands of replies."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    schema = json.loads(schema_json)
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(
            f"Expected a JSON schema, but it is wrong at {error.json_path}: {error.message}. Correct the schema."
        ) from error
    return kind(schema)
