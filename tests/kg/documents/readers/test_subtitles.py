"""Subtitles: what is said, without times, numbers and marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg.documents.readers.office import load, text_of


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\nStone lasts,\n\n2\n00:00:02,500 --> 00:00:04,000\noak does not.\n",
         "Stone lasts, oak does not."),
        ("1\r\n00:00:01,000 --> 00:00:02,000 X1:40 X2:600\r\n<i>Stone</i> <font color='red'>lasts</font>.\r\n", "Stone lasts."),
        ("00:00:01,000 --> 00:00:02,000\n{\\an8}Stone lasts.\n", "Stone lasts."),
        ("1\n00:00:01,000 --> 00:00:02,000\nIn the year\n1871\n\n2\n00:00:03,000 --> 00:00:04,000\nit broke.\n",
         "In the year 1871 it broke."),
        ("1\n00:00:01,000 --> 00:00:02,000\nStone\n\nlasts.\n\n2\n00:00:03,000 --> 00:00:04,000\nYes.\n", "Stone lasts. Yes."),
        ("1\n00:00:01,000 --> 00:00:02,000\nStone.\n\n2\n00:00:40,000 --> 00:00:44,000\nLater.\n", "Stone.\n\nLater."),
        ("1\n0:00:01.000 --> 0:00:02.000\n3 < 4 and 5 > 4\n", "3 < 4 and 5 > 4"),
        ("1\n00:00:01,000 --> 00:00:02,000\n- Who built it?\n- Ida Falk.\n", "- Who built it?\n- Ida Falk."),
    ],
)  # fmt: skip
def test_subrip(tmp_path: Path, source: str, text: str) -> None:
    assert text_of(load(tmp_path, "s.srt", source.encode())) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("00:01.000 --> 00:02.000\nStone lasts.\n", "Stone lasts."),
        (
            "NOTE a remark\nof two lines\n\nintro\n00:01.000 --> 00:02.000 align:left\n<v Ida>Stone &amp; oak.</v>\n",
            "Ida: Stone & oak.",
        ),
        (
            "STYLE\n::cue { color: red }\n\n00:01.000 --> 00:02.000\n<c.loud>Stone</c><00:01.500> lasts.\n",
            "Stone lasts.",
        ),
        ("00:01.000 --> 00:02.000\nStone lasts\n\n00:02.000 --> 00:03.000\nStone lasts\nlong.\n", "Stone lasts long."),
        ("00:01.000 --> 00:02.000\nStone.\n\nNOTE not this\n\nsecond\n00:02.000 --> 00:03.000\nOak.\n", "Stone. Oak."),
    ],
)
def test_webvtt(tmp_path: Path, body: str, text: str) -> None:
    assert text_of(load(tmp_path, "s.vtt", f"WEBVTT - a title\n\n{body}".encode())) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"WEBVTT\n",
        b"Stone lasts.\n",
        b"1\n00:00:01,000 -> 00:00:02,000\nStone.\n",
        b"1\n00:00:01,000 --> 00:00:02,000\n\n",
    ],
)
def test_a_file_without_subtitles_says_so(tmp_path: Path, data: bytes) -> None:
    assert load(tmp_path, "s.srt", data).errors


@pytest.mark.parametrize(
    "line", ["NOTE to self: buy tar", "STYLE matters", "REGION of Holm", "NOTE", "NOTES are short"]
)
def test_a_word_of_webvtt_in_a_cue_is_spoken(tmp_path: Path, line: str) -> None:
    source = f"WEBVTT\n\nNOTE not this\n\n00:01.000 --> 00:02.000\n{line}\n\nNOTE nor this\n"
    assert text_of(load(tmp_path, "s.vtt", source.encode())) == line
