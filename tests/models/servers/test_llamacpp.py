"""The llama.cpp server as a child process: it starts, answers, and never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.config import LlamaCppModel
from models.errors import ConfigError, ModelError, TooLongError
from models.protocols import ChatModel, ChatRequest, Message
from models.servers.llamacpp import LlamaCppChat
from models.servers.llamacpp_process import LlamaProcess, ServerSettings
from models.weights.resolve import Weights, resolve

ROOT = Path(__file__).parents[3]
MODEL = "smollm2-135m-instruct"
COLOUR = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "green", "blue"]}, "n": {"type": "integer"}},
    "required": ["colour", "n"],
    "additionalProperties": False,
}
RULES = "You answer with one colour and one number between one and nine, and nothing else at all, as JSON. " * 3
ASK = ChatRequest((Message("system", RULES), Message("user", "Which colour is the sky?")), COLOUR, max_tokens=40)
# Starts a server, says both process ids, and waits to be killed.
PARENT = """
import sys, time
from models.config import LlamaCppModel
from models.servers.llamacpp import LlamaCppChat
from models.protocols import ChatRequest, Message
from models.weights.resolve import resolve
chat = LlamaCppChat(LlamaCppModel(weights="{model}", context_tokens=256, parallel=1, threads=1), resolve("{model}"))
import threading
starter = threading.Thread(target=chat.complete, args=(ChatRequest((Message("user", "Hi"),), max_tokens=1),))
starter.start(); starter.join()
sys.stdout.write(f"{{chat.pid}}\\n"); sys.stdout.flush()
{after}
"""


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not runs(pid)


def made(parallel: int = 2, context_tokens: int = 512) -> LlamaCppChat:
    config = LlamaCppModel(weights=MODEL, context_tokens=context_tokens, parallel=parallel, threads=1)
    return LlamaCppChat(config, resolve(MODEL))


@pytest.fixture(scope="module")
def chat() -> Iterator[LlamaCppChat]:
    chat = made()
    yield chat
    chat.close()


@pytest.mark.models
def test_an_answer_under_a_schema_and_the_shared_prefix_read_once(chat: LlamaCppChat) -> None:
    assert isinstance(chat, ChatModel)
    first = chat.complete(ASK)
    assert first.parsed["colour"] in ("red", "green", "blue")
    assert isinstance(first.parsed["n"], int)
    assert first.usage.tokens_in > 60
    second = chat.complete(ChatRequest((ASK.messages[0], Message("user", "Which colour is grass?")), COLOUR, 40))
    assert second.usage.cached > 50


@pytest.mark.models
def test_a_greedy_answer_is_the_same_again(chat: LlamaCppChat) -> None:
    free = ChatRequest((Message("user", "Name three rivers."),), max_tokens=24)
    assert chat.complete(free).text == chat.complete(free).text


@pytest.mark.models
def test_threads_are_answered_together(chat: LlamaCppChat) -> None:
    got: list[str] = []
    asks = [ChatRequest((Message("user", f"Count to {n}."),), COLOUR, 40) for n in range(3, 7)]
    threads = [threading.Thread(target=lambda a=ask: got.append(chat.complete(a).text)) for ask in asks]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4


@pytest.mark.models
def test_too_long_a_conversation_is_refused_with_the_servers_numbers(chat: LlamaCppChat) -> None:
    with pytest.raises(TooLongError, match=r"exceeds the available context size \(512 tokens\)"):
        chat.complete(ChatRequest((Message("user", "river " * 2_000),)))


@pytest.mark.models
def test_close_ends_the_process_and_removes_its_log_and_a_later_call_starts_a_new_one() -> None:
    chat = made(parallel=1, context_tokens=256)
    assert chat.pid is None
    chat.complete(ChatRequest((Message("user", "Hi"),), max_tokens=1))
    pid = chat.pid
    assert pid is not None
    chat.close()
    assert gone(pid, within_s=0)
    chat.complete(ChatRequest((Message("user", "Hi"),), max_tokens=1))
    assert chat.pid not in (None, pid)
    chat.close()
    chat.close()
    assert chat.pid is None


@pytest.mark.models
def test_a_server_that_is_killed_is_started_again_for_the_next_call() -> None:
    chat = made(parallel=1, context_tokens=256)
    request = ChatRequest((Message("user", "Hi"),), max_tokens=2)
    before = chat.complete(request).text
    pid = chat.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert chat.complete(request).text == before
    assert chat.pid != pid
    chat.close()


@pytest.mark.models
@pytest.mark.parametrize(
    ("after", "kill"),
    [
        ("time.sleep(600)", signal.SIGKILL),
        ("time.sleep(600)", signal.SIGTERM),
        # A fork keeps the pipe's other end open, as a data loader's workers do.
        ("import os\nif os.fork() == 0:\n    time.sleep(20)\n    os._exit(0)\ntime.sleep(600)", signal.SIGKILL),
        ("", None),
        ("raise SystemExit(3)", None),
    ],
    ids=["killed", "terminated", "killed-with-a-fork", "ended", "failed"],
)
def test_the_server_does_not_outlive_its_parent_however_that_ends(after: str, kill: signal.Signals | None) -> None:
    script = PARENT.format(model=MODEL, after=after)
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    if kill is not None:
        # The thread that started the server has ended by now, and the server must still be there.
        assert runs(pid)
        parent.send_signal(kill)
    parent.wait(30)
    parent.stdout.close()
    assert gone(pid)


def test_the_error_for_a_file_that_is_no_model_quotes_the_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 200)
    chat = LlamaCppChat(LlamaCppModel(weights="broken"), Weights("broken", None, broken, "d", ""))
    with pytest.raises(ModelError, match=r"could not load .*broken\.gguf: it ended with exit code 1") as caught:
        chat.complete(ASK)
    assert "failed to load model" in str(caught.value)
    assert chat.pid is None


def test_a_server_that_does_not_get_ready_in_time_is_ended(tmp_path: Path) -> None:
    fifo = tmp_path / "slow.gguf"
    os.mkfifo(fifo)  # Opening it waits for a writer that never comes.
    with pytest.raises(ModelError, match="did not load"):
        LlamaProcess(ServerSettings(fifo, "slow", 256, 1, 1), load_s=3)


def test_safetensors_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a GGUF file"):
        LlamaCppChat(LlamaCppModel(weights="x"), Weights("x", tmp_path, None, "d", ""))


def test_the_digest_names_weights_and_context_but_not_speed() -> None:
    def named(weights: str = "d", **settings: int) -> str:
        config = LlamaCppModel(weights="x", **settings)  # type: ignore[arg-type]
        return LlamaCppChat(config, Weights("x", None, Path("x.gguf"), weights, "")).digest

    assert named() == named(parallel=4, threads=3)
    assert len({named(), named("e"), named(context_tokens=1024)}) == 3
