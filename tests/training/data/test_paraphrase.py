"""Rewritings: every one asked for is there or counted as failed, with its reason."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls.executor import ThreadExecutor
from models.errors import ConfigError, ModelError, OutputError, RefusalError, RefusedPromptError
from models.protocols import ChatRequest, Completion, FinishReason, Usage
from training.data.paraphrase import ParaphraseStyles, clean, load_styles, names, paraphrase, parse_styles
from training.data.texts import TrainingText

STYLES = parse_styles(
    "---\nversion: 1\n---\n# system\nRewrite.\n# user\n{text}\n{style}\n# styles\n## plain\nplainly\n## news\nas news\n"
)
TEXTS = (
    TrainingText.of("The mayor is Ada Lorne since 2026.", "c:1"),
    TrainingText.of("The ferry is Tern II.", "c:2"),
)


class Scripted:
    """Answers by rule; a text that the rule does not know is an error."""

    name = "scripted"
    digest = "scripted"

    def __init__(self, rule: Callable[[str, str], str | Exception], finish: FinishReason = "stop") -> None:
        self.rule, self.finish = rule, finish
        self.requests: list[ChatRequest] = []

    def complete(self, request: ChatRequest) -> Completion:
        self.requests.append(request)
        text, _, style = request.messages[-1].content.rpartition("\n")
        answer = self.rule(text, style)
        if isinstance(answer, Exception):
            raise answer
        return Completion(answer, Usage(10, 5), self.finish, 0.1)

    def close(self) -> None:
        """Nothing is held."""


class Shuffled:
    """An executor whose results come in another order than the items."""

    def map_unordered(self, fn: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        done = list(ThreadExecutor(2).map_unordered(fn, items))
        random.Random(3).shuffle(done)
        yield from done


def echo(text: str, style: str) -> str:
    return f"{style}: {text}"


def test_each_text_is_rewritten_in_each_style_in_a_fixed_order() -> None:
    chat = Scripted(echo)
    done = paraphrase(TEXTS, chat, 2, Shuffled(), styles=STYLES)
    assert [text.text.split(":")[0] for text in done.texts] == ["plainly", "as news", "plainly", "as news"]
    assert [text.source for text in done.texts] == ["c:1", "c:1", "c:2", "c:2"]
    assert {text.kind for text in done.texts} == {"paraphrase"}
    assert (done.wanted, done.failed, done.shortened, done.names_kept) == (4, (), 0, 1.0)
    assert done.usage == Usage(40, 20)
    assert len({request.template for request in chat.requests}) == 2
    assert all(request.temperature == 0 and request.schema is None for request in chat.requests)


def test_failures_are_counted_with_their_reason() -> None:
    def rule(text: str, style: str) -> str | Exception:
        if "Tern" in text:
            return OutputError("no text came") if style == "plainly" else text
        return "It is known who she is." if style == "plainly" else "  "

    done = paraphrase(TEXTS, Scripted(rule), 2, ThreadExecutor(2), styles=STYLES)
    assert done.texts == ()
    assert [(each.text_id, each.style) for each in done.failed] == [
        (text.id, style) for text in TEXTS for style in ("plain", "news")
    ]
    reasons = [each.reason for each in done.failed]
    assert "none of the text's names" in reasons[0]
    assert "empty" in reasons[1]
    assert reasons[2] == "no text came"
    assert "copy" in reasons[3]
    assert done.wanted == 4


def test_the_same_rewriting_twice_counts_once() -> None:
    done = paraphrase(TEXTS[:1], Scripted(lambda *_: "Ada Lorne governs."), 2, ThreadExecutor(1), styles=STYLES)
    assert [text.text for text in done.texts] == ["Ada Lorne governs."]
    assert "copy" in done.failed[0].reason
    assert done.names_kept == pytest.approx(2 / 3)


def test_a_cut_off_answer_ends_with_its_last_full_sentence() -> None:
    chat = Scripted(lambda *_: 'Ada Lorne has led since 2026. "She stays." The tow', finish="length")
    done = paraphrase(TEXTS[:1], chat, 1, ThreadExecutor(1), styles=STYLES)
    assert done.texts[0].text == 'Ada Lorne has led since 2026. "She stays."'
    assert done.shortened == 1


def test_a_cut_off_answer_without_a_full_sentence_has_failed() -> None:
    chat = Scripted(lambda *_: "Ada Lorne, who since", finish="length")
    done = paraphrase(TEXTS[:1], chat, 1, ThreadExecutor(1), styles=STYLES)
    assert "cut off" in done.failed[0].reason


def test_a_model_that_cannot_be_reached_stops_the_work() -> None:
    with pytest.raises(ModelError, match="unreachable"):
        paraphrase(TEXTS, Scripted(lambda *_: ModelError("unreachable")), 2, ThreadExecutor(1), styles=STYLES)


def test_one_refusal_is_a_failed_item_and_refusals_only_are_an_error() -> None:
    def rule(text: str, style: str) -> str | Exception:
        return RefusalError("too long") if "Tern" in text else echo(text, style)

    done = paraphrase(TEXTS, Scripted(rule), 1, ThreadExecutor(1), styles=STYLES)
    assert (len(done.texts), [each.reason for each in done.failed]) == (1, ["too long"])
    with pytest.raises(RefusalError, match="wrong key"):
        paraphrase(TEXTS, Scripted(lambda *_: RefusalError("wrong key")), 1, ThreadExecutor(1), styles=STYLES)


def test_refused_prompts_in_a_row_are_failed_rewritings() -> None:
    texts = TEXTS[:1] * 6 + TEXTS

    def rule(text: str, style: str) -> str | Exception:
        return RefusedPromptError("filtered") if text == TEXTS[0].text else echo(text, style)

    done = paraphrase(texts, Scripted(rule), 1, ThreadExecutor(1), styles=STYLES)
    assert [each.reason for each in done.failed].count("filtered") == 7


def test_more_rewritings_than_styles_are_refused() -> None:
    with pytest.raises(ConfigError, match="between 0 and 2"):
        paraphrase(TEXTS, Scripted(echo), 3, ThreadExecutor(1), styles=STYLES)


def test_the_prompt_that_comes_with_graft_puts_the_text_before_the_style() -> None:
    styles = load_styles()
    assert len(styles.styles) >= 6
    assert len({instruction for _, instruction in styles.styles}) == len(styles.styles)
    turns = styles.prompt.fill({"text": "<TEXT>", "style": "<STYLE>"})
    assert turns[-1].content.index("<TEXT>") < turns[-1].content.index("<STYLE>")
    assert "# styles" not in turns[-1].content


def test_a_prompt_without_styles_is_refused() -> None:
    with pytest.raises(ConfigError, match="styles"):
        parse_styles("---\nversion: 1\n---\n# user\n{text}\n")


def test_names_leave_out_the_first_word_of_a_sentence_but_keep_numbers() -> None:
    assert names("He met Pelk. 90 tonnes! Then Pelk's boat left") == {"Pelk", "90"}


def test_a_loop_is_cut_where_it_begins_to_repeat() -> None:
    loop = "Who leads the town?\nAda Lorne\n\nSince which year?\n2026\n\nWho leads the town?\nAda Lorne\n\nWho le"
    chat = Scripted(lambda *_: loop, finish="length")
    done = paraphrase(TEXTS[:1], chat, 1, ThreadExecutor(1), styles=STYLES)
    assert done.texts[0].text == "Who leads the town?\nAda Lorne\n\nSince which year?\n2026"


@given(st.text(alphabet="ab.!? \n", max_size=60))
def test_a_cut_only_takes_from_the_end(text: str) -> None:
    assert text.strip().startswith(clean(text, cut_off=True))
    assert clean(text, cut_off=False) == text.strip()


def test_styles_make_different_requests() -> None:
    assert isinstance(STYLES, ParaphraseStyles)
    chat = Scripted(echo)
    paraphrase(TEXTS[:1], chat, 2, ThreadExecutor(1), styles=STYLES)
    assert len({request.messages for request in chat.requests}) == 2
