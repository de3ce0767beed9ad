"""Reports on communities, written by a chat model on demand: root first, under a budget.

What is written is kept until the community changes (`kg.reports.basis`), and journaled with its row, so that a run that
was stopped continues where it was. A reply that cannot be used is on record with its reason and is not requested again
without `retry_failed`. A community without a fact has nothing to report.

    run = write_reports(session, ReportPlan(model="qwen-1.5b", max_reports=10))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from pydantic import ValidationError

from kg.communities.graph import CommunityGraph
from kg.language.sentences import count_tokens
from kg.reports.basis import basis, report_id
from kg.reports.prompt import MAX_REPLY_TOKENS, SCHEMA, ReportInput, ReportReply, findings_of, select_input
from kg.schema import Community, Report
from kg.session import Session
from kg.stores.journal import StageJournal
from kg.stores.protocol import GraphStore
from kg.summary import FailedItem
from kg.views.evidence import EvidenceLocator
from models.calls.budget import wasted_usage
from models.calls.executor import ThreadExecutor, call_all
from models.calls.prompt import load_prompt
from models.errors import BudgetError, OutputError, describe_problems
from models.factory import calls_in_parallel
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT, Progress

_MODEL_TOKENS = 1.5
"""Maximum number of a language model's tokens for one token of `kg.language.sentences.count_tokens`, in English."""
_RULES = 1
"""Changes with the rules of `kg.reports.prompt`, so that what failed under the old ones is tried again."""


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """Which reports to write.

    Attributes:
        model: Chat model that writes them.
        level: Level of the communities to report on; None takes all levels, root first.
        max_reports: Maximum number of reports of one run.
        max_tokens: Maximum number of tokens that one run reads and writes, None for no limit.
        context_tokens: Maximum number of tokens of names, parts and facts that one report is written from.
        communities: Ids of the communities to report on; None takes all.
    """

    model: str = "qwen-1.5b"
    level: int | None = None
    max_reports: int = 20
    max_tokens: int | None = None
    context_tokens: int = 1500
    communities: frozenset[str] | None = None


@dataclass(slots=True)
class ReportRun:
    """The result of a run.

    Attributes:
        written: Reports that this run wrote.
        dropped: Number of their findings that cited no fact of their community.
        failed: Communities whose report cannot be used, now or before, with reasons.
        spent: Tokens of this run; recorded replies are free.
        stopped: Why the run ended before its plan, or "".
    """

    written: list[Report] = field(default_factory=list)
    dropped: int = 0
    failed: list[FailedItem] = field(default_factory=list)
    spent: Usage = field(default_factory=Usage)
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class _ReportJob:
    """A report to be written.

    Attributes:
        community: Its community.
        basis: What the report will rest on.
        key: Key of its journal entry.
        input: What it is written from.
        max_tokens: Maximum number of tokens that it can take.
    """

    community: Community
    basis: str
    key: str
    input: ReportInput
    max_tokens: int


def write_reports(session: Session, plan: ReportPlan) -> ReportRun:
    """Write the reports of a plan that are missing.

    Raises:
        ModelError: The model cannot be reached, or refuses every call.
        StoreError: Another process writes to the workspace.
    """
    with session.workspace.writing(), session.open_chat(plan.model) as chat:
        return write_with(chat, session.workspace.store, plan, session.progress, session.retry_failed)


def write_with(
    chat: ChatModel, store: GraphStore, plan: ReportPlan, progress: Progress = SILENT, retry_failed: bool = False
) -> ReportRun:
    """Write the missing reports of a plan with an open model, in a store that nobody else writes to."""
    return _ReportWriter(chat, store, plan, progress, retry_failed).run()


class _ReportWriter:
    """One run: its jobs, and the tokens that they may still take."""

    def __init__(
        self, chat: ChatModel, store: GraphStore, plan: ReportPlan, progress: Progress, retry_failed: bool
    ) -> None:
        self.chat, self.store, self.plan, self.progress = chat, store, plan, progress
        self.prompt = load_prompt("report")
        self.stage = StageJournal(store, "reports", retry_failed)
        self.result = ReportRun()
        self.reserved = 0

    def run(self) -> ReportRun:
        """Write what is missing, in order, until the plan or a budget ends."""
        jobs = self._jobs()[: self.plan.max_reports]
        executor = ThreadExecutor(calls_in_parallel(self.plan.model))
        with self.progress.step("write reports", total=len(jobs), unit="communities") as step:
            try:
                with closing(call_all(executor, self._write, self._affordable(jobs))) as results:
                    for job, outcome in results:
                        self._keep(job, outcome)
                        step.advance()
            except BudgetError as error:
                self.result.stopped = str(error)
        # Parallel calls end in any order; the reports are listed in the order of the plan.
        rank = {job.community.id: number for number, job in enumerate(jobs)}
        self.result.written.sort(key=lambda report: rank[report.community_id])
        self.result.failed += self.stage.failures()
        return self.result

    def _jobs(self) -> list[_ReportJob]:
        """Communities of the plan without a report or a failure, root first."""
        graph, locator = CommunityGraph(self.store), EvidenceLocator(self.store)
        reports = {report.community_id: report for report in self.store.read(Report)}
        template_tokens = sum(count_tokens(text) for _, text in self.prompt.turns)
        jobs = []
        for community in graph.communities.values():
            facts = graph.facts[community.id]
            if not facts or not self._is_planned(community):
                continue
            current = basis(community, facts, locator)
            if community.id in reports and reports[community.id].basis == current:
                continue
            key = digest(_RULES, current, self.prompt.template, self.chat.digest, self.plan.context_tokens)
            # Only a failure counts as finished: a valid report was met above, and one that is gone must be written
            # again.
            if not self.stage.finished(community.id, key, has_rows=False):
                report_input = select_input(community, graph, locator, reports, self.plan.context_tokens)
                max_tokens = round(_MODEL_TOKENS * (template_tokens + report_input.tokens)) + MAX_REPLY_TOKENS
                jobs.append(_ReportJob(community, current, key, report_input, max_tokens))
        return jobs

    def _is_planned(self, community: Community) -> bool:
        plan = self.plan
        return plan.level in (None, community.level) and (plan.communities is None or community.id in plan.communities)

    def _affordable(self, jobs: Sequence[_ReportJob]) -> Iterator[_ReportJob]:
        """The jobs, as long as what they can take at most is left of the budget of tokens."""
        for job in jobs:
            # Calls in flight have spent nothing yet, so each job reserves its maximum until it ends.
            used = self.result.spent.tokens_in + self.result.spent.tokens_out + self.reserved
            if self.plan.max_tokens is not None and used + job.max_tokens > self.plan.max_tokens:
                self.result.stopped = (
                    f"The next report may take {job.max_tokens} tokens, and {self.plan.max_tokens - used} of "
                    f"{self.plan.max_tokens} are left. Run the same command again to continue."
                )
                return
            self.reserved += job.max_tokens
            yield job

    def _write(self, job: _ReportJob) -> tuple[Completion, ReportReply]:
        request = ChatRequest(
            messages=self.prompt.fill(job.input.fields),
            schema=SCHEMA,
            max_tokens=MAX_REPLY_TOKENS,
            template=self.prompt.template,
        )
        completion = self.chat.complete(request)
        used = completion.usage
        try:
            reply = ReportReply.model_validate(completion.parsed)
        except ValidationError as error:
            reason = f"Expected a report of the given schema, but {describe_problems(error, 'report')}."
            raise OutputError(reason, used.tokens_in, used.tokens_out, estimated=used.estimated) from error
        if not findings_of(reply, job.input.facts):
            reason = "Expected a finding that cites a fact of the prompt, but no finding of the report does."
            raise OutputError(reason, used.tokens_in, used.tokens_out, estimated=used.estimated)
        return completion, reply

    def _keep(self, job: _ReportJob, outcome: tuple[Completion, ReportReply] | Exception) -> None:
        """Keep a report and its journal entry, or the reason why there is none."""
        self.reserved -= job.max_tokens
        if isinstance(outcome, Exception):
            if isinstance(outcome, OutputError):
                self.result.spent += wasted_usage(outcome)
            self.stage.failed(job.community.id, job.key, outcome)
            return
        # Records hand a reply out again for free, with the usage of the first time.
        completion, reply = outcome
        if not completion.recorded:
            self.result.spent += completion.usage
        findings = findings_of(reply, job.input.facts)
        report = Report(
            id=report_id(job.community),
            community_id=job.community.id,
            basis=job.basis,
            title=" ".join(reply.title.split()),
            summary=" ".join(reply.summary.split()),
            rating=float(reply.rating),
            findings=findings,
        )
        self.result.dropped += len(reply.findings) - len(findings)
        self.result.written.append(report)
        self.stage.done(job.community.id, job.key, [report], completion.usage, completion.seconds)
