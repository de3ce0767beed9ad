"""Subtitles in SubRip (.srt) and WebVTT (.vtt): what is said, without times; one document a file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kg.documents.encoding import read_decoded
from kg.documents.parts import Part, RawDocument, SourceFile
from kg.language.text import normalise
from models.errors import InputError

_TIME = re.compile(
    r"^\s*(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?\s*-->\s*(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[,.]\d{1,3})?.*$"
)
_SPEAKER = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]+)>")
_TAG = re.compile(r"</?(?:[biuscv]|font|ruby|lang|c|span)(?:[.\s][^<>]*)?/?>|<[\d:.]+>|\{\\[^{}]*\}", re.IGNORECASE)
_READING = re.compile(r"<rt>.*?</rt>", re.IGNORECASE | re.DOTALL)
_PAUSE_S = 8
"""Seconds without words from which on a new paragraph begins: a new scene."""


@dataclass(frozen=True, slots=True)
class _Cue:
    start_s: int
    end_s: int
    lines: tuple[str, ...]


def read_subtitles(file: SourceFile) -> Iterator[Part]:
    """Subtitles; sentences that run over several of them are whole again."""
    decoded = read_decoded(file)
    yield from decoded.notices
    vtt = decoded.text.lstrip("\ufeff").startswith("WEBVTT")
    cues = list(_cues(decoded.text, vtt))
    if not cues:
        raise InputError(f"{file.name} holds no subtitles: no line has times such as 00:00:01,000 --> 00:00:02,000.")
    text = _joined(cues)
    if not text:
        raise InputError(f"{file.name} holds no text.")
    yield RawDocument(normalise(text))  # entities may stand for characters that nobody sees


def _cues(text: str, vtt: bool) -> Iterator[_Cue]:
    """Cues in order; lines before the first one are no text."""
    start = end = 0
    lines: list[str] | None = None
    apart = False
    for line in text.split("\n"):
        if match := _TIME.match(line):
            if lines is not None:
                yield _Cue(start, end, tuple(_plain(lines[:-1] if _is_number(lines, vtt) else lines, vtt)))
            start, end = _seconds(match, 1), _seconds(match, 5)
            lines, apart = [], False
        elif lines is not None and not (apart and line.strip()):
            # Notes and styles of WebVTT are blocks of their own, which end with a blank line.
            after_blank = bool(lines) and not lines[-1].strip()
            apart = vtt and after_blank and bool(re.match(r"(?:NOTE|STYLE|REGION)\b", line))
            lines += [] if apart else [line]
    if lines is not None:
        yield _Cue(start, end, tuple(_plain(lines, vtt)))


def _seconds(match: re.Match[str], group: int) -> int:
    return int(match[group] or 0) * 3600 + int(match[group + 1]) * 60 + int(match[group + 2])


def _is_number(lines: list[str], vtt: bool) -> bool:
    """Whether the last line before a cue's times is its number or name, which a blank line parts from the text."""
    if not lines or not lines[-1].strip():
        return False
    after_blank = len(lines) == 1 or not lines[-2].strip()
    return lines[-1].strip().isdigit() if not vtt else after_blank


def _plain(lines: list[str], vtt: bool) -> Iterator[str]:
    for line in lines:
        text = _TAG.sub("", _SPEAKER.sub(r"\1: ", _READING.sub("", line)))
        if plain := " ".join((html.unescape(text) if vtt or "&" in text else text).split()):
            yield plain


def _joined(cues: list[_Cue]) -> str:
    text = ""
    shown: tuple[str, ...] = ()
    end_s = 0
    for cue in cues:
        # Captions that roll up repeat the line above.
        fresh = [line for line in cue.lines if line not in shown]
        for line in fresh:
            speech = line.startswith(("- ", "– ", "— ")) or re.match(r"[^.!?]{1,30}: ", line)
            gap = "\n\n" if cue.start_s - end_s >= _PAUSE_S else "\n" if speech else " "
            text += (gap if text else "") + line
            end_s = cue.start_s
        shown, end_s = cue.lines, max(cue.end_s, end_s)
    return text
