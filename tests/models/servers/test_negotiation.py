"""Parameters that are learnt from refusals, and refusals that are settled: over real HTTP, counted at the server."""

from __future__ import annotations

import gzip
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from models.calls.executor import ThreadExecutor, call_all
from models.calls.retry import RetryClock
from models.config import OpenAIModel
from models.errors import OutputError, RefusalError, RefusedPromptError, TooLongError
from models.protocols import ChatRequest, Message
from models.servers.openai_chat import OpenAIChat
from tests.models.faulty_server import (
    Behaviour,
    FaultyServer,
    answer,
    completion,
    has,
    only_if,
    raw,
    refusing,
    says,
    sent_as,
    serving,
    status,
    streamed,
)
from tests.models.servers.rivers import DEE, FORMED, PLAIN


def client(server: FaultyServer, **settings: Any) -> OpenAIChat:
    config: dict[str, Any] = {"base_url": server.url, "model": "m", "retries": 1}
    clock = RetryClock(sleep=lambda seconds: None)
    return OpenAIChat(OpenAIModel(**config | settings), clock=clock)


def without(*names: str, then: Behaviour = DEE) -> Behaviour:
    """A server that refuses parameters, one after another, by name."""
    play = then
    for name in reversed(names):
        refusal = refusing(400, {"error": {"message": f"Unsupported parameter: '{name}'", "param": name}})
        play = only_if(has(name), refusal, play)
    return play


def test_parameters_are_learnt_in_turn_once_for_the_run_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING, "graft"),
        serving(without("temperature", "seed", "response_format")) as server,
    ):
        chat = client(server)
        assert chat.complete(FORMED).parsed == {"river": "Dee"}
        refused = len(server.seen) - 1
        for _ in range(3):
            chat.complete(FORMED)
    assert refused == 4  # temperature, seed, the schema, JSON mode
    assert len(server.seen) == refused + 4
    assert server.seen[-1].keys() == {"model", "messages", "max_tokens"}
    assert len(caplog.messages) == 4
    assert "temperature is left out. Its replies may differ from run to run." in caplog.messages[0]
    assert "write omit: [temperature] into the model's YAML" in caplog.messages[0]


def test_settings_say_from_the_start_what_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    with serving(without("temperature", "seed", "response_format")) as server:
        client(server, omit=["seed", "temperature"], structured="prompt").complete(FORMED)
    assert len(server.seen) == 1 and caplog.messages == []


def test_threads_learn_a_lesson_once(caplog: pytest.LogCaptureFixture) -> None:
    meeting = threading.Barrier(4)

    def together(handler: Any) -> None:
        if "seed" in handler.asked and len(server.seen) <= 4:
            meeting.wait(10)
        without("seed")(handler)

    with caplog.at_level(logging.WARNING, "graft"), serving(together) as server, ThreadPoolExecutor(4) as pool:
        chat = client(server)
        got = list(pool.map(lambda _: chat.complete(FORMED).parsed, range(4)))
    assert got == [{"river": "Dee"}] * 4
    assert len(server.seen) == 8 and len(caplog.messages) == 1


def test_a_server_that_only_streams_is_asked_for_streams_from_then_on() -> None:
    stream = raw(streamed('{"river": ', '"Dee"}'))
    play = only_if(has("stream"), stream, refusing(400, {"error": {"message": "stream must be true"}}))
    with serving(play) as server:
        chat = client(server)
        first, second = chat.complete(FORMED), chat.complete(FORMED)
    assert first.parsed == second.parsed == {"river": "Dee"}
    assert (first.usage.tokens_in, first.usage.estimated, len(server.seen)) == (12, False, 3)


def test_options_of_a_stream_are_given_up_too() -> None:
    stream = without("stream_options", then=raw(streamed("The Dee.", usage=False)))
    with serving(stream) as server:
        got = client(server, stream=True).complete(PLAIN)
    assert (got.text, got.usage.estimated, len(server.seen)) == ("The Dee.", True, 2)


@pytest.mark.parametrize(
    "play",
    [
        raw(streamed("The ", "Dee.")),
        raw(b": wait\n\n" + completion("The Dee.")),
        sent_as(completion("The Dee."), {"content-type": "text/html"}),
        sent_as(gzip.compress(completion("The Dee.")), {"content-encoding": "gzip"}),
        sent_as(gzip.compress(completion("The Dee.")), {}),
    ],
)
def test_what_comes_unasked_is_read(play: Behaviour) -> None:
    with serving(play) as server:
        assert client(server).complete(PLAIN).text == "The Dee."
    assert len(server.seen) == 1


def test_json_mode_that_writes_any_json_is_left_for_the_prompt() -> None:
    in_json_mode = only_if(
        lambda body: body["response_format"]["type"] == "json_object",
        answer("{}"),
        status(400, "no json_schema: unsupported"),
    )
    with serving(only_if(has("response_format"), in_json_mode, DEE)) as server:
        chat = client(server)
        first = chat.complete(FORMED)
        assert (first.parsed, first.usage.tokens_in) == ({"river": "Dee"}, 24)
        assert chat.complete(FORMED).usage.tokens_in == 12
    assert len(server.seen) == 4


def test_lists_that_are_too_long_are_cut_and_counted() -> None:
    schema = {
        "type": "object",
        "properties": {"rivers": {"type": "array", "maxItems": 2, "items": {"type": "array", "maxItems": 1}}},
    }
    with serving(answer('{"rivers": [[1, 2], [3], [4]]}')) as server:
        got = client(server).complete(ChatRequest(PLAIN.messages, schema))
    assert (got.parsed, got.surplus, len(server.seen)) == ({"rivers": [[1], [3]]}, 2, 1)


UNNAMED = refusing(400, {"error": {"message": "Bad request"}})


def asking(text: str) -> ChatRequest:
    return ChatRequest((Message("user", text),), max_tokens=64)


def test_a_refusal_without_a_reason_is_the_prompts_where_a_neutral_one_passes() -> None:
    with serving(only_if(says("scalpel"), UNNAMED, answer("ok"))) as server:
        chat = client(server)
        for number in range(5):
            with pytest.raises(RefusedPromptError, match=r"refused this prompt \(HTTP 400: 'Bad request'\)") as caught:
                chat.complete(asking(f"The scalpel {number}"))
            assert caught.value.tokens_in == (12 if number == 0 else 0)  # the neutral prompt was paid for
    assert len(server.seen) == 6


def test_a_server_that_refuses_everything_is_the_runs_fault() -> None:
    with serving(UNNAMED) as server:
        chat = client(server)
        with pytest.raises(RefusalError, match="Bad request"):
            chat.complete(asking("one"))
        first = len(server.seen)
        with pytest.raises(RefusalError, match="Bad request"):
            chat.complete(asking("two"))
    assert first <= 8 and len(server.seen) == first + 1


def test_a_parameter_that_no_refusal_names_is_found_by_plainer_requests() -> None:
    with serving(only_if(has("seed"), UNNAMED, DEE)) as server:
        chat = client(server)
        assert chat.complete(FORMED).parsed == {"river": "Dee"}
        seen = len(server.seen)
        chat.complete(FORMED)
    assert len(server.seen) == seen + 1


def test_a_role_that_no_refusal_names_is_found_and_its_words_stay() -> None:
    with serving(only_if(lambda body: body["messages"][0]["role"] == "system", UNNAMED, DEE)) as server:
        chat = client(server)
        assert chat.complete(FORMED).parsed == {"river": "Dee"}
        chat.complete(FORMED)
    assert len(server.seen) == 5
    assert server.seen[-1]["messages"] == [{"role": "user", "content": "Be brief.\n\nName a river."}]
    assert "seed" in server.seen[-1] and "response_format" in server.seen[-1]


@pytest.mark.parametrize(
    "text",
    [
        "The temperature parameter is not supported by the old scalpel.",
        "A seed must not be set in this field before May.",
        "Max_tokens is too large: only 12 tokens are allowed.",
        "An invalid API key was given to the harbour clerk.",
        "The response_format of the strict schema is not valid.",
    ],
)
def test_words_that_a_refusal_quotes_of_its_prompt_teach_nothing(text: str) -> None:
    quoting = refusing(400, {"error": {"message": f"Rejected text: '{text[:60]}'"}})
    with serving(only_if(says(text[:20]), quoting, answer("ok"))) as server:
        chat = client(server)
        with pytest.raises(RefusedPromptError, match="refused this prompt"):
            chat.complete(asking(text))
        chat.complete(asking("another"))
    assert {"temperature", "seed", "max_tokens"} <= server.seen[-1].keys()


def test_an_account_that_ends_midway_in_unknown_words_ends_the_run() -> None:
    with serving(*[answer("ok")] * 3, UNNAMED) as server:
        chat = client(server)
        with pytest.raises(RefusalError, match="Bad request"):
            list(call_all(ThreadExecutor(1), lambda n: chat.complete(asking(str(n))), range(10_000)))
    assert len(server.seen) < 30


def test_a_limit_below_the_one_asked_for_is_lowered_though_the_context_is_named() -> None:
    said = {"error": {"message": "`max_tokens` must be less than or equal to `40`, less than the `context_window`"}}
    with serving(only_if(lambda body: body["max_tokens"] > 40, refusing(400, said), answer("ok"))) as server:
        assert client(server).complete(PLAIN).text == "ok"
    assert [body["max_tokens"] for body in server.seen] == [64, 40]


def test_tokens_of_replies_that_cannot_be_used_are_counted() -> None:
    broken = raw(completion("The D", finish="error"))
    with serving(answer(""), broken, answer("ok")) as server:
        assert client(server, retries=2).complete(PLAIN).usage.tokens_in == 36
    with (
        serving(answer("<think>The Dee.</think>")) as server,
        pytest.raises(OutputError, match="Turn thinking off") as caught,
    ):
        client(server).complete(PLAIN)
    assert caught.value.tokens_in == 24


def test_ten_thousand_prompts_to_a_wrong_configuration_end_after_a_few_calls() -> None:
    with serving(UNNAMED) as server:
        chat = client(server)
        with pytest.raises(RefusalError, match="Bad request"):
            list(call_all(ThreadExecutor(4), lambda n: chat.complete(asking(str(n))), range(10_000)))
    assert len(server.seen) < 30


@pytest.mark.parametrize(
    "fault",
    [
        UNNAMED,
        status(400, "filtered", code_name="content_filter"),
        status(403, "flagged"),
        status(413, "large"),
        status(422, "nope"),
        refusing(403, "<html>Request blocked</html>"),
    ],
)
def test_refused_prompts_in_a_row_end_no_run(fault: Behaviour) -> None:
    with serving(only_if(says("scalpel"), fault, answer("ok"))) as server:
        chat = client(server)
        texts = ["a", *(f"scalpel {n}" for n in range(6)), "b", "c"]
        got = dict(call_all(ThreadExecutor(2), lambda text: chat.complete(asking(text)), texts))
    assert {text for text, outcome in got.items() if isinstance(outcome, RefusedPromptError)} == set(texts[1:7])
    assert all(not isinstance(got[text], Exception) for text in "abc")


@pytest.mark.parametrize(
    "fault",
    [
        status(401, "no"),
        status(404, "no such model"),
        status(503),
        refusing(400, {"error": {"message": "API key not valid"}}),
    ],
)
def test_a_server_that_takes_no_call_at_all_ends_the_run(fault: Behaviour) -> None:
    with serving(only_if(says("b"), fault, answer("ok"))) as server:
        chat = client(server)
        with pytest.raises(Exception, match=r"HTTP 4|HTTP 503") as caught:
            list(call_all(ThreadExecutor(1), lambda text: chat.complete(asking(text)), ["a", *["b"] * 20]))
    assert not isinstance(caught.value, OutputError)
    assert len(server.seen) < 12


def test_a_key_withdrawn_in_the_middle_is_not_the_prompts_fault() -> None:
    with serving(answer("ok"), refusing(403, "<html>Forbidden</html>")) as server:
        chat = client(server)
        chat.complete(asking("a"))
        with pytest.raises(RefusalError, match="refused our key"):
            chat.complete(asking("b"))
    assert len(server.seen) == 3


def test_an_error_that_comes_with_status_200_is_one() -> None:
    flagged = raw(b'{"error": {"code": 403, "message": "Your input was flagged"}}')
    with serving(flagged) as server, pytest.raises(RefusedPromptError, match="HTTP 403"):
        client(server).complete(PLAIN)
    assert len(server.seen) == 1
    with serving(raw(b'{"error": {"code": 503, "message": "busy"}}'), answer("ok")) as server:
        assert client(server).complete(PLAIN).text == "ok"


def test_a_prompt_that_is_too_long_says_so() -> None:
    with (
        serving(status(400, "maximum context length is 10 tokens")) as server,
        pytest.raises(TooLongError, match="too long"),
    ):
        client(server).complete(PLAIN)
    assert len(server.seen) == 1


def test_prompts_refused_by_their_own_fault_alone_are_doubted_once() -> None:
    flagged = status(400, "filtered", code_name="content_filter")
    with serving(only_if(says("Say yes."), answer("yes"), flagged)) as server:
        chat = client(server)
        got = dict(call_all(ThreadExecutor(1), lambda n: chat.complete(asking(str(n))), range(30)))
    assert all(isinstance(outcome, RefusedPromptError) for outcome in got.values()) and len(server.seen) == 31
    with serving(flagged) as server, pytest.raises(RefusalError, match="filtered"):
        chat = client(server)
        list(call_all(ThreadExecutor(1), lambda n: chat.complete(asking(str(n))), range(10_000)))
    assert len(server.seen) < 15
