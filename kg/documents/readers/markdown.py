"""Markdown, with YAML front matter or without: one document a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from kg.documents.encoding import decode
from kg.documents.parts import Part, RawDocument, SourceFile
from kg.language.dates import normalise_date
from kg.language.text import normalise

_FRONT_MATTER = re.compile(r"\A---[^\S\n]*\n(.*?)\n?^(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"^(title|date):[^\S\n]*(.*?)[^\S\n]*$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^#[^\S\n]+(.+?)[^\S\n]*#*$", re.MULTILINE)


def read_markdown(file: SourceFile) -> Iterator[Part]:
    """Markdown; `title:` and `date:` of YAML front matter are taken, the front matter itself is not text."""
    text = decode(file.path.read_bytes(), file.name)
    settings: dict[str, Any] = {}
    if (match := _FRONT_MATTER.match(text)) and (block := _front_matter(match[1])) is not None:
        settings, text = block, text[match.end() :]
    heading = _HEADING.search(text)
    title = settings.get("title") or (heading[1] if heading else "")
    yield RawDocument(text.strip("\n"), normalise(str(title)).strip(), normalise_date(settings.get("date")))


def _front_matter(block: str) -> dict[str, Any] | None:
    """Settings by lower-case name; None if the block between two rules is text after all."""
    try:
        settings = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError):  # a colon in an unquoted title is enough
        settings = {name: value.strip("\"'") for name, value in _SETTING.findall(block)} or None
    if settings is None and not block.strip():
        return {}
    return {str(name).lower(): value for name, value in settings.items()} if isinstance(settings, dict) else None
