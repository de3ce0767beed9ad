"""Prompts are files: `configs/prompts/NAME.md`, with a version in the front matter and one section a role.

    ---
    version: 1
    ---
    # system
    You read ...
    # user
    Passage: {passage}

The fixed part comes first and the changing part last, so that a server computes the fixed part once.
The name, the version and a digest of the text go into every request, hence into every cache key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from configs import shipped_names
from models.errors import ConfigError, unknown_name
from models.files.digest import digest
from models.files.settings import parse_mapping
from models.protocols import Message, Role

CHARACTERS_PER_TOKEN = 3.5
"""Number of characters of a prompt that make a token, about; for estimates of cost only."""
_FRONT_MATTER = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_SECTION = re.compile(r"^# (system|user|assistant)\n", re.MULTILINE)
_FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file.

    Attributes:
        name: The file's stem.
        version: Version in the front matter.
        turns: Role and text of each section; fields are in braces.
    """

    name: str
    version: int
    turns: tuple[tuple[Role, str], ...]

    @property
    def template(self) -> str:
        """Name, version and text digest, such as "extract@1:5f…"."""
        return f"{self.name}@{self.version}:{digest(self.turns, size=6)}"

    def fill(self, values: Mapping[str, str]) -> tuple[Message, ...]:
        """Put values into the fields, once: braces inside a value stay as they are.

        Example:
            >>> Prompt("p", 1, (("user", "Hi {name}"),)).fill({"name": "{name}"})[0].content
            'Hi {name}'
        """
        # One pass over the template: a value that looks like a field must not be filled again.
        return tuple(
            Message(role, _FIELD.sub(lambda field: values.get(field[1], field[0]), text)) for role, text in self.turns
        )


def split_front_matter(text: str, source: str) -> tuple[dict[str, Any], str]:
    """The settings at the head of a file, between two lines "---", and the text below them.

    Args:
        text: The whole file.
        source: What the text is, for messages.
    Raises:
        ConfigError: The text does not begin with front matter, or that is not a mapping in YAML.
    Example:
        >>> split_front_matter("---\\nversion: 1\\n---\\nHello", "the prompt p")
        ({'version': 1}, 'Hello')
    """
    parts = _FRONT_MATTER.match(text)
    if parts is None:
        raise ConfigError(f"Expected {source} to begin with settings between two lines '---'. Add them.")
    return parse_mapping(parts["head"], source, "settings at the head"), parts["body"]


def parse_prompt(name: str, text: str) -> Prompt:
    """The prompt that the text of a prompt file states.

    Raises:
        ConfigError: The front matter has no version, or no section follows it.
    """
    source = f"the prompt {name}"
    head, body = split_front_matter(text, source)
    if not isinstance(head.get("version"), int):
        raise ConfigError(f"Expected {source} to state 'version: N' between two lines '---'. Add it.")
    # Splitting at a pattern with one group gives: text before, role, section, role, section, …
    _, *sections = _SECTION.split(body)
    if not sections:
        raise ConfigError(f"Expected {source} to have a section '# system' or '# user'. Add one.")
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return Prompt(name, head["version"], tuple((cast(Role, role), section.strip("\n")) for role, section in pairs))


def load_prompt(name: str) -> Prompt:
    """Read `configs/prompts/NAME.md`.

    Raises:
        ConfigError: There is no such prompt, or it cannot be read.
    """
    folder = files("configs") / "prompts"
    try:
        text = (folder / f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(unknown_name("prompt", name, shipped_names("prompts", ".md"))) from error
    return parse_prompt(name, text)
