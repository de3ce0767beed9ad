"""What a model proposes, in lines: how answers are asked for, and how they are read.

Two styles. Full: `Ines Varga (person) | became head of | Bellwick Mill (organisation)`, a fact a line, each end with
its kind. Compact: `Ines Varga | from | Lund | became head of | Bellwick Mill`, a subject a line with all its facts, and
no kinds. Lines take a small model half the tokens of nested objects and keep it to the point. Nothing here is
believed: `kg.verify` decides what stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Style = Literal["full", "compact"]
THING = "thing"
"""The kind of what is of no other."""
TYPES = ("person", "organisation", "place", "product", "work", "event", "value", THING)
"""Kinds of ends that a model is asked for where a configuration names none."""
_KIND = re.compile(r"(?P<name>.*\S)\s*\((?P<kind>[^()]*)\)\s*", re.DOTALL)
_MOST_CHAINED = 6


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
    """Facts in the compact style: one line a subject, in the order of first mention."""
    lines: dict[str, list[str]] = {}
    for fact in facts:
        lines.setdefault(fact.subject, [fact.subject]).extend((fact.predicate, fact.object))
    return [" | ".join(parts) for parts in lines.values()]


def full(fact: Proposal, kinds: Sequence[str] = TYPES) -> str:
    """A fact in the full style; a kind that is not among `kinds` is a thing."""
    subject_kind, object_kind = (kind if kind in kinds else THING for kind in (fact.subject_kind, fact.object_kind))
    return f"{fact.subject} ({subject_kind}) | {fact.predicate} | {fact.object} ({object_kind})"


def answer_schema(
    style: Style, most_tokens: int, types: Sequence[str] = TYPES, relations: Sequence[str] = ()
) -> dict[str, Any]:
    """JSON schema of an answer about a passage of at most so many tokens.

    The same for all passages of a knowledge base, since a server compiles each schema once. It bounds the answer, so
    that a model which only repeats itself is soon done.

    Args:
        style: Of the lines.
        most_tokens: Most tokens of a passage.
        types: Kinds of ends.
        relations: The only relations allowed; any words where none is named.
    """
    relation = f"({'|'.join(re.escape(each) for each in relations)})" if relations else _words(6)
    if style == "full":
        kinds = "|".join(re.escape(each) for each in dict.fromkeys((*types, THING)))
        line, most = (
            rf"{_words(8)} \(({kinds})\) \| {relation} \| {_words(8)} \(({kinds})\)",
            max(8, 2 + most_tokens // 40),
        )
    else:
        line, most = rf"{_words(8)}( \| {relation} \| {_words(8)}){{1,{_MOST_CHAINED}}}", max(6, most_tokens // 24)
    facts = {"type": "array", "items": {"type": "string", "pattern": f"^{line}$"}, "maxItems": most}
    return {"type": "object", "properties": {"facts": facts}, "required": ["facts"], "additionalProperties": False}


def _words(most: int) -> str:
    """Pattern of at most so many words, without what would let a model leave its form: bars, brackets, controls."""
    word = '[^ |"\\\\\\x00-\\x1f{}()\\[\\]]{1,40}'
    return f"{word}( {word}){{0,{most - 1}}}"
