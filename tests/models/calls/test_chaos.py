"""A thousand calls to a server that refuses and garbles at random: each has its reply or its reason, paid once."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path

import pytest

from models.calls.executor import ThreadExecutor, call_all
from models.calls.records import Budget, RecordedChat, Records
from models.calls.retry import RetryClock
from models.config import OpenAIModel
from models.errors import BudgetError, OutputError
from models.protocols import ChatRequest, Completion, Message
from models.servers.openai_chat import OpenAIChat
from tests.models.chaos_server import Chaos, number_in
from tests.models.faulty_server import serving

CALLS = 1000
SCHEMA = {
    "type": "object",
    "properties": {"item": {"type": "string"}},
    "required": ["item"],
    "additionalProperties": False,
}
NAME = number_in(r"item (\d+);")


def reply(text: str) -> str:
    return json.dumps({"item": NAME(text)})


@pytest.mark.parametrize("seed", [1])
def test_every_item_is_done_or_failed_with_its_reason_and_paid_once(seed: int, tmp_path: Path) -> None:
    chaos, path = Chaos(seed, NAME, reply), tmp_path / "calls.sqlite"
    doomed = {str(n) for n in range(CALLS) if chaos.fate(str(n))[1] is not None}

    def run(url: str, max_calls: int | None = None, stop_after: int | None = None) -> dict[str, Completion | Exception]:
        config = OpenAIModel(base_url=url, model="m", retries=6, parallel=8, timeout_s=20)
        inner = OpenAIChat(config, clock=RetryClock(sleep=lambda seconds: None))
        got: dict[str, Completion | Exception] = {}
        with closing(Records(path)) as records, closing(RecordedChat(inner, records, Budget(max_calls))) as chat:

            def call(name: str) -> Completion:
                text = f"Evidence on <think> and </think> of item {name}; say it."
                return chat.complete(ChatRequest((Message("system", "Be brief."), Message("user", text)), SCHEMA, 64))

            with closing(call_all(ThreadExecutor(8), call, map(str, range(CALLS)))) as results:
                for item, outcome in results:
                    got[item] = outcome
                    if len(got) == stop_after:
                        break
        return got

    with serving(chaos) as server:
        with pytest.raises(BudgetError):
            run(server.url, max_calls=300)
        run(server.url, stop_after=500)  # stopped in the middle, with calls in flight
        got = run(server.url)
        calls = len(server.seen)
        again = run(server.url)
        assert len(server.seen) == calls
    assert got.keys() == again.keys() == {str(n) for n in range(CALLS)}
    failed = {name for name, outcome in got.items() if isinstance(outcome, Exception)}
    assert failed == doomed
    for name, outcome in got.items():
        if isinstance(outcome, Completion):
            assert outcome.parsed == {"item": name}
        else:
            assert isinstance(outcome, OutputError) and len(str(outcome)) > 40
            assert type(outcome) is type(again[name]) and str(outcome) == str(again[name])
    assert {name: count for name, count in chaos.good.items() if name} == dict.fromkeys(got.keys() - failed, 1)
    assert chaos.calls < 4 * CALLS
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("graft")]
