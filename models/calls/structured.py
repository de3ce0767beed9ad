"""JSON answers of a language model: parsed, checked against a schema, or refused with a reason.

Strict on purpose. White space around the JSON and one Markdown code fence are taken off, since
chat models add them without meaning anything by it; everything else (a sentence before the JSON,
two objects, `NaN`, a missing field) is an `OutputError`. Guessing at a broken answer would put
facts in the graph that no model has stated.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from models.errors import ConfigError, OutputError
from models.files.digest import canonical_json

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)
_EXCERPT = 160
FORM_TRIES = 3
"""So often at most is a server asked for an answer that satisfies a schema."""


def parse_structured(text: str, schema: dict[str, Any]) -> Any:
    """Read a model's answer as JSON that satisfies a schema.

    Args:
        text: The answer as written.
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
    validator = _validator(canonical_json(schema))
    value = _parse(text)
    problem = _problem(validator, value)
    if problem:
        raise OutputError(
            f"Expected an answer that satisfies the JSON schema, but {problem}. The answer began: {excerpt(text)}"
        )
    return value


def excerpt(text: str, length: int = _EXCERPT) -> str:
    """The first characters of a text on one line, quoted, for an error message.

    Example:
        >>> excerpt("a  b" + "c" * 9, length=6)
        "'a bccc…' (12 characters in all)"
    """
    flat = " ".join(text.split())
    if not flat:
        return "nothing at all" if not text else "only white space"
    return repr(flat) if len(flat) <= length else f"{flat[:length] + '…'!r} ({len(flat)} characters in all)"


def _parse(text: str) -> Any:
    stripped = text.strip()
    fenced = _FENCE.fullmatch(stripped)
    body = fenced.group(1) if fenced else stripped
    try:
        value = json.loads(body, parse_constant=_no_constant)
        # Half of a surrogate pair parses, but no database and no file takes it.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise OutputError(
            f"Expected one JSON value and nothing around it, but it does not parse ({error}). "
            f"The answer began: {excerpt(text)}"
        ) from error
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _problem(validator: Validator, value: Any) -> str:
    """What is wrong with `value` and where, or "" if nothing is."""
    from jsonschema.exceptions import best_match

    error = best_match(validator.iter_errors(value))
    if error is None:
        return ""
    return f"at {error.json_path} {excerpt(error.message)} (keyword {error.validator!r})"


@lru_cache(maxsize=64)
def _validator(schema_json: str) -> Validator:
    """The validator of a schema, kept, since one prompt's schema is used for thousands of answers."""
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
