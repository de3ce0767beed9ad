"""Questions about a corpus as a whole: retrievers answer at length, a judge compares, and claims are counted.

    python -m benchmarks.global_questions WORKSPACE QUESTIONS.csv --first global --second rag --questions 20

QUESTIONS is a CSV file with a column `question_text`; of its questions as many as are wanted are taken, evenly spread.
Both systems answer with the same model from the same budget of tokens. Reports are written only for what is asked, and
what they cost is stated apart. All calls are recorded in the workspace: the same command continues where it stopped,
and a second run costs nothing. The answering model itself may be the judge: it favours its own words, which both
answers are. Figures are recorded by `benchmarks.results`.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path

import numpy as np

from app.opening import Spending, opened, session
from benchmarks.results import Figure, add_options, figures_of, record_run
from eval.statistics.pairwise import CRITERIA, AnswerCounts, PairJudgment, judge_pair, preferences
from eval.statistics.stats import Interval, intervals
from kg.language.sentences import count_tokens
from kg.schema import Report
from models.calls.chats import Chats
from models.errors import RUN_ENDING_ERRORS
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT
from retrieval.answering.long_answer import LongAnswer, answer_at_length
from retrieval.answering.pack import pack
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever, with_model
from retrieval.types import Retriever


class CountingChat:
    """A chat model that adds up the tokens of its calls, recorded ones too, by prompt."""

    def __init__(self, chat: ChatModel, spent: dict[str, Usage]) -> None:
        self.name, self.digest = chat.name, chat.digest
        self._chat, self._spent = chat, spent

    def complete(self, request: ChatRequest) -> Completion:
        """Call the model, and count."""
        completion = self._chat.complete(request)
        prompt = request.template.split("@")[0]
        self._spent[prompt] = self._spent.get(prompt, Usage()) + completion.usage
        return completion

    def close(self) -> None:
        """Does nothing: whoever opened the model closes it."""


@dataclass(slots=True)
class ComparisonOutcome:
    """What came of the questions.

    Attributes:
        counts: Of every answer, by system.
        verdicts: The judge's, by question.
        failed: What failed, in words.
    """

    counts: dict[str, list[AnswerCounts]]
    verdicts: list[PairJudgment] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def read_questions(path: Path, count: int) -> list[str]:
    """`count` questions, evenly spread over a file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        questions = [row["question_text"].strip() for row in csv.DictReader(file)]
    return [questions[number * len(questions) // count] for number in range(min(count, len(questions)))]


def compare(arguments: argparse.Namespace, index: GraphIndex, chats: Chats) -> ComparisonOutcome:
    """Answer and judge every question; one that fails counts as a tie and as an answer without claims."""
    names, model = (arguments.first, arguments.second), arguments.model
    systems = {name: open_retriever(name, index, index.encoder, with_model(name, model), chats) for name in names}
    result = ComparisonOutcome({name: [] for name in names})
    for number, question in enumerate(read_questions(arguments.questions_file, arguments.questions), 1):
        texts = []
        for name, system in systems.items():
            answer = _answer(system, question, arguments, chats, result.failed)
            result.counts[name].append(AnswerCounts.of(answer) if answer else AnswerCounts(0, 0, 0, 0))
            texts.append(answer.text if answer else "")
        try:
            result.verdicts.append(judge_pair(question, texts[0], texts[1], chats(arguments.judge)))
        except RUN_ENDING_ERRORS:
            raise
        except Exception as error:  # a question's boundary: recorded, and counted as a tie
            result.failed.append(f"judge: {question}: {error}")
            result.verdicts.append(PairJudgment(dict.fromkeys(CRITERIA, 0.5), 0))
        claims = ", ".join(f"{name} {result.counts[name][-1].claims} claims" for name in names)
        sys.stderr.write(f"{number}. {question}\n   {claims}; {result.verdicts[-1].scores}\n")
    return result


def _answer(
    system: Retriever, question: str, arguments: argparse.Namespace, chats: Chats, failed: list[str]
) -> LongAnswer | None:
    try:
        packed = pack(system.retrieve(question, arguments.passages), arguments.context_tokens, count_tokens)
        return answer_at_length(question, packed, chats(arguments.model))
    except RUN_ENDING_ERRORS:
        raise
    except Exception as error:  # a question's boundary: recorded, and counted as no answer
        failed.append(f"{system.name}: {question}: {error}")
        return None


@contextmanager
def open_counted(workspace_folder: Path, spent: dict[str, Usage]) -> Iterator[tuple[GraphIndex, Chats]]:
    """The index of a workspace and its chat models, whose calls are recorded and counted."""
    with opened(workspace_folder, SILENT) as (workspace, _, index), session(workspace, Spending()) as paid:

        @contextmanager
        def open_counting(name: str) -> Iterator[ChatModel]:
            with paid.open_chat(name) as chat:
                yield CountingChat(chat, spent)

        with Chats(open_counting) as chats:
            yield index, chats


def count_intervals(counts: dict[str, list[AnswerCounts]]) -> dict[str, dict[str, Interval]]:
    """Means of what was counted, with intervals over questions, by system."""
    means = {}
    for name, answers in counts.items():
        # A row an answer, turned into a row a count, as `intervals` wants them.
        rows = np.array(list(map(astuple, answers)), dtype=np.float64).T
        values = intervals(rows)
        means[name] = dict(zip(AnswerCounts.__slots__, values, strict=True))
    return means


def figures(result: ComparisonOutcome, arguments: argparse.Namespace) -> list[Figure]:
    """The figures of a run: by system, and of the judge."""
    labels = {"model": arguments.model, "questions": len(result.verdicts)}
    recorded: list[Figure] = []
    wins: dict[str, dict[str, float]] = {arguments.first: {}, arguments.second: {}}
    undecided: dict[str, float] = {}
    for criterion, preference in preferences(result.verdicts).items():
        wins[arguments.first][f"{criterion} wins"] = preference.wins
        wins[arguments.second][f"{criterion} wins"] = preference.losses
        undecided[f"{criterion} undecided"] = preference.ties
    for name, means in count_intervals(result.counts).items():
        recorded += figures_of(means, dict.fromkeys(means, "mean"), **labels, system=name)
        recorded += figures_of(wins[name], dict.fromkeys(wins[name], "count"), **labels, system=name)
    judged = {
        **undecided,
        "comparisons": len(result.verdicts) * len(CRITERIA),
        "followed the order": sum(verdict.swapped for verdict in result.verdicts),
        "failed": len(result.failed),
    }
    return recorded + figures_of(judged, dict.fromkeys(judged, "count"), **labels)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments, print the outcome as JSON and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("questions_file", type=Path)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--first", default="global")
    parser.add_argument("--second", default="rag")
    parser.add_argument("--model", default="qwen-1.5b", help="answers, and writes reports and points")
    parser.add_argument("--judge", default="qwen-1.5b")
    parser.add_argument("--passages", type=int, default=8)
    parser.add_argument("--context-tokens", type=int, default=1000)
    add_options(parser)
    arguments = parser.parse_args(argv)
    spent: dict[str, Usage] = {}
    with open_counted(arguments.workspace, spent) as (index, chats):
        result = compare(arguments, index, chats)
        reports = sum(1 for _ in index.store.read(Report))
    sys.stdout.write(json.dumps(_document(result, reports, spent), indent=2) + "\n")
    record_run(arguments, "global_questions", figures(result, arguments), argv)


def _document(result: ComparisonOutcome, reports: int, spent: dict[str, Usage]) -> dict[str, object]:
    means = count_intervals(result.counts).items()
    return {
        "questions": len(result.verdicts),
        "failed": result.failed,
        "preference": {name: asdict(preference) for name, preference in preferences(result.verdicts).items()},
        "judge_followed_the_order": sum(verdict.swapped for verdict in result.verdicts),
        "counted": {name: _plain(row) for name, row in means},
        "reports_in_the_workspace": reports,
        "tokens": {prompt: {"in": used.tokens_in, "out": used.tokens_out} for prompt, used in sorted(spent.items())},
    }


def _plain(row: dict[str, Interval]) -> dict[str, object]:
    """Intervals as JSON has them."""
    return {name: asdict(value) for name, value in row.items()}


if __name__ == "__main__":
    main()
