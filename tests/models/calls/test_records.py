"""Records: nothing finished is asked twice, nothing unfinished is taken for an answer, and the ledger adds up."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.calls.records import Budget, LedgerRow, RecordedChat, RecordedScorer, Records
from models.config import Price
from models.errors import (
    BudgetError,
    EmptyReplyError,
    ModelError,
    OutputError,
    RefusalError,
    RefusedPromptError,
    StoreError,
    TooLongError,
)
from models.protocols import (
    ChatModel,
    ChatRequest,
    ChoiceScorer,
    Completion,
    Message,
    OptionScore,
    OptionScores,
    Usage,
)

ASK = ChatRequest((Message("user", "Name a river."),), {"type": "object"}, 50, 0.0, 1, "rivers-1")
PRICE = Price(usd_per_million_in=1_000, usd_per_million_out=10_000)


class Chat:
    """A chat model that counts, and does what it is told."""

    def __init__(self, digest: str = "d", play: Callable[[ChatRequest], str] | None = None) -> None:
        self.name = "chat"
        self.digest = digest
        self.price = PRICE
        self.asked: list[ChatRequest] = []
        self.closed = False
        self._play = play or (lambda request: '{"river": "Dee"}')

    def complete(self, request: ChatRequest) -> Completion:
        self.asked.append(request)
        text = self._play(request)
        return Completion(text, Usage(10, 2, 4), "stop", 1.5, {"river": "Dee"})

    def close(self) -> None:
        self.closed = True


class Scorer:
    """A scorer that counts."""

    name = "scorer"
    digest = "s"

    def __init__(self) -> None:
        self.asked = 0

    def count_tokens(self, text: str) -> int:
        return len(text)

    def score(self, prefix: str, options: Sequence[str]) -> OptionScores:
        self.asked += 1
        return OptionScores(tuple(OptionScore(-1.25, 1, len(o)) for o in options), Usage(9), 0.5)

    def close(self) -> None: ...


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(tmp_path / "deep" / "calls.sqlite")
    yield records
    records.close()


def test_a_second_run_finds_every_answer_and_spends_nothing(tmp_path: Path) -> None:
    first = Records(tmp_path / "r.sqlite")
    got = RecordedChat(Chat(), first).complete(ASK)
    first.close()
    again, inner, budget = Records(tmp_path / "r.sqlite"), Chat(), Budget(max_calls=0, max_usd=0)
    found = RecordedChat(inner, again, budget).complete(ASK)
    assert found == replace(got, recorded=True)
    assert (got.recorded, inner.asked, budget.calls, budget.usd) == (False, [], 0, 0.0)
    again.close()


@pytest.mark.parametrize(
    "other",
    [
        replace(ASK, messages=(Message("user", "Name a hill."),)),
        replace(ASK, messages=(Message("system", "Name a river."),)),
        replace(ASK, schema={"type": "object", "title": "x"}),
        replace(ASK, schema=None),
        replace(ASK, max_tokens=51),
        replace(ASK, temperature=0.5),
        replace(ASK, seed=2),
        replace(ASK, template="rivers-2"),
    ],
)
def test_any_other_request_is_another_question(records: Records, other: ChatRequest) -> None:
    inner = Chat()
    chat = RecordedChat(inner, records)
    chat.complete(ASK)
    assert not chat.complete(other).recorded
    assert len(inner.asked) == 2


def test_two_models_never_share_an_answer(records: Records) -> None:
    RecordedChat(Chat("base"), records).complete(ASK)
    assert not RecordedChat(Chat("base+adapter"), records).complete(ASK).recorded


def test_threads_that_ask_the_same_at_once_make_one_call(records: Records) -> None:
    inner = Chat(play=lambda request: (time.sleep(0.1), "{}")[1])
    chat, got = RecordedChat(inner, records), []
    threads = [threading.Thread(target=lambda: got.append(chat.complete(ASK))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inner.asked) == 1
    assert sorted(answer.recorded for answer in got) == [False] + [True] * 7


def test_threads_that_ask_different_things_do_not_wait_for_each_other(records: Records) -> None:
    meeting = threading.Barrier(4)
    inner = Chat(play=lambda request: str(meeting.wait(10)))
    chat = RecordedChat(inner, records)
    threads = [threading.Thread(target=chat.complete, args=(replace(ASK, seed=seed),)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not meeting.broken
    assert records.totals()[0].calls == 4


@pytest.mark.parametrize("fault", [ModelError("no server \ud83d"), EmptyReplyError("no server, or nothing from it")])
def test_a_fault_is_raised_and_counted_and_the_call_is_made_again(records: Records, fault: ModelError) -> None:
    def fail_once(request: ChatRequest) -> str:
        if len(inner.asked) == 1:
            raise fault
        return "{}"

    inner = Chat(play=fail_once)
    chat = RecordedChat(inner, records)
    with pytest.raises(ModelError, match="no server"):
        chat.complete(ASK)
    assert not chat.complete(ASK).recorded
    assert chat.complete(ASK).recorded
    [row] = records.totals()
    assert (row.calls, row.failed, row.tokens_in, row.tokens_out, row.cached) == (1, 1, 10, 2, 4)


def test_a_rejected_reply_is_paid_for_once_unless_the_records_retry(tmp_path: Path) -> None:
    def fail_once(request: ChatRequest) -> str:
        if len(inner.asked) == 1:
            raise OutputError("not JSON", tokens_in=7, tokens_out=3)
        return "{}"

    inner = Chat(play=fail_once)
    for _ in range(2):
        with closing(Records(tmp_path / "calls.sqlite")) as records, pytest.raises(OutputError) as raised:
            RecordedChat(inner, records).complete(ASK)
        assert (str(raised.value), raised.value.tokens_in, raised.value.tokens_out) == ("not JSON", 7, 3)
    assert len(inner.asked) == 1
    with closing(Records(tmp_path / "calls.sqlite", retry_failed=True)) as records:
        assert not RecordedChat(inner, records).complete(ASK).recorded
        [row] = records.totals()
    assert (row.calls, row.failed, row.tokens_in, row.tokens_out) == (1, 1, 17, 5)
    assert row.usd == pytest.approx(17 * 0.001 + 5 * 0.01)
    with closing(Records(tmp_path / "calls.sqlite")) as records:
        assert RecordedChat(inner, records).complete(ASK).recorded


def test_the_answer_is_on_disk_before_it_is_handed_on(tmp_path: Path) -> None:
    """A process that dies without closing anything, right after its call, loses nothing."""
    script = (
        "import os, sys; from pathlib import Path; from tests.models.calls.test_records import ASK, Chat; "
        "from models.calls.records import RecordedChat, Records; "
        "RecordedChat(Chat(), Records(Path(sys.argv[1]))).complete(ASK); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "r.sqlite"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, check=False).returncode == -9
    records = Records(path)
    assert RecordedChat(Chat(), records).complete(ASK).recorded
    records.close()


def test_the_ledger_has_a_row_for_each_model_and_kind(records: Records) -> None:
    chat, scorer = RecordedChat(Chat(), records), RecordedScorer(Scorer(), records)
    chat.complete(ASK)
    chat.complete(replace(ASK, seed=5))
    scorer.score("The Dee is a ", [" river", " hill"])
    assert records.totals() == [
        LedgerRow("chat", "chat", 2, 0, 20, 4, 8, 3.0, pytest.approx(0.06)),  # type: ignore[arg-type]
        LedgerRow("scorer", "score", 1, 0, 9, 0, 0, 0.5, 0.0),
    ]


def test_scores_come_back_exactly_and_options_are_part_of_the_question(records: Records) -> None:
    inner = Scorer()
    scorer = RecordedScorer(inner, records, Budget(max_calls=2))
    got = scorer.score("p", [" a", " b"])
    assert scorer.score("p", [" a", " b"]) == replace(got, recorded=True)
    assert not scorer.score("p", [" b", " a"]).recorded
    with pytest.raises(BudgetError, match="2 calls"):
        scorer.score("q", [" a", " b"])
    assert (inner.asked, scorer.count_tokens("four")) == (2, 4)


def test_the_wrappers_are_models_themselves(records: Records) -> None:
    inner = Chat("d1")
    chat = RecordedChat(inner, records)
    assert isinstance(chat, ChatModel)
    assert isinstance(RecordedScorer(Scorer(), records), ChoiceScorer)
    assert (chat.name, chat.digest) == ("chat", "d1")
    chat.close()
    assert inner.closed


def test_a_budget_of_calls_stops_between_calls_and_the_next_run_continues(records: Records) -> None:
    requests = [replace(ASK, seed=seed) for seed in range(5)]

    def run(budget: Budget) -> int:
        inner = Chat()
        chat = RecordedChat(inner, records, budget)
        try:
            for request in requests:
                chat.complete(request)
        except BudgetError:
            pass
        return len(inner.asked)

    assert [run(Budget(max_calls=2)), run(Budget(max_calls=2)), run(Budget(max_calls=2))] == [2, 2, 1]


def test_a_budget_of_money_is_checked_before_the_call_at_the_most_it_can_cost(records: Records) -> None:
    inner = Chat()
    # Fifty tokens out alone may cost 0.50.
    with pytest.raises(BudgetError, match="may cost up to"):
        RecordedChat(inner, records, Budget(max_usd=0.5)).complete(ASK)
    assert inner.asked == []
    budget = Budget(max_usd=2.0)  # a schema may be asked for three times
    RecordedChat(inner, records, budget).complete(ASK)
    assert budget.usd == pytest.approx(0.03)


def test_half_surrogates_are_stored_and_found(records: Records) -> None:
    odd = replace(ASK, messages=(Message("user", "\ud83d half"),))
    chat = RecordedChat(Chat(play=lambda request: "also \udc00"), records)
    assert chat.complete(odd).text == chat.complete(odd).text == "also \udc00"


def test_the_recorded_request_holds_the_complete_call(records: Records) -> None:
    RecordedChat(Chat(), records).complete(ASK)
    database = sqlite3.connect(records.path)
    kind, model, request, created = database.execute("SELECT kind, model, request, created_utc FROM calls").fetchone()
    database.close()
    assert (kind, model) == ("chat", "chat")
    asked: dict[str, Any] = json.loads(request)
    assert (asked["template"], asked["messages"][0]["content"]) == ("rivers-1", "Name a river.")
    assert created.endswith("+00:00")


def test_records_live_beside_other_tables_of_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.sqlite"
    other = sqlite3.connect(path)
    with other:
        other.execute("CREATE TABLE facts (id TEXT)")
        other.execute("INSERT INTO facts VALUES ('f')")
    records = Records(path)
    RecordedChat(Chat(), records).complete(ASK)
    assert other.execute("SELECT id FROM facts").fetchall() == [("f",)]
    other.close()
    records.close()


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    script = (
        "import sys; from dataclasses import replace; from pathlib import Path; "
        "from tests.models.calls.test_records import ASK, Chat; "
        "from models.calls.records import RecordedChat, Records; "
        "r = Records(Path(sys.argv[1])); "
        "[RecordedChat(Chat(), r).complete(replace(ASK, seed=s, template=sys.argv[2])) for s in range(20)]; r.close()"
    )
    root, path = Path(__file__).parents[3], tmp_path / "r.sqlite"
    runs = [subprocess.Popen([sys.executable, "-c", script, str(path), str(n)], cwd=root) for n in range(3)]
    assert [run.wait(120) for run in runs] == [0, 0, 0]
    records = Records(path)
    assert records.totals()[0].calls == 60
    records.close()


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, and long enough to be looked at as a database header would be. " * 20)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be used.*something else"):
        Records(path)


def test_a_folder_or_an_impossible_parent_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Check that it is a file"):
        Records(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be made"):
        Records(tmp_path / "file" / "r.sqlite")


def test_a_damaged_answer_is_a_store_error_and_not_an_answer(records: Records) -> None:
    chat = RecordedChat(Chat(), records)
    chat.complete(ASK)
    database = sqlite3.connect(records.path)
    with database:
        database.execute("""UPDATE calls SET response = '{"text": 1}'""")
    database.close()
    with pytest.raises(StoreError, match="cannot be read"):
        chat.complete(ASK)


def test_closed_records_say_so(tmp_path: Path) -> None:
    records = Records(tmp_path / "r.sqlite")
    records.close()
    with pytest.raises(StoreError, match="closed"):
        records.totals()


def test_removed_replies_need_a_new_call_and_reasons_keep_only_their_kind(records: Records) -> None:
    def loop(request: ChatRequest) -> str:
        raise OutputError("it repeats Ada Lorne", 7, 3)

    RecordedChat(Chat(), records).complete(ASK)
    with pytest.raises(OutputError):
        RecordedChat(Chat("other", loop), records).complete(ASK)
    ((key, request, response),) = records.texts()
    assert "Name a river." in request
    assert "Dee" in response
    records.remove([key, "unknown"])
    assert list(records.texts()) == []
    inner = Chat()
    RecordedChat(inner, records).complete(ASK)
    assert len(inner.asked) == 1
    # It is on record still, and not paid again.
    with pytest.raises(OutputError, match=r"^The text of this reply was erased\.$") as error:
        RecordedChat(Chat("other", loop), records).complete(ASK)
    assert (error.value.tokens_in, error.value.tokens_out) == (7, 3)


@pytest.mark.parametrize("kind", [OutputError, RefusedPromptError, TooLongError])
def test_a_refused_prompt_fails_again_as_it_did_without_a_call(kind: type[OutputError], tmp_path: Path) -> None:
    def refuse(request: ChatRequest) -> str:
        raise kind("no: too much", 3, 1, estimated=True)

    inner = Chat(play=refuse)
    for number in range(3):
        with closing(Records(tmp_path / "calls.sqlite")) as records, pytest.raises(OutputError) as raised:
            RecordedChat(inner, records).complete(ASK)
        error = raised.value
        assert (type(error), str(error), error.recorded) == (kind, "no: too much", number > 0)
        assert (error.tokens_in, error.tokens_out, error.estimated) == (3, 1, True)
    assert len(inner.asked) == 1
    with closing(Records(tmp_path / "calls.sqlite", retry_failed=True)) as records, pytest.raises(kind):
        RecordedChat(inner, records).complete(ASK)
    assert len(inner.asked) == 2


def test_a_server_that_refuses_every_call_is_called_again(records: Records) -> None:
    def refuse(request: ChatRequest) -> str:
        raise RefusalError("wrong key")

    inner = Chat(play=refuse)
    for _ in range(2):
        with pytest.raises(RefusalError):
            RecordedChat(inner, records).complete(ASK)
    assert len(inner.asked) == 2


class Estimating(Chat):
    """Its server states no numbers of tokens."""

    def complete(self, request: ChatRequest) -> Completion:
        completion = super().complete(request)
        return replace(completion, usage=replace(completion.usage, estimated=True), surplus=2)


def test_estimates_are_still_estimates_on_record_and_in_the_ledger(records: Records) -> None:
    chat = RecordedChat(Estimating(), records)
    first, again = chat.complete(ASK), chat.complete(ASK)
    assert first.usage.estimated and again == replace(first, recorded=True)
    RecordedChat(Chat("other"), records).complete(ASK)
    assert sum(row.estimated for row in records.totals()) == 1


def test_records_of_an_earlier_version_are_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    inner = Chat()
    with closing(Records(path)) as records:
        RecordedChat(inner, records).complete(ASK)
    with closing(sqlite3.connect(path)) as database:
        for table in ("calls", "call_failures"):
            database.execute(f"ALTER TABLE {table} DROP COLUMN estimated")
        [(response,)] = database.execute("SELECT response FROM calls")
        assert "estimated" not in response and "surplus" not in response  # as earlier versions wrote it
        database.commit()
    for seed in (1, 2):
        with closing(Records(path)) as records:
            chat = RecordedChat(inner, records)
            assert chat.complete(ASK).recorded
            chat.complete(replace(ASK, seed=seed))
            assert sum(row.estimated for row in records.totals()) == 0


def test_a_budget_of_money_counts_estimates(records: Records) -> None:
    budget = Budget(max_usd=100)
    RecordedChat(Estimating(), records, budget).complete(ASK)
    assert budget.usd == pytest.approx(0.03)
