"""Reports on communities, written by a chat model when somebody asks for them: root first, under a budget.

What is written is kept until the community changes (`kg.reports.basis`), and journalled with its row, so a run
that is stopped goes on where it was. A report that cannot be used is on record with its reason and is not
asked for again before `retry_failed`. A community without a fact has nothing to report.

    run = write_reports(session, ReportPlan(model="qwen-1.5b", most=10))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from pydantic import ValidationError

from kg.communities.graph import CommunityFacts
from kg.language.sentences import count_tokens
from kg.reports.basis import basis, report_id
from kg.reports.prompt import MOST_ANSWER_TOKENS, SCHEMA, ReportAnswer, Shown, findings_of, show
from kg.schema import Community, Report
from kg.session import Session
from kg.stores.journal import Stage
from kg.stores.protocol import GraphStore
from kg.summary import Failure
from kg.views.places import Places
from models.calls.executor import ThreadExecutor, ask_all
from models.calls.prompt import load_prompt
from models.errors import BudgetReached, OutputError
from models.factory import calls_in_parallel
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT, Progress

_MODEL_TOKENS = 1.5
"""Most tokens of a language model for one of `kg.language.sentences.count_tokens`, in English."""
_RULES = 1
"""Changes with the rules of `kg.reports.prompt`, so that what failed under the old ones is tried again."""


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """Which reports to write.

    Attributes:
        model: Chat model that writes them.
        level: Only communities of this level; None takes all, root first.
        most: Most reports that one run asks for.
        max_tokens: Most tokens that one run reads and writes, None for no limit.
        context_tokens: Most tokens of names, parts and facts that one report is written from.
        communities: Only these, by id; None takes all.
    """

    model: str = "qwen-1.5b"
    level: int | None = None
    most: int = 20
    max_tokens: int | None = None
    context_tokens: int = 1500
    communities: frozenset[str] | None = None


@dataclass(slots=True)
class ReportRun:
    """What a run did.

    Attributes:
        written: Reports of this run.
        dropped: Findings of theirs that cited no fact of their community.
        failed: Communities whose report cannot be used, now or before, with reasons.
        spent: Tokens of this run; recorded answers are free.
        stopped: Why the run ended before its plan, or "".
    """

    written: list[Report] = field(default_factory=list)
    dropped: int = 0
    failed: list[Failure] = field(default_factory=list)
    spent: Usage = field(default_factory=Usage)
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class _Job:
    community: Community
    basis: str
    key: str
    shown: Shown
    most_tokens: int


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
    """The same with a model that is open already, in a store that nobody else writes to."""
    return _Writer(chat, store, plan, progress, retry_failed).run()


class _Writer:
    """One run: the jobs that are left, and the tokens they may take."""

    def __init__(
        self, chat: ChatModel, store: GraphStore, plan: ReportPlan, progress: Progress, retry_failed: bool
    ) -> None:
        self.chat, self.store, self.plan, self.progress = chat, store, plan, progress
        self.prompt = load_prompt("report")
        self.stage = Stage(store, "reports", retry_failed)
        self.result = ReportRun()
        self.reserved = 0

    def run(self) -> ReportRun:
        """Ask for what is missing, in order, until the plan or a budget ends."""
        jobs = self._jobs()
        asked = jobs[: self.plan.most]
        executor = ThreadExecutor(calls_in_parallel(self.plan.model))
        with self.progress.step("write reports", total=len(asked), unit="communities") as step:
            try:
                with closing(ask_all(executor, self._ask, self._affordable(asked))) as results:
                    for job, outcome in results:
                        self._keep(job, outcome)
                        step.advance()
            except BudgetReached as error:
                self.result.stopped = str(error)
        order = {job.community.id: place for place, job in enumerate(jobs)}
        self.result.written.sort(key=lambda report: order[report.community_id])
        self.result.failed += self.stage.failures()
        return self.result

    def _jobs(self) -> list[_Job]:
        """Communities of the plan without a report or a failure, root first."""
        found, places = CommunityFacts(self.store), Places(self.store)
        reports = {report.community_id: report for report in self.store.read(Report)}
        fixed = sum(count_tokens(text) for _, text in self.prompt.turns)
        jobs = []
        for community in found.communities.values():
            facts = found.facts[community.id]
            if not facts or not self._wanted(community):
                continue
            today = basis(community, facts, places)
            if community.id in reports and reports[community.id].basis == today:
                continue
            key = digest(_RULES, today, self.prompt.template, self.chat.digest, self.plan.context_tokens)
            if not self.stage.finished(community.id, key, has_rows=False):
                shown = show(community, found, places, reports, self.plan.context_tokens)
                most = round(_MODEL_TOKENS * (fixed + shown.tokens)) + MOST_ANSWER_TOKENS
                jobs.append(_Job(community, today, key, shown, most))
        return jobs

    def _wanted(self, community: Community) -> bool:
        plan = self.plan
        return plan.level in (None, community.level) and (plan.communities is None or community.id in plan.communities)

    def _affordable(self, jobs: Sequence[_Job]) -> Iterator[_Job]:
        """The jobs for as long as the most that they can take is left."""
        for job in jobs:
            used = self.result.spent.tokens_in + self.result.spent.tokens_out + self.reserved
            if self.plan.max_tokens is not None and used + job.most_tokens > self.plan.max_tokens:
                self.result.stopped = (
                    f"the next report may take {job.most_tokens} tokens, and {self.plan.max_tokens - used} of "
                    f"{self.plan.max_tokens} are left: the same command goes on"
                )
                return
            self.reserved += job.most_tokens
            yield job

    def _ask(self, job: _Job) -> tuple[Completion, ReportAnswer]:
        request = ChatRequest(
            messages=self.prompt.fill(job.shown.fields),
            schema=SCHEMA,
            max_tokens=MOST_ANSWER_TOKENS,
            template=self.prompt.template,
        )
        completion = self.chat.complete(request)
        used = completion.usage
        try:
            answer = ReportAnswer.model_validate(completion.parsed)
        except ValidationError as error:
            raise OutputError(f"the report breaks its schema: {error}", used.tokens_in, used.tokens_out) from error
        if not findings_of(answer, job.shown.facts):
            raise OutputError("no finding of the report cites a fact that was shown", used.tokens_in, used.tokens_out)
        return completion, answer

    def _keep(self, job: _Job, outcome: tuple[Completion, ReportAnswer] | Exception) -> None:
        self.reserved -= job.most_tokens
        if isinstance(outcome, Exception):
            if isinstance(outcome, OutputError):
                self.result.spent += Usage(outcome.tokens_in, outcome.tokens_out)
            self.stage.failed(job.community.id, job.key, outcome)
            return
        completion, answer = outcome
        if not completion.recorded:
            self.result.spent += completion.usage
        findings = findings_of(answer, job.shown.facts)
        report = Report(
            id=report_id(job.community),
            community_id=job.community.id,
            basis=job.basis,
            title=" ".join(answer.title.split()),
            summary=" ".join(answer.summary.split()),
            rating=answer.rating,
            findings=findings,
        )
        self.result.dropped += len(answer.findings) - len(findings)
        self.result.written.append(report)
        self.stage.done(job.community.id, job.key, [report], completion.usage, completion.seconds)
