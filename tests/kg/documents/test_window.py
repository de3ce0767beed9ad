"""Passages are no longer than the encoder reads, and what it does not read is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.documents.chunk import chunk
from kg.documents.heading import heading_of
from kg.documents.window import (
    PassageWindow,
    embedded_passages,
    measure_reading,
    query_notices,
    reading_notices,
    split,
)
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Document, make_id
from models.factory import open_encoder
from models.protocols import WindowedEncoder
from models.weights.resolve import is_present
from tests.kg.scripted import LetterEncoder
from tests.kg.windows import JoiningEncoder, PieceEncoder

RULES = RuleSentences()
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["\n", "\n\n", ". ", " ", "\n# Head\n", ", ", "。", "? ", "👩‍👩‍👧", "é", "\t"]),
        st.text(alphabet="abcXYZ", min_size=1, max_size=30),
        st.text(alphabet="лодкаหมอสิ한글中文", min_size=1, max_size=12),
        st.text(max_size=4),
    ),
    max_size=60,
).map("".join)


def document(text: str, title: str = "", date: str = "") -> Document:
    return Document(make_id("d", "a.txt", title, date, text), "a.txt", title, text, date)


def passages_of(
    of: Document, encoder: Any, max_tokens: int = 160, overlap: int = 0
) -> tuple[tuple[Chunk, ...], list[str]]:
    chunks, _ = split(of, max_tokens, RULES, overlap, PassageWindow.of(encoder))
    return chunks, embedded_passages([of], chunks, encoder)


@settings(max_examples=150, deadline=None)
@given(
    TEXTS, st.text(max_size=40), st.sampled_from(["", "2031-05-04"]), st.integers(8, 30), st.sampled_from(["", "p: "])
)
def test_every_passage_is_read_and_every_character_lies_in_one(
    text: str, title: str, date: str, window: int, prefix: str
) -> None:
    encoder = PieceEncoder(window + (4 if date else 0), prefix=prefix)
    of = document(text, title, date)
    chunks, embedded = passages_of(of, encoder)
    assert all(count <= encoder.max_tokens for count in encoder.token_counts(embedded))
    place = 0
    for part in chunks:
        assert part.text == text[part.start : part.end]
        assert not text[place : part.start].strip()
        place = part.end
    assert not text[place:].strip()


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(8, 30), st.integers(1, 3))
def test_what_is_repeated_fits_the_window_too(text: str, window: int, overlap: int) -> None:
    encoder = PieceEncoder(window)
    chunks, embedded = passages_of(document(text), encoder, overlap=overlap)
    assert all(count <= window for count in encoder.token_counts(embedded))
    assert [part.end for part in chunks] == sorted(part.end for part in chunks)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_tokeniser_whose_counts_do_not_add_up(text: str) -> None:
    encoder = JoiningEncoder(24)
    _, embedded = passages_of(document(text, "Mill"), encoder)
    assert all(count <= 24 for count in encoder.token_counts(embedded))


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_where_all_fits_nothing_changes(text: str) -> None:
    of = document(text, "Mill")
    wide = PassageWindow.of(PieceEncoder(10_000))
    assert split(of, 20, RULES, 1, wide) == (chunk(of, 20, RULES, 1), False)
    assert split(of, 20, RULES, 1, None) == (chunk(of, 20, RULES, 1), False)


def test_sentences_stay_whole_where_the_window_allows() -> None:
    text = "Bertolucci underwrites reconstruction. Mia ran. Mia sat. Ferdinand overshadowed Konstantinopolitanischer."
    chunks, cut = split(document(text), 160, RULES, 0, PassageWindow.of(PieceEncoder(20)))
    assert cut
    assert [part.text for part in chunks] == [
        "Bertolucci underwrites reconstruction. Mia ran. Mia sat.",
        "Ferdinand overshadowed Konstantinopolitanischer.",
    ]


def test_a_long_heading_leaves_half_of_the_window_to_the_passage() -> None:
    encoder = PieceEncoder(20)
    title = "Report of the commission on dykes, locks and the maintenance of all other works along the coast"
    of = document("The dyke at Pellin held. The lock at Orrin did not.", title, "2031")
    chunks, embedded = passages_of(of, encoder)
    assert [part.text for part in chunks] == ["The dyke at Pellin held.", "The lock at Orrin did not."]
    assert all(text.startswith("Report of the ") and "(2031): The " in text for text in embedded)
    assert title not in embedded[0]
    short = PassageWindow.of(encoder)
    assert short is not None and short.heading("Dykes", "2031") == heading_of("Dykes", "2031")


def test_an_encoder_without_a_window_reads_everything() -> None:
    encoder = LetterEncoder()
    assert PassageWindow.of(encoder) is None
    assert measure_reading(encoder, ["a " * 5000]) == {}
    assert reading_notices(encoder, {}) == query_notices(encoder, ["a " * 5000]) == []


HARVEST = {
    "de": "Der Bürgermeister eröffnete am Morgen die neue Brücke über den Fluss, und viele Leute kamen. ",
    "en": "The mayor opened the new bridge over the river in the morning, and many people came. ",
    "ko": "시장은 아침에 강 위의 새 다리를 열었고 많은 사람들이 왔다. ",
}


def test_the_share_read_is_told_by_language() -> None:
    encoder = PieceEncoder(30, languages=("en",))
    texts = [HARVEST["ko"] * count for count in (1, 3, 4)] + [HARVEST["en"][:60], HARVEST["de"] * 2]
    readings = measure_reading(encoder, texts)
    assert list(readings) == ["ko", "de", "en"]
    assert (readings["ko"].passages, readings["ko"].cut, readings["en"].share) == (3, 2, 1.0)
    assert readings["ko"].longest == encoder.token_counts(texts)[2] > 30
    assert 0 < readings["ko"].share < 1
    first, german, foreign = reading_notices(encoder, readings)
    percent = round(100 * readings["ko"].share)
    assert first == (
        f"letters reads {percent} % of the text of 3 Korean passages: 2 are longer than the 30 tokens that it reads "
        f"(the longest has {readings['ko'].longest})."
    )
    assert "1 German passage:" in german
    assert foreign.startswith("3 of 5 passages are Korean; letters was trained on English")
    assert "--encoder e5-small" in foreign


def test_letters_that_the_vocabulary_lacks_are_told() -> None:
    encoder = PieceEncoder(500)
    (notice,) = reading_notices(encoder, measure_reading(encoder, [HARVEST["de"] + "�" * 200]))
    assert notice.endswith("of the text of 1 German passage: its vocabulary lacks the rest.")


def test_shares_are_never_rounded_to_nothing_or_all() -> None:
    (none,) = reading_notices(encoder := PieceEncoder(500), measure_reading(encoder, ["�" * 900 + " 42"]))
    assert none.startswith("letters reads less than 1 % of the text of 1 passage in an undetermined language: ")
    long = " ".join(["boat"] * 252)
    (almost,) = reading_notices(PieceEncoder(502), measure_reading(PieceEncoder(502), [long]))
    assert almost.startswith("letters reads over 99 % of the text of 1 ")


def test_a_corpus_in_the_encoder_s_language_is_no_news() -> None:
    encoder = PieceEncoder(60, languages=("en",))
    assert reading_notices(encoder, measure_reading(encoder, [HARVEST["en"]] * 3 + [HARVEST["de"], "42"])) == []


def test_one_passage_in_another_language_is_told_as_one() -> None:
    encoder = PieceEncoder(500, languages=("en",))
    (notice,) = reading_notices(encoder, measure_reading(encoder, [HARVEST["de"]]))
    assert notice.startswith("1 of 1 passage is German; letters was trained on English")


def test_queries_that_are_cut_are_told() -> None:
    encoder = PieceEncoder(10)
    assert query_notices(encoder, ["Who opened the bridge?"]) == []
    (notice,) = query_notices(encoder, ["Who opened the bridge?", "Who " * 11])
    assert notice == ("1 of 2 queries is longer than the 10 tokens that letters reads (the longest has 11).")


ENDS = {
    "uk": ("Міст збудувала інженерка Олена Марш. ", "Міст збудував купець Тарас Гайл. "),
    "el": ("Τη γέφυρα έχτισε η μηχανικός Ελένη Μαρς. ", "Τη γέφυρα έχτισε ο έμπορος Θωμάς Χέιλ. "),
    "hi": ("पुल इंजीनियर लीना मार्श ने बनाया। ", "पुल व्यापारी टॉम हेल ने बनाया। "),
    "ko": ("다리는 기술자 레나 마시가 지었다. ", "다리는 상인 톰 헤일이 지었다. "),
    "ja": ("橋は技師レナ・マーシュが建てた。", "橋は商人トム・ヘイルが建てた。"),
    "ar": ("بنت الجسر المهندسة لينا مارش. ", "بنى الجسر التاجر توم هيل. "),
}
BEGINNINGS = {
    "uk": "Місто стоїть на березі широкої річки, і щоосені рибалки повертаються додому раніше, ніж починаються бурі. ",
    "el": "Η πόλη στέκεται στην όχθη ενός μεγάλου ποταμού και οι ψαράδες γυρίζουν νωρίς κάθε φθινόπωρο. ",
    "hi": "शहर एक चौड़ी नदी के किनारे बसा है और मछुआरे हर शरद ऋतु में जल्दी लौट आते हैं। ",
    "ko": "도시는 넓은 강가에 서 있고 어부들은 해마다 가을이면 폭풍이 오기 전에 집으로 돌아온다. ",
    "ja": "町は広い川のほとりにあり、漁師たちは毎年秋になると嵐の前に家へ帰ってくる。",
    "ar": "تقع المدينة على ضفة نهر واسع ويعود الصيادون كل خريف إلى بيوتهم قبل أن تبدأ العواصف. ",
}


@pytest.fixture(scope="module")
def minilm() -> WindowedEncoder:
    if not is_present("all-minilm-l6-v2"):
        pytest.skip("the weights of MiniLM are not here; pull them with `graft models pull minilm`")
    encoder = open_encoder("minilm")
    assert isinstance(encoder, WindowedEncoder)
    return encoder


@pytest.mark.models
@pytest.mark.parametrize("language", ENDS)
def test_facts_at_the_end_of_a_long_passage_tell_in_its_vectors(language: str, minilm: WindowedEncoder) -> None:
    last = []
    for end in ENDS[language]:
        of = document(BEGINNINGS[language] * 14 + end, "Harbour news", "2031-05-04")
        chunks, embedded = passages_of(of, minilm, max_tokens=600)
        assert len(chunks) > 1
        assert all(reading.tokens <= 254 for reading in minilm.readings(embedded))
        last.append(minilm.encode(embedded[-1:])[0])
    assert float(last[0] @ last[1]) < 0.9999


@pytest.mark.models
@settings(max_examples=60, deadline=None)
@given(TEXTS, st.text(max_size=20))
def test_minilm_reads_every_passage(minilm: WindowedEncoder, text: str, title: str) -> None:
    _, embedded = passages_of(document(text * 8, title), minilm, max_tokens=2000)
    assert all(reading.tokens <= 254 for reading in minilm.readings(embedded))


@pytest.mark.models
@pytest.mark.parametrize(
    "text", ["🦭" * 400, "ü" * 3000, "Rindfleischetikettierungsüberwachung" * 40, "ᄀ" * 500, "a\u0301" * 700]
)
def test_a_word_longer_than_the_window_is_cut(text: str, minilm: WindowedEncoder) -> None:
    chunks, embedded = passages_of(document(text), minilm)
    assert "".join(part.text for part in chunks) == text
    assert all(reading.tokens <= 254 for reading in minilm.readings(embedded))


@pytest.mark.models
def test_signs_that_minilm_does_not_know_are_no_text_to_it(minilm: WindowedEncoder) -> None:
    known, unknown = minilm.readings(["The ferry leaves at nine.", "เรือข้ามฟากออกเวลาเก้าโมง"])
    assert known.share == 1.0
    assert unknown.share < 0.5
