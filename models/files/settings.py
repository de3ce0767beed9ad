"""Settings that people write: YAML to a pydantic model, with one style of error for every kind of file.

    read_settings(Path("graft.yaml"), IndexConfig, "index settings")

A message names the file, the setting, the rule that it broke and the value that came. Knows nothing of what the
settings are for; each model of settings lies beside the code that it sets.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from models.errors import ConfigError, describe_problems
from models.files.fields import known_fields
from models.files.text import read_utf8

S = TypeVar("S", bound=BaseModel)


class StrictSettings(BaseModel):
    """Base of models of settings: an unknown name is an error, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_settings(path: Path, kind: type[S], name: str) -> S:
    """Read a YAML file of settings; those left out take their defaults.

    Args:
        path: UTF-8.
        kind: The model of the settings.
        name: What the file holds, in the plural, for messages: "index settings".
    Raises:
        ConfigError: The file cannot be read, is not YAML, or a setting is unknown or out of range.
    """
    return check_settings(parse_mapping(read_yaml_text(path, name), str(path), name), kind, str(path), name)


def read_yaml_text(path: Path, name: str) -> str:
    """The text of a file of settings.

    Raises:
        ConfigError: The file cannot be read, or is not UTF-8.
    """
    return read_utf8(path.expanduser(), f"a YAML file of {name}", ConfigError)


def parse_mapping(text: str, source: str, name: str) -> dict[str, Any]:
    """YAML text that holds a mapping; an empty text is an empty mapping.

    Raises:
        ConfigError: The text is not YAML, or holds something else; the message names `source`.
    Example:
        >>> parse_mapping("a: 1", "x.yaml", "settings")
        {'a': 1}
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: expected {name} as YAML, but it does not parse: {_problem(error)}.") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: expected {name} as a mapping of names to values, got a {type(value).__name__}.")
    return value


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong and where, in one line; the library's own text shows the place in a drawing of several lines."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    return (
        f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
        if mark and problem
        else " ".join(str(error).split())
    )


def check_settings(values: Any, kind: type[S] | TypeAdapter[S], source: str, name: str) -> S:
    """Settings from a mapping.

    Args:
        values: Names to values, as YAML gives them.
        kind: The model of the settings, or an adapter for a union of models.
        source: Where the values come from, for messages.
        name: What the values are, in the plural, for messages: "index settings".
    Raises:
        ConfigError: A setting is unknown, missing or out of range; the message names `source` and the setting.
    """
    try:
        return kind.validate_python(values) if isinstance(kind, TypeAdapter) else kind.model_validate(values)
    except ValidationError as error:
        problems = describe_problems(error, "settings", partial(known_fields, kind))
        raise ConfigError(f"{source}: wrong {name}: {problems}.") from error
