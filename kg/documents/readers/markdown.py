"""Markdown, with front matter in YAML or TOML or without: one document a file. A note of Obsidian is Markdown too."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml

from kg.documents.encoding import read_decoded
from kg.documents.parts import Notice, Part, RawDocument, SourceFile
from kg.documents.web.markdown import visible_markdown
from kg.language.dates import normalise_date
from kg.language.text import normalise

_YAML = re.compile(r"\A---[^\S\n]*\n(.*?)\n?^(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A\+\+\+[^\S\n]*\n(.*?)\n?^\+\+\+[^\S\n]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_DATES = ("date", "published", "publish_date", "created", "created_at")
_SETTING = re.compile(rf"^(title|{'|'.join(_DATES)}):[^\S\n]*(.*?)[^\S\n]*$", re.MULTILINE | re.IGNORECASE)


def read_markdown(file: SourceFile) -> Iterator[Part]:
    """Markdown as a reader sees it; title and date of front matter are taken, front matter itself is not text."""
    decoded = read_decoded(file)
    yield from decoded.notices
    settings, text = _split(decoded.text)
    page = visible_markdown(text)
    if page.open_comment:
        line = page.open_comment + decoded.text.count("\n") - text.count("\n")
        yield Notice(f"{file.name} opens a comment in line {line} that never ends; what stands after it is not read.")
    title = normalise(str(settings.get("title") or page.title)).strip()
    dates = (normalise_date(settings.get(name)) for name in _DATES)
    yield RawDocument(page.text.strip("\n"), title, next(filter(None, dates), ""))


def _split(text: str) -> tuple[dict[str, Any], str]:
    """Settings of the front matter by lower-case name, and the text after it."""
    for pattern, parse in ((_YAML, _yaml), (_TOML, _toml)):
        if (match := pattern.match(text)) and (settings := parse(match[1])) is not None:
            return {str(name).lower(): value for name, value in settings.items()}, text[match.end() :]
    return {}, text


def _yaml(block: str) -> dict[Any, Any] | None:
    """Settings; None if the block between two rules is text after all."""
    try:
        settings = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError):  # a colon in an unquoted title is enough
        return {name: value.strip("\"'") for name, value in _SETTING.findall(block)} or None
    if settings is None and not block.strip():
        return {}
    return settings if isinstance(settings, dict) else None


def _toml(block: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(block)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
