"""Questions about a corpus as a whole: retrievers answer at length, a judge compares, and claims are counted.

    python -m benchmarks.global_questions WORKSPACE QUESTIONS.csv --first global --second rag --questions 20

QUESTIONS is a CSV file with a column `question_text`; every so-many-th is taken, so that 20 are spread over the file.
Both systems answer with the same model from the same budget of tokens. Reports are written for what is asked alone, and
what they cost is stated apart. All calls are recorded in the workspace: the same command goes on where it stopped, and
a second run costs nothing. A judge that is the answering model itself favours nobody's words but its own, which both
answers are.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from app.opening import Spending, opened, session
from eval.statistics.pairwise import CRITERIA, Counted, Verdict, judge, preferences
from eval.statistics.stats import intervals
from kg.language.sentences import count_tokens
from kg.schema import Report
from models.calls.chats import Chats
from models.errors import NOT_OF_THE_ITEM
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT
from retrieval.answering.long_answer import LongAnswer, answer_at_length
from retrieval.answering.pack import pack
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever, with_model
from retrieval.types import Retriever


class Counting:
    """A chat model that adds up the tokens of its calls, recorded ones too, by prompt."""

    def __init__(self, chat: ChatModel, spent: dict[str, Usage]) -> None:
        self.name, self.digest = chat.name, chat.digest
        self._chat, self._spent = chat, spent

    def complete(self, request: ChatRequest) -> Completion:
        """Ask, and count."""
        completion = self._chat.complete(request)
        prompt = request.template.split("@")[0]
        self._spent[prompt] = self._spent.get(prompt, Usage()) + completion.usage
        return completion

    def close(self) -> None:
        """Nothing: who opened the model closes it."""


@dataclass(slots=True)
class Compared:
    """What came of the questions."""

    counted: dict[str, list[Counted]]
    verdicts: list[Verdict] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def read_questions(path: Path, count: int) -> list[str]:
    """`count` questions, evenly spread over a file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        every = [row["question_text"].strip() for row in csv.DictReader(file)]
    return [every[place * len(every) // count] for place in range(min(count, len(every)))]


def compare(args: argparse.Namespace, index: GraphIndex, chats: Chats) -> Compared:
    """Answer and judge every question; one that fails counts as a tie and as an answer without claims."""
    names = (args.first, args.second)
    systems = {name: open_retriever(name, index, index.encoder, with_model(name, args.model), chats) for name in names}
    result = Compared({name: [] for name in names})
    for number, question in enumerate(read_questions(args.questions_file, args.questions), 1):
        texts = []
        for name, system in systems.items():
            answer = _answer(system, question, args, chats, result.failed)
            result.counted[name].append(Counted.of(answer) if answer else Counted(0, 0, 0, 0))
            texts.append(answer.text if answer else "")
        try:
            result.verdicts.append(judge(question, texts[0], texts[1], chats(args.judge)))
        except NOT_OF_THE_ITEM:
            raise
        except Exception as error:  # a question's boundary: recorded, and counted as a tie
            result.failed.append(f"judge: {question}: {error}")
            result.verdicts.append(Verdict(dict.fromkeys(CRITERIA, 0.5), 0))
        shown = ", ".join(f"{name} {result.counted[name][-1].claims} claims" for name in names)
        sys.stderr.write(f"{number}. {question}\n   {shown}; {result.verdicts[-1].scores}\n")
    return result


def _answer(
    system: Retriever, question: str, args: argparse.Namespace, chats: Chats, failed: list[str]
) -> LongAnswer | None:
    try:
        packed = pack(system.retrieve(question, args.passages), args.context_tokens, count_tokens)
        return answer_at_length(question, packed, chats(args.model))
    except NOT_OF_THE_ITEM:
        raise
    except Exception as error:  # a question's boundary: recorded, and counted as no answer
        failed.append(f"{system.name}: {question}: {error}")
        return None


@contextmanager
def asking(args: argparse.Namespace, spent: dict[str, Usage]) -> Iterator[tuple[GraphIndex, Chats]]:
    """The index of the workspace and its chat models, whose calls are recorded and counted."""
    with opened(args.workspace, SILENT) as (workspace, _, index), session(workspace, Spending()) as paid:

        @contextmanager
        def counting(name: str) -> Iterator[ChatModel]:
            with paid.open_chat(name) as chat:
                yield Counting(chat, spent)

        with Chats(counting) as chats:
            yield index, chats


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and print what was found as JSON."""
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
    args = parser.parse_args(argv)
    spent: dict[str, Usage] = {}
    with asking(args, spent) as (index, chats):
        result = compare(args, index, chats)
        reports = sum(1 for _ in index.store.read(Report))
    sys.stdout.write(json.dumps(_table(result, reports, spent), indent=2) + "\n")


def _table(result: Compared, reports: int, spent: dict[str, Usage]) -> dict[str, object]:
    counted = {}
    for name, rows in result.counted.items():
        values = np.array([[getattr(row, key) for row in rows] for key in Counted.__slots__], dtype=np.float64)
        counted[name] = {key: asdict(each) for key, each in zip(Counted.__slots__, intervals(values), strict=True)}
    return {
        "questions": len(result.verdicts),
        "failed": result.failed,
        "preference": {name: asdict(each) for name, each in preferences(result.verdicts).items()},
        "judge_followed_the_order": sum(verdict.swapped for verdict in result.verdicts),
        "counted": counted,
        "reports_in_the_workspace": reports,
        "tokens": {prompt: {"in": used.tokens_in, "out": used.tokens_out} for prompt, used in sorted(spent.items())},
    }


if __name__ == "__main__":
    main()
