"""The OpenAI client against a server that misbehaves in every way we know of."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from models.calls.retry import RetryClock
from models.config import OpenAIModel
from models.errors import ModelError, OutputError, RefusalError, TooLongError
from models.protocols import ChatModel, ChatRequest, Usage
from models.servers.openai_chat import OpenAIChat
from tests.models.faulty_server import (
    FaultyServer,
    answer,
    completion,
    drip,
    raw,
    reset,
    serving,
    silent,
    status,
    truncated,
)
from tests.models.servers.rivers import DEE, FORMED, PLAIN, SCHEMA

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WRONG = answer('{"river": 12}')


class Waits:
    """Records what would have been slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.clock = RetryClock(sleep=self.slept.append, now=lambda: NOW, draw=lambda low, high: high)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TEST_KEY", "sk-secret")
    monkeypatch.delenv("NO_KEY", raising=False)
    yield


def client(server: FaultyServer, waits: Waits, **settings: Any) -> OpenAIChat:
    config: dict[str, Any] = {"base_url": server.url, "model": "m", "api_key_env": "TEST_KEY", "retries": 2}
    return OpenAIChat(OpenAIModel(**config | settings), clock=waits.clock)


def test_a_reply_has_its_usage_and_the_request_is_sent_unchanged(waits: Waits) -> None:
    with serving(answer("The Dee.")) as server:
        chat = client(server, waits)
        assert isinstance(chat, ChatModel)
        got = chat.complete(PLAIN)
        chat.close()
    assert (got.text, got.finish_reason, got.usage, got.parsed) == ("The Dee.", "stop", Usage(12, 5, 4), None)
    assert got.seconds > 0
    sent = server.seen[0]
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a river."},
    ]
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("m", 64, 0.0)
    assert "response_format" not in sent
    assert server.keys == ["Bearer sk-secret"]


def test_a_schema_is_sent_and_the_answer_checked_against_it(waits: Waits) -> None:
    with serving(DEE) as server:
        got = client(server, waits).complete(FORMED)
    assert got.parsed == {"river": "Dee"}
    assert server.seen[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }


def test_strict_is_not_claimed_for_an_open_schema(waits: Waits) -> None:
    with serving(DEE) as server:
        client(server, waits).complete(ChatRequest(PLAIN.messages, {"type": "object", "properties": {"river": {}}}))
    assert server.seen[0]["response_format"]["json_schema"]["strict"] is False


def test_cached_tokens_are_read_from_llama_cpps_timings(waits: Waits) -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 5}
    with serving(answer("x", usage=usage, timings={"cache_n": 9})) as server:
        assert client(server, waits).complete(PLAIN).usage == Usage(12, 5, 9)


@pytest.mark.parametrize(
    "fault",
    [
        status(429),
        status(408),
        status(409),
        status(500),
        status(502),
        status(503),
        reset,
        truncated(completion("The Dee.")),
        truncated(b'{"choices": [{"mess'),
        raw(b""),
        raw(b"<html>Bad gateway</html>"),
        raw(b"\xff\xfe\x00"),
        raw(b'"ok"'),
        raw(b'{"error": "busy"}'),
        answer("x", choices=[]),
        answer(""),
        answer("  \n"),
        answer(None),
    ],
    ids=lambda fault: getattr(fault, "__name__", ""),
)
def test_a_passing_fault_is_tried_again(fault: Any, waits: Waits) -> None:
    with serving(fault, answer("The Dee.")) as server:
        assert client(server, waits).complete(PLAIN).text == "The Dee."
    assert waits.slept == [1.0]
    assert len(server.seen) == 2


def test_retry_after_is_honoured_in_seconds_and_as_a_date(waits: Waits) -> None:
    faults = (
        status(429, headers={"Retry-After": "90"}),
        status(503, headers={"Retry-After": "Sun, 01 Mar 2026 12:02:00 GMT"}),
    )
    with serving(*faults, answer("The Dee.")) as server:
        client(server, waits).complete(PLAIN)
    assert waits.slept == [91.0, 121.0]


def test_a_server_that_stays_down_is_named_with_tries_and_reason(waits: Waits) -> None:
    with (
        serving(status(503, "model is loading")) as server,
        pytest.raises(ModelError, match=r"3 tries.*HTTP 503: 'model is loading'.*Check that a server") as caught,
    ):
        client(server, waits).complete(PLAIN)
    assert caught.type is ModelError
    assert len(server.seen) == 3


def test_no_server_at_all_is_a_model_error_that_names_the_address(waits: Waits) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        url = f"http://user:hunter2@127.0.0.1:{holder.getsockname()[1]}/v1"
        chat = OpenAIChat(OpenAIModel(base_url=url, model="m", retries=1), clock=waits.clock)
        with pytest.raises(ModelError, match=r"127\.0\.0\.1:\d+/v1 gave no usable reply in 2 tries.*refused") as caught:
            chat.complete(PLAIN)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("play", [silent(5), drip(completion("x" * 400), 0.05)], ids=["silent", "drip"])
def test_a_server_that_is_too_slow_is_given_up(play: Any, waits: Waits) -> None:
    began = time.monotonic()
    with (
        serving(play) as server,
        pytest.raises(ModelError, match=r"2 tries.*did not finish its response within 0\.3 s"),
    ):
        client(server, waits, timeout_s=0.3, retries=1).complete(PLAIN)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_key_names_the_variable_and_never_the_key(code: int, waits: Waits) -> None:
    with serving(status(code, "Invalid API key")) as server:
        with pytest.raises(RefusalError, match="environment variable TEST_KEY, which is set") as caught:
            client(server, waits).complete(PLAIN)
        with pytest.raises(RefusalError, match="NO_KEY, which is not set"):
            client(server, waits, api_key_env="NO_KEY").complete(PLAIN)
    assert "sk-secret" not in str(caught.value)
    assert len(server.seen) == 2
    assert waits.slept == []


def test_the_error_for_an_unknown_model_lists_what_the_server_offers(waits: Waits) -> None:
    with (
        serving(status(404, "no such model"), models=["qwen", "llama"]) as server,
        pytest.raises(RefusalError, match=r"knows no model 'm'.*It offers: llama, qwen\."),
    ):
        client(server, waits).complete(PLAIN)
    with (
        serving(status(404), models=None) as server,
        pytest.raises(RefusalError, match="base URL ends in the API's path"),
    ):
        client(server, waits).complete(PLAIN)


@pytest.mark.parametrize(
    ("code", "name", "error"),
    [
        (400, "", TooLongError),
        (422, "", TooLongError),
        (501, "", RefusalError),
        (429, "insufficient_quota", RefusalError),
    ],
)
def test_a_refused_request_is_not_repeated(code: int, name: str, error: type[ModelError], waits: Waits) -> None:
    with (
        serving(status(code, "context too long", code_name=name)) as server,
        pytest.raises(error, match=f"HTTP {code}: 'context too long'"),
    ):
        client(server, waits).complete(PLAIN)
    assert len(server.seen) == 1


def test_a_server_that_wants_the_newer_limit_field_gets_it_from_then_on(waits: Waits) -> None:
    with serving(status(400, "Use 'max_completion_tokens' instead."), answer("a"), answer("b")) as server:
        chat = client(server, waits)
        assert chat.complete(PLAIN).text == "a"
        assert chat.complete(PLAIN).text == "b"
    assert ["max_tokens" in body for body in server.seen] == [True, False, False]
    assert server.seen[2]["max_completion_tokens"] == 64
    assert waits.slept == []


def test_a_cut_off_text_is_an_answer_but_cut_off_json_is_not(waits: Waits) -> None:
    with serving(answer('{"river": "D', finish="length")) as server:
        chat = client(server, waits)
        assert chat.complete(PLAIN).finish_reason == "length"
        with pytest.raises(OutputError, match="cut off at max_tokens = 64") as caught:
            chat.complete(FORMED)
    assert (caught.value.tokens_in, caught.value.tokens_out) == (12, 5)
    assert len(server.seen) == 2


def test_text_cut_off_before_its_first_word_is_not_tried_again(waits: Waits) -> None:
    with serving(answer("", finish="length")) as server, pytest.raises(OutputError, match="cut off at max_tokens"):
        client(server, waits).complete(PLAIN)
    assert len(server.seen) == 1


def test_a_filtered_answer_is_the_last_word(waits: Waits) -> None:
    with (
        serving(answer(None, finish="content_filter")) as server,
        pytest.raises(OutputError, match="refused to answer"),
    ):
        client(server, waits).complete(PLAIN)
    assert len(server.seen) == 1


def test_an_answer_that_stays_empty_is_an_output_error(waits: Waits) -> None:
    with serving(answer("")) as server, pytest.raises(OutputError, match=r"3 tries.*empty text"):
        client(server, waits).complete(PLAIN)
    assert len(server.seen) == 3


def test_a_wrong_form_is_the_models_last_word_when_it_comes_twice(waits: Waits) -> None:
    with serving(WRONG) as server, pytest.raises(OutputError, match=r"\$\.river.*The same reply came again") as caught:
        client(server, waits).complete(FORMED)
    assert len(server.seen) == 2
    assert (caught.value.tokens_in, caught.value.tokens_out) == (24, 10)
    assert waits.slept == []


@pytest.mark.parametrize("wrong", [WRONG, answer("Sorry!"), answer('{"error": "busy"}'), answer("<html>")])
def test_a_body_that_a_proxy_put_in_place_of_the_reply_is_tried_again(wrong: Any, waits: Waits) -> None:
    with serving(wrong, DEE) as server:
        got = client(server, waits).complete(FORMED)
    assert (got.parsed, got.usage) == ({"river": "Dee"}, Usage(24, 10, 8))
    assert len(server.seen) == 2


def test_ever_different_wrong_forms_end_after_three_under_three_seeds(waits: Waits) -> None:
    sampling = ChatRequest(PLAIN.messages, SCHEMA, temperature=0.7, seed=3)
    with (
        serving(WRONG, answer("Dee"), answer("{}"), DEE) as server,
        pytest.raises(OutputError, match="3 different replies came") as caught,
    ):
        client(server, waits).complete(sampling)
    assert [body["seed"] for body in server.seen] == [3, 4, 5]
    assert caught.value.tokens_in == 36


def test_a_cut_off_answer_counts_the_wrong_one_before_it(waits: Waits) -> None:
    with (
        serving(WRONG, answer("{", finish="length")) as server,
        pytest.raises(OutputError, match="cut off") as caught,
    ):
        client(server, waits).complete(FORMED)
    assert (caught.value.tokens_in, caught.value.tokens_out) == (24, 10)


def test_no_more_calls_are_in_flight_than_allowed(waits: Waits) -> None:
    def slow(handler: Any) -> None:
        time.sleep(0.05)
        handler.send(200, completion("x"))

    with serving(slow) as server:
        chat = client(server, waits, parallel=2)
        threads = [threading.Thread(target=chat.complete, args=(PLAIN,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.seen) == 6
    assert server.most_at_once == 2


def test_the_digest_names_endpoint_and_model_but_no_key(waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    def named(url: str, model: str = "m") -> str:
        return OpenAIChat(OpenAIModel(base_url=url, model=model, api_key_env="TEST_KEY")).digest

    first = named("http://a/v1")
    monkeypatch.setenv("TEST_KEY", "sk-other")
    assert named("http://a/v1") == named("http://a/v1/") == named("http://u:p@a/v1") == first
    assert len({first, named("http://b/v1"), named("http://a/v1", "n")}) == 3


def test_a_closed_client_opens_again(waits: Waits) -> None:
    with serving(answer("x")) as server:
        chat = client(server, waits)
        chat.complete(PLAIN)
        chat.close()
        assert chat.complete(PLAIN).text == "x"
        chat.close()
        chat.close()
    assert json.dumps(server.seen[0]) == json.dumps(server.seen[1])
