"""Prompts are files: `configs/prompts/NAME.md`, a version in the front matter and one section a role.

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
from typing import cast

import yaml

from models.errors import ConfigError
from models.files.digest import digest
from models.protocols import Message, Role

CHARACTERS_PER_TOKEN = 3.5
"""Of a prompt, about: what plans count with."""
_PARTS = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_SECTION = re.compile(r"^# (system|user|assistant)\n", re.MULTILINE)
_FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file.

    Attributes:
        name: The file's stem.
        version: From the front matter.
        turns: Role and text of each section; fields stand in braces.
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
        return tuple(
            Message(role, _FIELD.sub(lambda field: values.get(field[1], field[0]), text)) for role, text in self.turns
        )


def parse_prompt(name: str, text: str) -> Prompt:
    """Read the text of a prompt file.

    Raises:
        ConfigError: No front matter with a version, or no section.
    """
    parts = _PARTS.match(text)
    head = yaml.safe_load(parts["head"]) if parts else None
    if parts is None or not isinstance(head, dict) or not isinstance(head.get("version"), int):
        raise ConfigError(f"the prompt {name} must begin with '---', 'version: N' and '---'")
    _, *sections = _SECTION.split(parts["body"])
    if not sections:
        raise ConfigError(f"the prompt {name} must have a section '# system' or '# user'")
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return Prompt(name, head["version"], tuple((cast(Role, role), body.strip("\n")) for role, body in pairs))


def load_prompt(name: str) -> Prompt:
    """Read `configs/prompts/NAME.md`.

    Raises:
        ConfigError: There is no such prompt, or it cannot be read.
    """
    folder = files("configs") / "prompts"
    try:
        text = (folder / f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        known = ", ".join(
            sorted(file.name.removesuffix(".md") for file in folder.iterdir() if file.name.endswith(".md"))
        )
        raise ConfigError(f"there is no prompt {name!r}; known prompts: {known}") from error
    return parse_prompt(name, text)
