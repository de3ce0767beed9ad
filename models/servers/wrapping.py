r"""What models wrap around their answer, taken off: thinking in tags, channels, tokens that control a chat.

Only the reply's own wrapping goes; a tag that the answer mentions stays, and a JSON value is never cut inside. The
rule, in order:

1. Chat tokens at the start (`<|im_start|>assistant`, `<s>`) and at the end (`<|im_end|>`, `</s>`) go, and what a model
   wrote after the end of its turn as if it were the next one.
2. A reply that begins with a channel (`<|channel|>analysis`) is its last `final` channel.
3. A block that the reply begins with (`<think>` … `</think>`, `[THINK]` … `[/THINK]`) goes, as often as one comes; one
   that never ends leaves no answer, unless text follows the tag on its own line and the reply is finished: then it is
   an answer that begins with a mention of the tag.
4. A closing tag that no opening one belongs to ends thinking whose opening tag the prompt held: what is before it
   goes, if the tag has a line of its own, ends a line that others follow, or is glued to the words on both sides. In
   "Write </think> at the end." it stays.
5. What is left after a block and is one pair of answer tags (`<answer>` … `</answer>`) is what they hold.

    strip_wrapping("<think>\nA mill, says [1].\n</think>\n\nLena Marsh<|im_end|>").text      # "Lena Marsh"
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from models.calls.structured import FENCE

_NAMES = (
    r"think|thinking|thought|thoughts|reasoning|reason|reflection|analysis|scratchpad|inner_monologue|antthinking"
    r"|seed:think"
)
_OPEN = (
    rf"(?:<(?P<name>{_NAMES})(?:\s[^<>\n]{{0,60}})?(?<!/)>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>"
    r"|<\|channel>thought|<unused94>(?:thought\b)?)"
)
_CLOSE = rf"(?:</(?:{_NAMES})\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<channel\|>|<unused95>)"
_OPENING = re.compile(_OPEN, re.IGNORECASE)
_CLOSING = re.compile(_CLOSE, re.IGNORECASE)
_TAGS = re.compile(f"{_OPEN}|{_CLOSE}", re.IGNORECASE)
_ANSWER = re.compile(
    r"<(?P<tag>answer|response|output|final|final_answer|solution)>(?P<text>.*)</(?P=tag)>", re.DOTALL | re.IGNORECASE
)
# Only tokens that a tokeniser reserves, as chat templates of well-known models write them.
_END = (
    r"(?:<\|(?:im_end|eot_id|eom_id|end_of_text|endoftext|end_of_turn|end|return|call|eos|end_of_role|END_OF_TURN_TOKEN"
    r"|END_RESPONSE|END_TEXT|end_of_solution|end_of_box|im_sep|user_end|assistant_end|observation|pad)\|>"
    r"|<end_of_turn>|<turn\|>|<eos>|<pad>|</s>|<｜end▁of▁sentence｜>|<｜end▁of▁turn｜>|\[/INST\]|<end_of_utterance>)"
)
_START = (
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|turn>|<\|start_of_role\|>|<\|start\|>|<\|user\|>"
    r"|<\|assistant\|>|<\|system\|>|<｜User｜>|<｜Assistant｜>|<\|START_OF_TURN_TOKEN\|>|<s>|\[INST\])"
)
_LEADING = re.compile(
    rf"(?:\s|\ufeff|<(?:{_NAMES})\s*/>|\[gMASK\]|<sop>|<s>|<bos>|<\|begin_of_text\|>|<｜begin▁of▁sentence｜>"
    r"|<\|endoftext\|>|\[/INST\]"
    r"|<\|im_start\|>(?:assistant)?\s*(?:<\|im_sep\|>)?|<\|im_assistant\|>assistant<\|im_middle\|>"
    r"|<\|start_header_id\|>assistant<\|end_header_id\|>\s*|<start_of_turn>model\s*"
    r"|<\|turn>model\s*|<\|assistant\|>|<｜Assistant｜>|<\|start_of_role\|>assistant<\|end_of_role\|>"
    r"|<\|START_OF_TURN_TOKEN\|>|<\|CHATBOT_TOKEN\|>|<\|START_RESPONSE\|>|<\|begin_of_(?:solution|box)\|>)+"
)
_TRAILING = re.compile(rf"(?:\s|\ufeff|{_END})+\Z")
_NEXT_TURN = re.compile(rf"{_END}\s*{_START}")
_ANY_START = re.compile(_START)
_TAIL_START = re.compile(rf"\s*{_START}\s*(?:user|assistant|system|model)?\s*\Z")
_FINAL = re.compile(r"(?:<\|start\|>assistant\s*)?<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNEL = re.compile(r"\A(?:<\|start\|>\s*\w*\s*)?<\|channel\|>")
# The same channels from a server that drops special tokens and keeps the words between them.
_BARE_CHANNELS = re.compile(r"\Aanalysis(?=\S).*?(?<=[^\s])assistantfinal(?:json)?", re.DOTALL)
_NAMED_PARTS = re.compile(r"\AHere is my thought process:.*?\nHere is my response:", re.DOTALL)
_QUOTES = "`'\"“”‘’«»"


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A reply without its wrapping.

    Attributes:
        text: The answer.
        unfinished: Whether the reply ended within its thinking, so that there is no answer.
    """

    text: str
    unfinished: bool = False


def strip_wrapping(reply: str, cut_off: bool = False) -> Unwrapped:
    """Take thinking and chat tokens off a reply, by the rule at the head of this file.

    Args:
        reply: The reply as written.
        cut_off: Whether it ended at a limit of tokens, so that thinking without an end has no answer behind it.
    Example:
        >>> strip_wrapping("Use the <think> tag.").text
        'Use the <think> tag.'
        >>> strip_wrapping("<think>It says").unfinished, strip_wrapping("<think>\\nIt says").unfinished
        (False, True)
    """
    begins = _LEADING.match(reply)
    # Thinking may quote turns of a chat, so where the turn ends is looked for behind it.
    text = reply[begins.end() :] if begins else reply
    text = _without_end(text, 0) if _OPENING.match(text) else _without_chat_tokens(reply)
    if _is_json(text):
        return Unwrapped(text)
    channels = _final_channel(reply.strip())
    if channels is not None:
        return channels
    for pattern in (_BARE_CHANNELS, _NAMED_PARTS):
        text = pattern.sub("", text).lstrip()
    rest, found = text, False
    while opening := _OPENING.match(rest):
        closing = _CLOSING.search(rest, opening.end())
        if closing is None:
            return _unclosed(rest, opening.end(), cut_off)
        rest, found = rest[closing.end() :].lstrip(), True
    lone = None if found and _is_json(_without_chat_tokens(rest)) else _lone_closing(rest)
    if lone is not None:
        rest, found = rest[lone:].lstrip(), True
    if not found:
        return Unwrapped(text)
    answer = _ANSWER.fullmatch(rest.strip())
    if answer:
        rest = answer["text"]
    return Unwrapped(_without_chat_tokens(rest))


def _without_chat_tokens(text: str) -> str:
    leading = _LEADING.match(text)
    begins = leading.end() if leading else 0
    whole = _without_end(text, begins)
    ended = _NEXT_TURN.search(text, begins)
    # An answer that quotes whole turns of a chat begins one before it ends one, and a value may quote anything.
    if not ended or _ANY_START.search(text, begins, ended.start()) or _is_json(whole):
        return whole
    return _without_end(text[: ended.start()], begins)


def _without_end(text: str, begins: int) -> str:
    # Where an opening tag of HTML comes before it, the "</s>" at the end is that tag's.
    is_struck = text.rstrip().endswith("</s>") and "<s>" in text[begins:]
    text = text.rstrip() if is_struck else _TRAILING.sub("", text)
    return _TAIL_START.sub("", text)[begins:]


def _is_json(text: str) -> bool:
    """Whether a reply is one JSON value already, so that every tag in it is the value's own."""
    fenced = FENCE.fullmatch(text)
    body = fenced[1] if fenced else text
    if body[:1] not in ("{", "["):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _final_channel(text: str) -> Unwrapped | None:
    """The last final channel of a reply that is written in channels, None if it is not."""
    finals = list(_FINAL.finditer(text))
    if not _CHANNEL.match(text):
        # The prompt may have held the beginning of the first channel; an answer about channels names one before.
        begun = finals and finals[0][0].startswith("<|start|>") and "<|channel|>" not in text[: finals[0].start()]
        finals = finals if begun else []
    elif not finals:
        return Unwrapped("", unfinished=True)
    return Unwrapped(_without_chat_tokens(text[finals[-1].end() :])) if finals else None


def _unclosed(text: str, begin: int, cut_off: bool) -> Unwrapped:
    """A reply that begins with an opening tag and has no closing one."""
    rest = text[begin:]
    if _is_json(rest.strip()):
        return Unwrapped(rest.strip())
    mentions = not cut_off and bool(rest.strip()) and "\n" not in rest[: len(rest) - len(rest.lstrip())]
    return Unwrapped(text) if mentions else Unwrapped("", unfinished=True)


def _lone_closing(text: str) -> int | None:
    """Where the answer begins behind the last closing tag that no opening one belongs to; None if there is none."""
    ends, depth = None, 0
    for tag in _TAGS.finditer(text):
        if _OPENING.fullmatch(tag[0]):
            depth += 1
        elif depth:
            depth -= 1
        elif _ends_thinking(text, tag.start(), tag.end()):
            ends = tag.end()
            if _is_json(text[ends:].strip()):
                break  # any tag in there is a value's
    return ends


def _ends_thinking(text: str, start: int, end: int) -> bool:
    line_begins = text.rfind("\n", 0, start) + 1
    before, after = text[line_begins:start], text[end:].split("\n", 1)
    if not before.strip() and not after[0].strip():
        return True
    if before[-1:] in _QUOTES and before:
        return False
    if not before.strip() or not after[0].strip():
        # On an empty rest nothing would be left of an answer that ends with a mention of the tag.
        return bool(text[end:].strip())
    return not before[-1:].isspace() and (after[0][:1].isalnum() or after[0][:1] in '{[*"#')
