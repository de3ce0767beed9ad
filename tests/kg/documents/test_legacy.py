"""Samples of long files, and the order of encodings that read a sample alike."""

from __future__ import annotations

import io

import pytest

from kg.documents.legacy import rank_encodings, sample_lines


def test_encodings_that_read_a_sample_alike_are_one_reading_under_the_commonest_name() -> None:
    ranking = rank_encodings("Größe und Höhe".encode("latin-1"))
    assert ranking[0].name == "cp1252"
    assert len({ranked.text for ranked in ranking}) == len(ranking)


def test_scores_fall() -> None:
    scores = [ranked.score for ranked in rank_encodings("Příliš žluťoučký kůň".encode("cp1250"))]
    assert scores == sorted(scores, reverse=True)


def test_a_sample_has_lines_of_every_byte_and_no_others() -> None:
    lines = ["plain\n", "é\n", "plain\n", *["è\n"] * 9000, "ß\n", "plain\n", "€\n"]
    sample = sample_lines(io.BytesIO("".join(lines).encode("cp1252"))).decode("cp1252")
    assert set(sample) == set("éèß€\n")
    assert len(sample) < 10_000


@pytest.mark.parametrize("encoding", ["cp932", "gb18030", "big5", "cp949", "euc_jp"])
def test_a_piece_of_a_long_line_begins_with_a_whole_character(encoding: str) -> None:
    word = {"cp949": "가나다라마", "big5": "繁體中文字"}.get(encoding, "表示中文")
    text = ("plain " * 700 + word + " ") * 3 + word * 2000
    sample = sample_lines(io.BytesIO(text.encode(encoding)))
    assert sample
    assert sample.decode(encoding, "ignore").strip()[:200] in text
