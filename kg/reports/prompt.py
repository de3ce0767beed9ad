"""What a model is shown of a community, and what its answer must look like.

The facts come strongest first, but in turns from the communities below, so that a large community is not
judged by its strongest corner alone; they are numbered, and the answer cites the numbers. Parts that have a
report already are told by its title and summary. All of it fits a budget of tokens, and is the same for the
same graph. A finding that cites no fact of those shown is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kg.communities.graph import CommunityFacts
from kg.language.sentences import count_tokens
from kg.schema import Community, Fact, Finding, Report
from kg.views.places import Places

MOST_ANSWER_TOKENS = 800
_MOST_FACTS = 60
_MOST_NAMES = 12


class FindingAnswer(BaseModel):
    """A finding as the model gives it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    facts: list[int]


class ReportAnswer(BaseModel):
    """A report as the model gives it."""

    model_config = ConfigDict(extra="forbid")

    title: str
    summary: str
    findings: list[FindingAnswer]
    rating: float = Field(ge=0, le=10)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 100},
        "summary": {"type": "string", "minLength": 1, "maxLength": 600},
        "findings": {
            "type": "array",
            "minItems": 1,
            "maxItems": 5,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "minLength": 1, "maxLength": 300},
                    "facts": {
                        "type": "array",
                        "items": {"type": "integer", "minimum": 1, "maximum": _MOST_FACTS},
                        "maxItems": 6,
                    },
                },
                "required": ["text", "facts"],
                "additionalProperties": False,
            },
        },
        "rating": {"type": "integer", "minimum": 0, "maximum": 10},
    },
    "required": ["title", "summary", "findings", "rating"],
    "additionalProperties": False,
}
"""The same for every community, since a server compiles each schema once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What fits the budget.

    Attributes:
        fields: Of the prompt file: names, parts, facts.
        facts: The numbered facts, number 1 first.
        tokens: Of the fields, by `kg.language.sentences.count_tokens`.
    """

    fields: Mapping[str, str]
    facts: tuple[Fact, ...]
    tokens: int


def show(
    community: Community, found: CommunityFacts, places: Places, reports: Mapping[str, Report], budget: int
) -> Shown:
    """Choose what is shown of a community.

    Args:
        community: The community.
        found: The graph around it.
        places: The sentences of the facts.
        reports: Reports that are there already, by community id.
        budget: Most tokens of names, parts and facts together.
    """
    names = ", ".join(found.names[entity_id] for entity_id in found.members(community)[:_MOST_NAMES])
    told = (reports[child.id] for child in found.children[community.id] if child.id in reports)
    used = count_tokens(names)
    parts, used = _fit((f"- {report.title}: {report.summary}" for report in told), used, (used + budget) // 2)
    facts: list[Fact] = []
    lines: list[str] = []
    for fact in in_turns(community, found):
        if len(facts) == _MOST_FACTS:
            break
        short = f"[{len(facts) + 1}] {found.line(fact)}"
        fitting, used = _fit((f"{short}: {places.sentence(fact.evidence[0])}",), used, budget)
        if not fitting:
            fitting, used = _fit((short,), used, budget)
        if fitting:
            facts.append(fact)
            lines += fitting
    heading = "Parts:\n" + "\n".join(parts) + "\n" if parts else ""
    return Shown({"names": names, "parts": heading, "facts": "\n".join(lines)}, tuple(facts), used)


def in_turns(community: Community, found: CommunityFacts) -> Iterator[Fact]:
    """The facts of a community, strongest first, in turns by the community below that holds them."""
    owner = {entity_id: child.id for child in found.children[community.id] for entity_id in child.entity_ids}
    queues: dict[str, list[Fact]] = {}
    for fact in found.facts[community.id]:
        one, other = owner.get(fact.subject_id, ""), owner.get(fact.object_id, "")
        queues.setdefault(one if one == other else "", []).append(fact)
    for turn in zip_longest(*queues.values()):
        yield from (fact for fact in turn if fact is not None)


def findings_of(answer: ReportAnswer, facts: Sequence[Fact]) -> tuple[Finding, ...]:
    """The findings that cite a fact that was shown; citations of other numbers are left out."""
    found = (
        Finding(
            " ".join(finding.text.split()),
            tuple(dict.fromkeys(facts[number - 1].id for number in finding.facts if 1 <= number <= len(facts))),
        )
        for finding in answer.findings
    )
    return tuple(finding for finding in found if finding.fact_ids and finding.text)


def _fit(lines: Iterable[str], used: int, budget: int) -> tuple[list[str], int]:
    """Those of the lines that fit, and the tokens used afterwards."""
    kept = []
    for line in lines:
        tokens = count_tokens(line)
        if used + tokens <= budget:
            kept.append(line)
            used += tokens
    return kept, used
