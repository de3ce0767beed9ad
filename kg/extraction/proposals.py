"""The facts that a model proposes, in lines: the schema of its reply, and how the lines are parsed.

Lines: `Ines Varga | became head of | Bellwick Mill`, a fact a line. Compact: fewer of them. Full: with the kinds of the
ends, `Ines Varga (person) | became head of | Bellwick Mill (organisation)`. Chained: `Ines Varga | from | Lund | became
head of | Bellwick Mill`, a subject a line with all its facts. Lines take a small model half the tokens of nested
objects and keep it to the point. Nothing is believed here: `kg.extraction.verify` decides which facts are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from kg.config import Style
from models.calls.structured import schema_of_reply

THING = "thing"
"""The kind of an end that is of no other kind."""
TYPES = ("person", "organisation", "place", "product", "work", "event", "value", THING)
"""Kinds of ends in the full style where a configuration names none."""
_KIND = re.compile(r"(?P<name>.*\S)\s*\((?P<kind>[^()]*)\)\s*", re.DOTALL)
_MAX_CHAINED = 6
_MAX_NAME, _MAX_RELATION = 60, 36
_BREAKS_FORM = r'|"\\{}()\[\]\x00-\x1f'
"""Characters by which a model could leave its form: bars, quotes, brackets, controls."""
_MIN_LINES = 2
DENSITY: dict[Style, float] = {"lines": 4.0, "compact": 1.8, "full": 4.0, "chained": 4.0}
"""Maximum number of lines for a hundred tokens of text, where a configuration names no number."""


class ExtractionReply(BaseModel):
    """A model's reply to the extraction prompt.

    Attributes:
        facts: Lines of one fact or several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fact as a model proposes it.

    Attributes:
        subject: Name of the subject.
        predicate: Relation in words.
        object: Name of the object.
        subject_kind: Kind of the subject, lower case, or "".
        object_kind: Kind of the object, lower case, or "".
    """

    subject: str
    predicate: str
    object: str
    subject_kind: str = ""
    object_kind: str = ""


def proposals(reply: ExtractionReply) -> Iterator[Proposal]:
    """The facts of a reply, whatever its style; a line that breaks off gives the facts it has, at least one.

    Example:
        >>> [fact.predicate for fact in proposals(ExtractionReply(facts=("Ada | is | baker | lives in | Lund",)))]
        ['is', 'lives in']
    """
    for line in reply.facts:
        parts = [part.strip() for part in line.split("|")]
        # A broken line gives one fact with empty parts, which is then refused and counted.
        parts += [""] * (3 - len(parts))
        subject, subject_kind = _with_kind(parts[0])
        for predicate, end in zip(parts[1::2], parts[2::2], strict=False):
            object_, object_kind = _with_kind(end)
            yield Proposal(subject, predicate, object_, subject_kind, object_kind)


def _with_kind(part: str) -> tuple[str, str]:
    match = _KIND.fullmatch(part)
    return (match["name"], match["kind"].strip().lower()) if match else (part, "")


def format_chained(facts: Sequence[Proposal]) -> list[str]:
    """Facts in the chained style: one line a subject, or as few as hold its facts, in the order of first mention."""
    by_subject: dict[str, list[list[str]]] = {}
    for fact in facts:
        lines = by_subject.setdefault(fact.subject, [])
        if not lines or len(lines[-1]) > 2 * _MAX_CHAINED:  # a fact takes two parts, and the subject one more
            lines.append([fact.subject])
        lines[-1] += (fact.predicate, fact.object)
    return [" | ".join(parts) for lines in by_subject.values() for parts in lines]


def format_line(fact: Proposal) -> str:
    """A fact in the styles "lines" and "compact"."""
    return f"{fact.subject} | {fact.predicate} | {fact.object}"


def format_full(fact: Proposal, kinds: Sequence[str] = TYPES) -> str:
    """A fact in the full style; a kind that is not among `kinds` is a thing."""
    subject_kind, object_kind = (kind if kind in kinds else THING for kind in (fact.subject_kind, fact.object_kind))
    return f"{fact.subject} ({subject_kind}) | {fact.predicate} | {fact.object} ({object_kind})"


def max_lines(tokens: float, density: float) -> int:
    """Maximum number of lines of a reply.

    Args:
        tokens: Number of tokens of the text.
        density: Maximum number of lines for a hundred tokens.

    Example:
        >>> max_lines(160, 4.0), max_lines(10, 4.0)
        (6, 2)
    """
    return max(_MIN_LINES, round(tokens * density / 100))


def reply_schema(
    style: Style,
    tokens: float,
    types: Sequence[str] = TYPES,
    relations: Sequence[str] = (),
    density: float = 4.0,
) -> dict[str, Any]:
    """JSON schema of a reply about a text.

    It bounds the number of lines, so that a model which only repeats itself is soon done; texts of about one length
    have the same schema, since a server compiles each schema once.

    Args:
        style: Style of the lines.
        tokens: Number of tokens of the text.
        types: Kinds of ends.
        relations: The only relations allowed; any words where none is named.
        density: Maximum number of lines for a hundred tokens.
    """
    return _bounded_schema(line_pattern(style, types, relations), max_lines(tokens, density))


@lru_cache(maxsize=256)
def _bounded_schema(pattern: str, lines: int) -> dict[str, Any]:
    """Schema of an `ExtractionReply` of so many lines at most, each of the given pattern."""
    line = Annotated[str, Field(pattern=pattern)]
    bounded = create_model("BoundedReply", __base__=_PatternReply, facts=(tuple[line, ...], Field(max_length=lines)))
    return schema_of_reply(bounded)


class _PatternReply(ExtractionReply):
    """A reply under a pattern in the syntax of Python's `re`, which escapes the relations of a configuration."""

    model_config = ConfigDict(regex_engine="python-re")


def line_pattern(style: Style, types: Sequence[str] = TYPES, relations: Sequence[str] = ()) -> str:
    """Regular expression of a line.

    Lengths are bounded in characters: under a bound in words, a small model that does not want to stop writes words
    without spaces. A relation has no capitals, digits or commas, or it would run on to the end of its sentence.

    Args:
        style: Style of the lines.
        types: Kinds of ends.
        relations: The only relations allowed; any words where none is named.
    """
    name = f"[^{_BREAKS_FORM}]{{1,{_MAX_NAME}}}"
    relation = f"[^{_BREAKS_FORM},;:.!?0-9A-Z]{{1,{_MAX_RELATION}}}"
    if relations:
        relation = f"({'|'.join(map(re.escape, relations))})"
    kinds = "|".join(map(re.escape, dict.fromkeys((*types, THING))))
    plain = rf"{name} \| {relation} \| {name}"
    pattern = {
        "lines": plain,
        "compact": plain,
        "full": rf"{name} \(({kinds})\) \| {relation} \| {name} \(({kinds})\)",
        "chained": rf"{name}( \| {relation} \| {name}){{1,{_MAX_CHAINED}}}",
    }[style]
    return f"^{pattern}$"
