"""What people read of communities: the list, one community with its evidence, the written reports.

Plain values, ready for a table or for JSON. Nothing here calls a model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from kg.communities.graph import CommunityGraph
from kg.schema import Community, Fact, Report
from kg.stores.protocol import GraphStore
from kg.views.evidence import EvidenceLocator

_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class CommunityRow:
    """A community as a row of the list.

    Attributes:
        handle: Name that it keeps while it changes.
        id: Content id, which changes with the members.
        level: Level of the hierarchy; 0 is the coarsest.
        parent: Handle of the community above, or "".
        size: Number of members.
        facts: Number of facts with both ends inside.
        names: Names of the members with most facts, at most five.
        title: Title of its report, or "".
    """

    handle: str
    id: str
    level: int
    parent: str
    size: int
    facts: int
    names: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class ListedFact:
    """A fact as it is listed.

    Attributes:
        id: Id of the fact.
        fact: Subject, relation and object in words.
        places: The sentences that state it: (source, sentence).
    """

    id: str
    fact: str
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ListedReport:
    """A report as it is listed and shown.

    Attributes:
        handle: Handle of the community.
        level: Level of the community.
        size: Number of members of the community.
        title: A few words.
        rating: How much the community matters to the corpus, in [0, 10].
        summary: A paragraph.
        findings: Sentences with the facts that they rest on: (text, fact ids).
    """

    handle: str
    level: int
    size: int
    title: str
    rating: float
    summary: str
    findings: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class CommunityDetail:
    """One community with its members and facts.

    Attributes:
        line: The community as a row of the list.
        members: Names of the members, those with most facts first.
        children: Handles of the communities directly below.
        facts: The strongest facts, as many as wanted.
        report: Its report, or None if none is written.
    """

    line: CommunityRow
    members: tuple[str, ...]
    children: tuple[str, ...]
    facts: tuple[ListedFact, ...]
    report: ListedReport | None


@dataclass(frozen=True, slots=True)
class ReportList:
    """The written reports, and how many are missing.

    Attributes:
        reports: The reports, root first.
        missing: Number of communities with facts and without a report.
        without_facts: Number of communities without facts, which have nothing to report.
    """

    reports: tuple[ListedReport, ...]
    missing: int
    without_facts: int


def listing(store: GraphStore, level: int | None = None) -> list[CommunityRow]:
    """All communities, or those of a level, root first."""
    graph, reports = CommunityGraph(store), _reports(store)
    return [_row(community, graph, reports) for community in _of_level(graph, level)]


def counts(rows: list[CommunityRow]) -> dict[int, int]:
    """Number of communities by level."""
    return dict(sorted(Counter(row.level for row in rows).items()))


def detail(store: GraphStore, name: str, max_facts: int) -> CommunityDetail:
    """One community, found by handle or id.

    Args:
        store: The store.
        name: Handle or id, or the beginning of either.
        max_facts: Maximum number of facts.
    Raises:
        InputError: No community, or several, are so called.
    """
    graph, locator, reports = CommunityGraph(store), EvidenceLocator(store), _reports(store)
    community = graph.find(name)
    report = reports.get(community.id)
    return CommunityDetail(
        line=_row(community, graph, reports),
        members=tuple(graph.names[entity_id] for entity_id in graph.members(community)),
        children=tuple(graph.handles[child.id] for child in graph.children[community.id]),
        facts=tuple(_listed_fact(fact, graph, locator) for fact in graph.facts[community.id][:max_facts]),
        report=None if report is None else _listed_report(community, graph, report),
    )


def written(store: GraphStore, level: int | None = None) -> ReportList:
    """The written reports, of all levels or of one."""
    graph, reports = CommunityGraph(store), _reports(store)
    communities = _of_level(graph, level)
    listed = tuple(
        _listed_report(community, graph, reports[community.id]) for community in communities if community.id in reports
    )
    without_facts = sum(not graph.facts[community.id] for community in communities)
    missing = len(communities) - without_facts - len(listed)
    return ReportList(listed, missing, without_facts)


def _of_level(graph: CommunityGraph, level: int | None) -> list[Community]:
    return [community for community in graph.communities.values() if level in (None, community.level)]


def _reports(store: GraphStore) -> dict[str, Report]:
    return {report.community_id: report for report in store.read(Report)}


def _row(community: Community, graph: CommunityGraph, reports: dict[str, Report]) -> CommunityRow:
    return CommunityRow(
        handle=graph.handles[community.id],
        id=community.id,
        level=community.level,
        parent=graph.handles.get(community.parent_id, ""),
        size=len(community.entity_ids),
        facts=len(graph.facts[community.id]),
        names=tuple(graph.names[entity_id] for entity_id in graph.members(community)[:_SHOWN_NAMES]),
        title=reports[community.id].title if community.id in reports else "",
    )


def _listed_fact(fact: Fact, graph: CommunityGraph, locator: EvidenceLocator) -> ListedFact:
    places = tuple((locator.source(evidence), locator.sentence(evidence)) for evidence in fact.evidence)
    return ListedFact(fact.id, graph.line(fact), places)


def _listed_report(community: Community, graph: CommunityGraph, report: Report) -> ListedReport:
    return ListedReport(
        handle=graph.handles[community.id],
        level=community.level,
        size=len(community.entity_ids),
        title=report.title,
        rating=report.rating,
        summary=report.summary,
        findings=tuple((finding.text, finding.fact_ids) for finding in report.findings),
    )
