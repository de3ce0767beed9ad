"""When a report is out of date: its basis is a digest of what it was written from.

The digest covers the members, and the facts with the sentences that state them, but not the positions of sentences: a
document that changes elsewhere costs no report. A community may change its level or its parent and keep its report. A
sentence that is gone from the sources takes with it every report that drew on it.
"""

from __future__ import annotations

from dataclasses import replace

from kg.communities.graph import CommunityGraph
from kg.schema import Community, Fact, Report, make_id
from kg.stores.protocol import GraphStore
from kg.views.evidence import EvidenceLocator
from models.files.digest import digest


def basis(community: Community, facts: list[Fact], locator: EvidenceLocator) -> str:
    """Digest of what a report on a community rests on."""
    stated = sorted([fact.id, *_sentences(fact, locator)] for fact in facts)
    return digest(community.entity_ids, stated)


def _sentences(fact: Fact, locator: EvidenceLocator) -> list[str]:
    return sorted({locator.sentence(evidence) for evidence in fact.evidence})


def keep_valid(store: GraphStore) -> None:
    """Keep the reports whose basis some community still has, and no others."""
    reports = {report.basis: report for report in store.read(Report)}
    if not reports:
        return
    graph, locator = CommunityGraph(store), EvidenceLocator(store)
    kept = []
    for community in graph.communities.values():
        report = reports.get(basis(community, graph.facts[community.id], locator))
        if report is not None:
            kept.append(replace(report, id=report_id(community), community_id=community.id))
    if set(kept) != set(reports.values()):
        store.replace(Report, kept)


def report_id(community: Community) -> str:
    """Id of the report on a community."""
    return make_id("r", community.id)
