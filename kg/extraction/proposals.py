"""What a model proposes, in lines: how answers are asked for, and how they are read.

Lines: `Ines Varga | became head of | Bellwick Mill`, a fact a line. Compact: fewer of them. Full: with the kinds of the
ends, `Ines Varga (person) | became head of | Bellwick Mill (organisation)`. Chained: `Ines Varga | from | Lund | became
head of | Bellwick Mill`, a subject a line with all its facts. Lines take a small model half the tokens of nested
objects and keep it to the point. Nothing here is believed: `kg.extraction.verify` decides what stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from kg.config import Style

THING = "thing"
"""The kind of what is of no other."""
TYPES = ("person", "organisation", "place", "product", "work", "event", "value", THING)
"""Kinds of ends that a model is asked for where a configuration names none."""
_KIND = re.compile(r"(?P<name>.*\S)\s*\((?P<kind>[^()]*)\)\s*", re.DOTALL)
_MOST_CHAINED = 6
_LONGEST_NAME, _LONGEST_RELATION = 60, 36
_BREAKS_FORM = r'|"\\{}()\[\]\x00-\x1f'
"""What would let a model leave its form: bars, quotes, brackets, controls."""
_FEWEST = 2
DENSITY: dict[Style, float] = {"lines": 4.0, "compact": 1.8, "full": 4.0, "chained": 4.0}
"""Most lines a hundred tokens of a passage, where a configuration names no number."""


class Answer(BaseModel):
    """A model's answer to the extraction prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fact as proposed; kinds are lower case, or ""."""

    subject: str
    predicate: str
    object: str
    subject_kind: str = ""
    object_kind: str = ""


def proposals(answer: Answer) -> Iterator[Proposal]:
    """The facts of an answer, whatever its style; a line that breaks off gives what it has, at least one.

    Example:
        >>> [each.predicate for each in proposals(Answer(facts=("Ada | is | baker | lives in | Lund",)))]
        ['is', 'lives in']
    """
    for line in answer.facts:
        parts = [part.strip() for part in line.split("|")]
        parts += [""] * (3 - len(parts))
        subject, subject_kind = _with_kind(parts[0])
        for predicate, end in zip(parts[1::2], parts[2::2], strict=False):
            object_, object_kind = _with_kind(end)
            yield Proposal(subject, predicate, object_, subject_kind, object_kind)


def _with_kind(part: str) -> tuple[str, str]:
    match = _KIND.fullmatch(part)
    return (match["name"], match["kind"].strip().lower()) if match else (part, "")


def chained(facts: Sequence[Proposal]) -> list[str]:
    """Facts in the chained style: one line a subject, or as few as hold its facts, in the order of first mention."""
    by_subject: dict[str, list[list[str]]] = {}
    for fact in facts:
        lines = by_subject.setdefault(fact.subject, [])
        if not lines or len(lines[-1]) > 2 * _MOST_CHAINED:
            lines.append([fact.subject])
        lines[-1] += (fact.predicate, fact.object)
    return [" | ".join(parts) for lines in by_subject.values() for parts in lines]


def line(fact: Proposal) -> str:
    """A fact in the style of lines."""
    return f"{fact.subject} | {fact.predicate} | {fact.object}"


def full(fact: Proposal, kinds: Sequence[str] = TYPES) -> str:
    """A fact in the full style; a kind that is not among `kinds` is a thing."""
    subject_kind, object_kind = (kind if kind in kinds else THING for kind in (fact.subject_kind, fact.object_kind))
    return f"{fact.subject} ({subject_kind}) | {fact.predicate} | {fact.object} ({object_kind})"


def most_lines(tokens: float, density: float) -> int:
    """Most lines of an answer about a passage of so many tokens, at so many lines a hundred.

    Example:
        >>> most_lines(160, 4.0), most_lines(10, 4.0)
        (6, 2)
    """
    return max(_FEWEST, round(tokens * density / 100))


def answer_schema(
    style: Style,
    tokens: float,
    types: Sequence[str] = TYPES,
    relations: Sequence[str] = (),
    density: float = 4.0,
) -> dict[str, Any]:
    """JSON schema of an answer about a passage of so many tokens.

    It bounds the number of facts, so that a model which only repeats itself is soon done; passages of about one length
    have the same schema, since a server compiles each schema once. Lengths are bounded in characters: under a bound of
    words, a small model that wants to go on writes words without spaces. And a relation has no capitals, digits or
    commas: else it takes in the rest of its sentence.

    Args:
        style: Of the lines.
        tokens: Of the passage.
        types: Kinds of ends.
        relations: The only relations allowed; any words where none is named.
        density: Most lines a hundred tokens.
    """
    name = f"[^{_BREAKS_FORM}]{{1,{_LONGEST_NAME}}}"
    relation = f"[^{_BREAKS_FORM},;:.!?0-9A-Z]{{1,{_LONGEST_RELATION}}}"
    if relations:
        relation = f"({'|'.join(re.escape(each) for each in relations)})"
    kinds = "|".join(re.escape(each) for each in dict.fromkeys((*types, THING)))
    plain = rf"{name} \| {relation} \| {name}"
    pattern = {
        "lines": plain,
        "compact": plain,
        "full": rf"{name} \(({kinds})\) \| {relation} \| {name} \(({kinds})\)",
        "chained": rf"{name}( \| {relation} \| {name}){{1,{_MOST_CHAINED}}}",
    }[style]
    most = most_lines(tokens, density)
    facts = {"type": "array", "items": {"type": "string", "pattern": f"^{pattern}$"}, "maxItems": most}
    return {"type": "object", "properties": {"facts": facts}, "required": ["facts"], "additionalProperties": False}
