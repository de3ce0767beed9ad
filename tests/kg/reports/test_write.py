from pathlib import Path

import pytest

from kg.build import BuildModels, build
from kg.communities.graph import CommunityGraph
from kg.communities.listing import detail, listing, written
from kg.language.sentences import RuleSentences
from kg.reports.write import ReportPlan, write_reports
from kg.schema import Community, Fact, Handle, Report
from models.calls.records import Budget
from models.errors import InputError, ModelError, OutputError, RefusedPromptError
from tests.kg.reporting import REPORTER, STORIES, Reporter, report_by_rule, session
from tests.kg.scripted import LetterEncoder, ScriptedChat, write_sources

PLAN = ReportPlan(model=REPORTER)


class Desk:
    """Two stories in a workspace, and the reports on them."""

    def __init__(self, folder: Path):
        self.sources = write_sources(folder / "sources", STORIES)
        self.path = folder / "workspace"
        self.build()

    def build(self):
        with session(self.path) as opened:
            models = BuildModels(ScriptedChat(), LetterEncoder(), RuleSentences())
            return build(opened.workspace, self.sources, models)

    def report(self, plan=PLAN, **options):
        with session(self.path, **options) as opened:
            return write_reports(opened, plan)

    def read(self, kind):
        with session(self.path) as opened:
            return list(opened.workspace.store.read(kind))

    def store(self, function, *arguments):
        with session(self.path) as opened:
            return function(opened.workspace.store, *arguments)

    def of(self, name):
        """Handle of the community on level 0 that has an entity."""
        return next(line.handle for line in self.store(listing, 0) if name in line.names)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr(Reporter, "asked", [])
    monkeypatch.setattr(Reporter, "answer", None)
    return Desk(tmp_path)


def test_every_community_with_facts_gets_a_report_whose_findings_cite_its_facts(desk):
    run = desk.report()
    assert len(run.written) == len(Reporter.asked) >= 2
    assert (run.failed, run.stopped) == ([], "")
    assert (run.spent.tokens_in, run.spent.tokens_out) == (100 * len(run.written), 20 * len(run.written))
    facts = desk.store(lambda store: CommunityGraph(store).facts)
    for report in desk.read(Report):
        (finding,) = report.findings
        assert len(finding.fact_ids) == 1
        assert set(finding.fact_ids) <= {fact.id for fact in facts[report.community_id]}
        assert report.rating == 7
    assert run.dropped == len(run.written)  # the second finding of each cites nothing that was shown


def test_root_first_and_the_largest_first(desk):
    run = desk.report()
    rows = {row.id: row for row in desk.read(Community)}
    order = [(rows[r.community_id].level, -len(rows[r.community_id].entity_ids)) for r in run.written]
    assert order == sorted(order)


def test_a_second_run_asks_nothing(desk):
    first = desk.report()
    asked = len(Reporter.asked)
    again = desk.report()
    assert (again.written, len(Reporter.asked)) == ([], asked)
    assert len(desk.read(Report)) == len(first.written)


def test_only_the_report_of_a_changed_community_goes_and_its_handle_stays(desk):
    desk.report()
    before = {report.title: report for report in desk.read(Report)}
    coast, hills = desk.of("Torsby"), desk.of("Bellwick Castle")
    with (desk.sources / "coast.md").open("a") as file:
        file.write(" Lake Oune borders Sable Ness.")
    desk.build()
    assert (desk.of("Torsby"), desk.of("Bellwick Castle")) == (coast, hills)
    kept = desk.read(Report)
    assert kept and set(kept) < set(before.values())
    shown = desk.store(detail, hills, 5)
    assert shown.report is not None
    assert desk.store(detail, coast, 5).report is None
    assert "Sable Ness" in desk.store(detail, coast, 5).members
    asked = len(Reporter.asked)
    desk.report()
    assert all("Sable Ness" in request.messages[-1].content for request in Reporter.asked[asked:])


def test_a_document_that_changes_elsewhere_costs_no_report(desk):
    desk.report()
    before = {(report.basis, report.title) for report in desk.read(Report)}
    text = (desk.sources / "coast.md").read_text()
    (desk.sources / "coast.md").write_text(f"It rained all day. {text}")
    desk.build()
    assert {(report.basis, report.title) for report in desk.read(Report)} == before


def test_a_report_goes_with_the_sentence_it_was_drawn_from(desk):
    desk.report()
    (desk.sources / "coast.md").unlink()
    desk.build()
    assert not any("Torsby" in report.summary + report.findings[0].text for report in desk.read(Report))


def test_reports_and_handles_are_no_part_of_the_digest(desk):
    before = desk.build().digest
    desk.report()
    assert desk.read(Report) and desk.read(Handle)
    assert desk.build().digest == before


def test_a_report_that_cannot_be_used_is_on_record_and_written_again_on_request(desk):
    def fails(shown):
        return OutputError("it loops", 50, 5) if "Torsby" in shown else report_by_rule(shown)

    Reporter.answer = staticmethod(fails)
    run = desk.report()
    assert run.written and run.failed
    assert {failure.reason for failure in run.failed} == {"OutputError: it loops"}
    asked = len(Reporter.asked)
    again = desk.report()
    assert (len(again.failed), again.written, len(Reporter.asked)) == (len(run.failed), [], asked)
    Reporter.answer = None
    repaired = desk.report(retry_failed=True)
    assert (repaired.failed, len(repaired.written)) == ([], len(run.failed))


def test_a_report_without_a_cited_fact_is_none(desk):
    Reporter.answer = staticmethod(
        lambda shown: {**report_by_rule(shown), "findings": [{"text": "So.", "facts": [60]}]}
    )
    run = desk.report()
    assert run.written == [] and desk.read(Report) == []
    assert "cites a fact" in run.failed[0].reason


def test_refused_prompts_are_failed_reports_however_many(desk):
    Reporter.answer = staticmethod(lambda shown: RefusedPromptError("filtered"))
    run = desk.report()
    assert run.failed and run.written == []
    assert {failure.reason for failure in run.failed} == {"RefusedPromptError: filtered"}
    Reporter.answer = None
    assert len(desk.report(retry_failed=True).written) == len(run.failed)


def test_a_model_that_is_gone_ends_the_run_and_fails_no_report(desk):
    Reporter.answer = staticmethod(lambda shown: ModelError("no answer"))
    with pytest.raises(ModelError, match="no answer"):
        desk.report()
    Reporter.answer = None
    assert desk.report().failed == []


def test_a_budget_of_tokens_stops_before_it_is_passed_and_the_next_run_goes_on(desk):
    whole = desk.store(written).missing
    assert "tokens" in desk.report(ReportPlan(REPORTER, max_tokens=500)).stopped
    assert Reporter.asked == []
    first = desk.report(ReportPlan(REPORTER, max_tokens=2000))
    assert 1 <= len(first.written) < whole
    assert first.stopped
    assert first.spent.tokens_in + first.spent.tokens_out <= 2000
    rest = desk.report()
    assert len(first.written) + len(rest.written) == whole == len(Reporter.asked)


def test_a_budget_of_calls_keeps_what_is_finished(desk):
    run = desk.report(budget=Budget(max_calls=1))
    assert len(run.written) == len(desk.read(Report)) == 1
    assert run.stopped


def test_a_plan_names_a_level_and_a_number(desk):
    assert len(desk.report(ReportPlan(REPORTER, level=0, max_reports=1)).written) == 1
    assert desk.report(ReportPlan(REPORTER, level=7)).written == []
    there = desk.store(written, 0)
    assert (len(there.reports), there.missing) == (1, sum(line.facts > 0 for line in desk.store(listing, 0)) - 1)


def test_one_community_shows_facts_with_their_sentences(desk):
    shown = desk.store(detail, desk.of("Torsby"), 100)
    assert shown.line.facts == len(shown.facts) > 0
    stated = {fact.fact: fact.places for fact in shown.facts}
    assert stated["Ada Lorne | founds | Harrow Mills"] == (("coast.md", "Ada Lorne founded Harrow Mills."),)
    assert {fact.id for fact in shown.facts} <= {fact.id for fact in desk.read(Fact)}


def test_a_community_is_found_by_the_beginning_of_its_handle_or_id(desk):
    line = desk.store(listing)[0]
    for name in (line.handle, line.handle[:6], line.id, line.id[:12]):
        assert desk.store(detail, name, 0).line == line
    with pytest.raises(InputError, match="no community is called"):
        desk.store(detail, "nothing", 0)
    with pytest.raises(InputError, match="communities are called"):
        desk.store(detail, "m:", 0)
