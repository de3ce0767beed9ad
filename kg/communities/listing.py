"""What people read of communities: the listing, one community with its evidence, the reports that are written.

Plain values, ready for a table or for JSON. Nothing here calls a model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from kg.communities.graph import CommunityFacts
from kg.schema import Community, Report
from kg.stores.protocol import GraphStore
from kg.views.places import Places

_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A community in the listing.

    Attributes:
        handle: Name that it keeps while it changes.
        id: Content id of today.
        level: 0 is the coarsest.
        parent: Handle of the community above, or "".
        size: Members.
        facts: Facts with both ends inside.
        names: The members with most facts, at most five.
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
class FactLine:
    """A fact with the places that state it: (source, sentence)."""

    id: str
    fact: str
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report as it is listed and shown.

    Attributes:
        handle: The community's.
        level: The community's.
        size: Members of the community.
        title: A few words.
        rating: In [0, 10].
        summary: A paragraph.
        findings: Each with its facts in words: (text, fact ids).
    """

    handle: str
    level: int
    size: int
    title: str
    rating: float
    summary: str
    findings: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One community.

    Attributes:
        line: As in the listing.
        members: Names, those with most facts first.
        children: Handles of the communities directly below.
        facts: The strongest, as many as were asked for.
        report: Its report, if one is written.
    """

    line: Line
    members: tuple[str, ...]
    children: tuple[str, ...]
    facts: tuple[FactLine, ...]
    report: ReportLine | None


@dataclass(frozen=True, slots=True)
class Reports:
    """The written reports, root first, and how many communities with facts have none."""

    reports: tuple[ReportLine, ...]
    missing: int
    without_facts: int


def listing(store: GraphStore, level: int | None = None) -> list[Line]:
    """All communities, or those of a level, root first."""
    found, reports = CommunityFacts(store), _reports(store)
    rows = (row for row in found.communities.values() if level in (None, row.level))
    return [_line(row, found, reports) for row in rows]


def counts(lines: list[Line]) -> dict[int, int]:
    """Number of communities by level."""
    return dict(sorted(Counter(line.level for line in lines).items()))


def detail(store: GraphStore, name: str, most_facts: int) -> Detail:
    """One community, found by handle or id.

    Raises:
        InputError: No community, or several, are so called.
    """
    found, places, reports = CommunityFacts(store), Places(store), _reports(store)
    community = found.find(name)
    facts = (
        FactLine(
            fact.id,
            found.line(fact),
            tuple((places.source(evidence), places.sentence(evidence)) for evidence in fact.evidence),
        )
        for fact in found.facts[community.id][:most_facts]
    )
    report = reports.get(community.id)
    return Detail(
        line=_line(community, found, reports),
        members=tuple(found.names[entity_id] for entity_id in found.members(community)),
        children=tuple(found.handles[child.id] for child in found.children[community.id]),
        facts=tuple(facts),
        report=None if report is None else _report_line(community, found, report),
    )


def written(store: GraphStore, level: int | None = None) -> Reports:
    """The reports that are there, of all levels or of one."""
    found, reports = CommunityFacts(store), _reports(store)
    rows = [row for row in found.communities.values() if level in (None, row.level)]
    lines = tuple(_report_line(row, found, reports[row.id]) for row in rows if row.id in reports)
    silent = sum(not found.facts[row.id] for row in rows)
    return Reports(lines, missing=len(rows) - silent - len(lines), without_facts=silent)


def _reports(store: GraphStore) -> dict[str, Report]:
    return {report.community_id: report for report in store.read(Report)}


def _line(row: Community, found: CommunityFacts, reports: dict[str, Report]) -> Line:
    return Line(
        handle=found.handles[row.id],
        id=row.id,
        level=row.level,
        parent=found.handles.get(row.parent_id, ""),
        size=len(row.entity_ids),
        facts=len(found.facts[row.id]),
        names=tuple(found.names[entity_id] for entity_id in found.members(row)[:_SHOWN_NAMES]),
        title=reports[row.id].title if row.id in reports else "",
    )


def _report_line(row: Community, found: CommunityFacts, report: Report) -> ReportLine:
    return ReportLine(
        handle=found.handles[row.id],
        level=row.level,
        size=len(row.entity_ids),
        title=report.title,
        rating=report.rating,
        summary=report.summary,
        findings=tuple((finding.text, finding.fact_ids) for finding in report.findings),
    )
