"""When a report is out of date: its basis is a digest of what it was written from.

That is the members, and the facts with the sentences that state them; not where a sentence stands, so a
document that changes elsewhere costs no report. A community may change its level or its parent and keep its
report. A sentence that is gone from the sources takes along every report that has drawn on it.
"""

from __future__ import annotations

from dataclasses import replace

from kg.communities.graph import CommunityFacts
from kg.schema import Community, Fact, Report, make_id
from kg.stores.protocol import GraphStore
from kg.views.places import Places
from models.files.digest import digest


def basis(community: Community, facts: list[Fact], places: Places) -> str:
    """Digest of what a report on a community rests on."""
    told = sorted([fact.id, *sorted({places.sentence(evidence) for evidence in fact.evidence})] for fact in facts)
    return digest(community.entity_ids, told)


def keep_valid(store: GraphStore) -> None:
    """Keep the reports whose basis some community still has, and no other."""
    reports = {report.basis: report for report in store.read(Report)}
    if not reports:
        return
    found, places = CommunityFacts(store), Places(store)
    kept = []
    for community in found.communities.values():
        report = reports.get(basis(community, found.facts[community.id], places))
        if report is not None:
            kept.append(replace(report, id=report_id(community), community_id=community.id))
    if set(kept) != set(reports.values()):
        store.replace(Report, kept)


def report_id(community: Community) -> str:
    """Id of the report on a community."""
    return make_id("r", community.id)
