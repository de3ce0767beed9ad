"""What a chat model is given of a community, and the form of its reply.

The facts come strongest first, but in turns from the communities below, so that a large community is not judged by its
strongest corner alone; they are numbered, and the reply cites the numbers. Parts that have a report already are given
by its title and summary. All of it fits a budget of tokens, and is the same for the same graph. A finding that cites
none of the facts given is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kg.communities.graph import CommunityGraph
from kg.language.sentences import count_tokens
from kg.schema import Community, Fact, Finding, Report
from kg.views.evidence import EvidenceLocator
from models.calls.structured import schema_of_reply

MAX_REPLY_TOKENS = 800
_MAX_FACTS = 60
_MAX_NAMES = 12


class FindingReply(BaseModel):
    """A finding as the model gives it: a sentence, and the numbers of the facts that it rests on."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=300)
    facts: list[Annotated[int, Field(ge=1, le=_MAX_FACTS)]] = Field(max_length=6)


class ReportReply(BaseModel):
    """A report as the model gives it."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=100)
    summary: str = Field(min_length=1, max_length=600)
    findings: list[FindingReply] = Field(min_length=1, max_length=5)
    rating: int = Field(ge=0, le=10)


SCHEMA = schema_of_reply(ReportReply)
"""The same for every community, however few facts it has, since a server compiles each schema once."""


@dataclass(frozen=True, slots=True)
class ReportInput:
    """What a report is written from.

    Attributes:
        fields: Values of the prompt file's fields: names, parts, facts.
        facts: The numbered facts, number 1 first.
        tokens: Number of tokens of the fields, by `kg.language.sentences.count_tokens`.
    """

    fields: Mapping[str, str]
    facts: tuple[Fact, ...]
    tokens: int


def select_input(
    community: Community, graph: CommunityGraph, locator: EvidenceLocator, reports: Mapping[str, Report], budget: int
) -> ReportInput:
    """Choose what a report on a community is written from.

    Args:
        community: The community.
        graph: The graph around it.
        locator: Finds the sentences of the facts.
        reports: The reports written so far, by community id.
        budget: Maximum number of tokens of names, parts and facts together.
    """
    names = ", ".join(graph.names[entity_id] for entity_id in graph.members(community)[:_MAX_NAMES])
    used = count_tokens(names)
    part_reports = [reports[child.id] for child in graph.children[community.id] if child.id in reports]
    # Reports of the parts get half of what is left, so that facts always have the other half.
    parts, used = _fit((f"- {report.title}: {report.summary}" for report in part_reports), used, (used + budget) // 2)
    facts: list[Fact] = []
    lines: list[str] = []
    for fact in in_turns(community, graph):
        if len(facts) == _MAX_FACTS:
            break
        short = f"[{len(facts) + 1}] {graph.line(fact)}"
        fitting, used = _fit([f"{short}: {locator.sentence(fact.evidence[0])}"], used, budget)
        if not fitting:
            # Near the end of the budget the fact alone may still fit.
            fitting, used = _fit([short], used, budget)
        if fitting:
            facts.append(fact)
            lines += fitting
    heading = "Parts:\n" + "\n".join(parts) + "\n" if parts else ""
    return ReportInput({"names": names, "parts": heading, "facts": "\n".join(lines)}, tuple(facts), used)


def in_turns(community: Community, graph: CommunityGraph) -> Iterator[Fact]:
    """The facts of a community, strongest first, in turns by the community below that holds them."""
    child_of = {entity_id: child.id for child in graph.children[community.id] for entity_id in child.entity_ids}
    # Facts between two parts, and those of a community without parts, have a turn of their own: "".
    queues: dict[str, list[Fact]] = {}
    for fact in graph.facts[community.id]:
        one, other = child_of.get(fact.subject_id, ""), child_of.get(fact.object_id, "")
        queues.setdefault(one if one == other else "", []).append(fact)
    for turn in zip_longest(*queues.values()):
        yield from (fact for fact in turn if fact is not None)


def findings_of(reply: ReportReply, facts: Sequence[Fact]) -> tuple[Finding, ...]:
    """The findings that cite a fact of the prompt; citations of other numbers are left out."""
    findings = []
    for finding in reply.findings:
        cited = [facts[number - 1].id for number in finding.facts if 1 <= number <= len(facts)]
        text = " ".join(finding.text.split())
        if text and cited:
            findings.append(Finding(text, tuple(dict.fromkeys(cited))))
    return tuple(findings)


def _fit(lines: Iterable[str], used: int, budget: int) -> tuple[list[str], int]:
    """The lines that fit (a short one may fit after a long one), and the number of tokens used afterwards."""
    kept = []
    for line in lines:
        tokens = count_tokens(line)
        if used + tokens <= budget:
            kept.append(line)
            used += tokens
    return kept, used
