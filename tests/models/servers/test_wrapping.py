"""Thinking and chat tokens go, and nothing else does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.servers.wrapping import strip_wrapping

ANSWER = "The ferry leaves at nine."
WRAPPED = {
    "a block": f"<think>When does it leave?</think>{ANSWER}",
    "an indented block": f"\n  <think>\nHm.\n\nNine.\n</think>\n\n\n{ANSWER}",
    "capitals": f"<Thinking>\nHm.\n</Thinking>\n{ANSWER}",
    "an attribute": f'<reasoning effort="low">\nHm.\n</reasoning>\n{ANSWER}',
    "brackets": f"[THINK]It says nine.[/THINK]\n{ANSWER}",
    "an empty block": f"<think>\n\n</think>\n\n{ANSWER}",
    "two blocks": f"<thought>a</thought>\n<reflection>b</reflection>\n{ANSWER}",
    "a block that quotes its own tag": f"<think>They say <think>.\n</think>\n{ANSWER}",
    "answer tags behind it": f"<think>a</think>\n<answer>\n{ANSWER}\n</answer>",
    "a solution behind it": f"<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>{ANSWER}<|end_of_solution|>",
    "only the end of a block": f"It is nine, I think.\n</think>\n\n{ANSWER}",
    "only its end, glued": f"It is nine, I think.</think>{ANSWER}",
    "only its end, with answer tags": f"It is nine.\n</think>\n<response>{ANSWER}</response>",
    "channels": (
        f"<|channel|>analysis<|message|>Nine?<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
    ),
    "a channel of commentary": (
        f"<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>commentary<|message|>y<|end|>"
        f"<|start|>assistant<|channel|>final <|constrain|>text<|message|>{ANSWER}"
    ),
    "channels without their tokens": f"analysisThe user wants the time. It is nine.assistantfinal{ANSWER}",
    "named parts": f"Here is my thought process:\nNine.\nHere is my response:\n{ANSWER}",
    "the end of a turn": f"{ANSWER}<|im_end|>",
    "ends of turns": f"{ANSWER}<|eot_id|> </s>\n",
    "the end of a turn of Gemma": f"{ANSWER}<end_of_turn>\n",
    "full-width bars": f"{ANSWER}<｜end▁of▁sentence｜>",
    "the beginning of a turn": f"<|im_start|>assistant\n{ANSWER}<|im_end|>",
    "a beginning with headers": f"<|start_header_id|>assistant<|end_header_id|>\n\n{ANSWER}",
    "a turn too many": f"{ANSWER}<|im_end|>\n<|im_start|>user\nAnd back?<|im_end|>",
    "the turn of a tool": f"{ANSWER}<|observation|>",
    "a mask and a start": f"[gMASK]<sop><|assistant|>\n{ANSWER}<|user|>",
    "a role between tokens": f"<|im_assistant|>assistant<|im_middle|>{ANSWER}<|im_end|>",
    "a separator behind the role": f"<|im_start|>assistant<|im_sep|>{ANSWER}<|im_end|>",
    "a response alone": f"<|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
    "a box": f"<think>Nine.</think>\n<|begin_of_box|>{ANSWER}<|end_of_box|>",
    "a block that closes itself": f"<think />\n{ANSWER}",
    "a mark of byte order": f"\ufeff{ANSWER}",
    "a block in a turn": f"<|im_start|>assistant\n<think>\n</think>\n{ANSWER}<|im_end|>",
}


@pytest.mark.parametrize("reply", WRAPPED.values(), ids=WRAPPED)
def test_the_wrapping_goes_and_the_answer_stays(reply: str) -> None:
    got = strip_wrapping(reply)
    assert (got.text.strip(), got.unfinished) == (ANSWER, False)


MENTIONS = {
    "an opening tag": "Use the <think> tag.",
    "a pair": "Models write <think>their thoughts</think> first.",
    "a closing tag": "Write </think> at the end.",
    "a closing tag at the end": "The block is closed by </think>",
    "quoted tags": "The tags are `<think>` and `</think>`,\nand nothing else.",
    "a listing": "It looks so:\n<think>\n...\n</think>\nand then the answer.",
    "the tag in front": "<think> is the tag that opens it.",
    "tokens": "A turn ends with <|im_end|> in ChatML.",
    "a whole turn": "In ChatML: <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello, it goes on.",
    "struck text": "It costs <s>nine</s>",
    "struck text at the end": "ten, not <s>nine</s>",
    "answer tags": "<answer>nine</answer>",
    "code": "List<thought> thoughts = new List<thought>();",
}


@pytest.mark.parametrize("reply", MENTIONS.values(), ids=MENTIONS)
def test_what_an_answer_says_of_tags_stays(reply: str) -> None:
    assert strip_wrapping(reply).text == reply


@pytest.mark.parametrize("value", [*MENTIONS.values(), *WRAPPED.values()])
def test_no_tag_inside_a_json_value_is_touched(value: str) -> None:
    reply = json.dumps({"answer": value, "more": [value]}, ensure_ascii=False)
    assert strip_wrapping(reply).text == reply
    assert strip_wrapping(f"<think>\nSo {value!r}\n</think>\n{reply}<|im_end|>").text == reply
    fenced = f"```json\n{reply}\n```"
    assert strip_wrapping(fenced).text == fenced


@pytest.mark.parametrize(
    ("reply", "cut_off"),
    [
        ("<think>\nWell, the ferry", True),
        ("<think>Well, the ferry", True),
        ("<think>\n\nWell", False),
        ("[THINK]\nWell", False),
        ("<|channel|>analysis<|message|>Well", True),
    ],
)
def test_thinking_that_never_ends_leaves_no_answer(reply: str, cut_off: bool) -> None:
    got = strip_wrapping(reply, cut_off)
    assert (got.text, got.unfinished) == ("", True)


def test_json_behind_a_block_that_never_ends_is_the_answer() -> None:
    assert strip_wrapping('<think>\n{"n": 1}').text == '{"n": 1}'


@given(st.text())
def test_a_text_without_tags_and_tokens_loses_white_space_alone(text: str) -> None:
    if not set("<[◁") & set(text) and not text.strip().startswith(("analysis", "Here is my")):
        assert (
            strip_wrapping(text).text.strip("\ufeff \n\t") == text.strip().strip("\ufeff \n\t").strip()
            or not text.isprintable()
        )


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "\n", " ", "<|im_end|>", "{", "}", '"', "<answer>"])))
def test_no_mixture_of_tags_breaks_the_reader(parts: list[str]) -> None:
    strip_wrapping("".join(parts))
