"""Bytes of every usual encoding to the right letters, or to a word that the encoding is a guess."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.documents.encoding import DecodedText, decode_bytes, find_encoding, read_decoded
from kg.documents.parts import SourceFile
from kg.language.text import normalise
from models.errors import InputError
from tests.kg.documents.encoding_samples import ENCODINGS, SENTENCES

KOREAN = "안녕하세요. 서울은 대한민국의 수도이다. 한강이 그 가운데를 흐른다."
CHINESE = "北京是中国的首都。这座城市有三千年的历史。"
JAPANESE = "東京は日本の首都です。人口は千四百万人である。港から船が出る。"
RUSSIAN = "Москва стоит на реке. Это столица страны, и в ней много мостов."
FRENCH = "Le café de Zoë est fermé l’été, où qu’on aille."
CZECH = "Převozník čekal u řeky, až se mlha rozplyne."
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def decode(data: bytes, declared: str | None = None, named: str = "") -> DecodedText:
    return decode_bytes(data, SourceFile(Path("note.txt"), "note.txt", named), declared)


def samples(length: str) -> Iterator[tuple[str, str, str, bytes]]:
    """Language, encoding, text and bytes of every sample of a length that its encoding has letters for."""
    for language, sentences in SENTENCES.items():
        texts = {
            "line": sentences,
            "paragraph": (" ".join(sentences[:3]), " ".join(sentences[3:])),
            "page": ("\n".join(sentences),),
        }
        for encoding in ENCODINGS[language]:
            for text in texts[length]:
                try:
                    yield language, encoding, text, _encode(text, encoding)
                except UnicodeEncodeError:  # œ is not in cp850
                    continue


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "cp1258":
        return text.encode(encoding)
    letters: list[str] = []
    for letter in text:  # which writes a tone after its letter
        parts = unicodedata.normalize("NFD", letter)
        tones = "".join(part for part in parts if part in _TONES)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
        letters.append(letter if letter in "àáâèéêìíòóôùúýăđ" and letter not in "ìòý" else base + tones)
    return "".join(letters).encode(encoding)


@pytest.mark.parametrize(("length", "least"), [("line", 0.985), ("paragraph", 0.995), ("page", 0.995)])
def test_sentences_of_35_languages_are_read_or_told(length: str, least: float) -> None:
    outcomes: Counter[str] = Counter()
    silent = []
    for language, encoding, text, data in samples(length):
        decoded = decode(data)
        outcomes["right" if decoded.text == text else "wrong"] += 1
        if decoded.text != text and not decoded.notices:
            silent.append(f"{language} in {encoding}: {decoded.text[:40]}")
    assert not silent
    assert outcomes["right"] >= least * outcomes.total()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "utf-8"),
        ("Žluťoučký", "utf-8"),
        (KOREAN, "utf-8-sig"),
        (CHINESE, "utf-16"),
        ("Tide tables", "utf-16-le"),
        ("Tide tables", "utf-16-be"),
        (RUSSIAN, "utf-16-le"),
        (RUSSIAN, "utf-16-be"),
        (f"{KOREAN}\n", "utf-16-le"),
        (f"{CHINESE}\n{CHINESE}\n", "utf-16-be"),
        (JAPANESE, "utf-32"),
        (JAPANESE, "utf-32-le"),
        ("Tide tables", "utf-32-be"),
        (JAPANESE, "iso2022_jp"),
        (KOREAN, "iso2022_kr"),
    ],
)
def test_unicode_and_escapes_are_no_guess(text: str, encoding: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert not decoded.notices
    assert not decoded.encoding.guess


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN, "cp949"),
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN.upper(), "cp1251"),
        (RUSSIAN.upper(), "koi8_r"),
        (RUSSIAN.upper(), "cp866"),
        (FRENCH, "cp1252"),
        ("Café", "latin-1"),
        ("Fische aus der Ostsee für 20 € das Kilo", "iso8859_15"),
        ("Fische aus der Ostsee für 20 € das Kilo", "cp1252"),
        ("She said “no” – and left… The café’s door was open.", "cp1252"),
        ("│ Größe │ Höhe │\n├───────┼──────┤\n│ zwölf │ fünf │\n", "cp850"),
        ("id;jméno\n1;Jiří\n2;Tomáš\n", "cp1250"),
    ],
)
def test_a_legacy_encoding_is_read_and_told_as_a_guess(text: str, encoding: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert decoded.encoding.guess
    (notice,) = decoded.notices
    assert notice.text.startswith(f"note.txt was read as {decoded.encoding.name}, a guess")
    assert "--encoding" in notice.text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Қазақстан — біздің үйіміз", "kz1048"),
        ("Ċikku ħareġ mill-għalqa", "iso8859_3"),
        ("Mae'r tŷ a'r dŵr", "iso8859_14"),
        ("Қазақ тілі әдемі", "ptcp154"),
        ("Șase țărani", "iso8859_16"),
        ("서울은 수도이다", "johab"),
    ],
)
def test_an_encoding_that_is_not_known_is_never_silent(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    try:
        decoded = decode(data)
    except InputError as error:
        assert "--encoding" in str(error)
    else:
        assert decoded.notices


def test_the_neighbours_of_a_guess_are_named() -> None:
    (notice,) = decode("Er fährt".encode("cp1252")).notices
    assert "nearly as likely: " in notice.text


def test_what_the_user_names_overrules_the_guess(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Šest žlutých ptáků".encode("mac_latin2"))
    decoded = read_decoded(SourceFile(path, "a.txt", "mac_latin2"))
    assert decoded.text == "Šest žlutých ptáků"
    assert not decoded.notices


@pytest.mark.parametrize(
    ("data", "named", "byte"),
    [
        (b"abc\x81def", "cp1252", "byte 3 (0x81)"),
        (b"abc\xffdef", "utf-8", "byte 3 (0xff)"),
        (b"x" * (1 << 20) + b"\xff", "utf-8", f"byte {1 << 20} (0xff)"),
        (b"x" * ((1 << 20) - 1) + b"\xc3(", "utf-8", f"byte {(1 << 20) - 1} (0xc3)"),
        ("č".encode(), "ascii", "byte 0 (0xc4)"),
        (b"caf\xe9 au lait", "shift_jis", "byte 3 (0xe9)"),
    ],
)
def test_a_byte_that_does_not_fit_the_named_encoding_is_an_error_with_its_position(
    data: bytes, named: str, byte: str
) -> None:
    with pytest.raises(InputError) as caught:
        decode(data, named=named)
    assert byte in str(caught.value)
    assert named in str(caught.value)


def test_a_mark_overrules_the_named_encoding_and_says_so() -> None:
    decoded = decode(CZECH.encode("utf-8-sig"), named="cp1250")
    assert decoded.text == CZECH
    assert "mark of UTF-8" in decoded.notices[0].text
    assert not decode(CZECH.encode("utf-8-sig"), named="utf-8").notices


def test_a_named_encoding_for_what_is_valid_utf8_is_told() -> None:
    assert "valid UTF-8" in decode(CZECH.encode(), named="cp1250").notices[0].text
    assert not decode(b"only ASCII", named="cp1250").notices


@pytest.mark.parametrize("name", ["base64", "rot13", "unicode_escape", "idna", "undefined", "cp1250\0", "č"])
def test_a_declared_codec_that_is_no_encoding_of_files_is_not_used(name: str) -> None:
    assert decode(b"plain", declared=name).text == "plain"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (CZECH, "cp1250", "windows-1250"),
        (CZECH, "iso8859_2", "ISO-8859-2"),
        ("“Café”", "cp1252", "iso-8859-1"),  # which the Web reads as cp1252
        ("漢字と仮名、①と②", "cp932", "Shift_JIS"),
        ("Доброе утро", "koi8_r", "koi8-r"),
        ("朱镕基", "gbk", "gb2312"),  # whose second letter is not in GB 2312
    ],
)
def test_a_declared_encoding_that_fits_is_no_guess(text: str, encoding: str, declared: str) -> None:
    decoded = decode(text.encode(encoding), declared)
    assert decoded.text == text
    assert not decoded.notices


@pytest.mark.parametrize(
    ("data", "declared", "told"),
    [
        (CZECH.encode("cp1250"), "utf-8", "a guess"),
        (CHINESE.encode("gb18030"), "cp1252", "looks like gb18030"),
        (JAPANESE.encode("cp932"), "cp1252", "declares cp1252, which its bytes do not fit"),
        (RUSSIAN.encode("cp1251"), "iso-8859-1", "looks like cp1251"),
        (CZECH.encode(), "windows-1250", "was read as UTF-8"),
        (RUSSIAN.encode("koi8_r"), "no-such-encoding", "a guess"),
        (RUSSIAN.encode("cp1251"), "utf-16", "a guess"),
    ],
)
def test_a_declaration_that_contradicts_the_bytes_is_told(data: bytes, declared: str, told: str) -> None:
    assert told in decode(data, declared).notices[0].text


def test_utf8_with_a_few_wrong_bytes_is_read_and_told() -> None:
    data = f"{CZECH}\n".encode() * 20 + b"\xff\n" + f"{CZECH}\n".encode()
    decoded = decode(data)
    assert decoded.text == f"{CZECH}\n" * 20 + "\ufffd\n" + f"{CZECH}\n"
    assert f"the first of them byte {len(CZECH.encode()) * 20 + 20}" in decoded.notices[0].text


@pytest.mark.parametrize(("text", "encoding"), [(CHINESE, "gb18030"), (JAPANESE, "cp932"), (KOREAN, "cp949")])
def test_one_wrong_byte_far_into_a_text_of_pairs_changes_no_other_letter(text: str, encoding: str) -> None:
    data = f"{text}\n".encode(encoding) * 500 + b"\x82\n" + f"{text}\n".encode(encoding)
    decoded = decode(data)
    assert decoded.text == f"{text}\n" * 500 + "\ufffd\n" + f"{text}\n"
    assert f"from byte {len(data) - 2 - len(f'{text}x'.encode(encoding))} on" in decoded.notices[0].text


def test_a_cut_utf8_file_keeps_its_letters() -> None:
    decoded = decode(f"{KOREAN}끝".encode()[:-1])
    assert decoded.text == f"{KOREAN}\ufffd"
    assert decoded.notices


def test_a_legacy_byte_far_into_a_long_file_is_found() -> None:
    text = "A line of plain English about the harbour.\n" * 60_000 + "Le café.\n" + "More plain lines.\n" * 1000
    assert decode(text.encode("cp1252")).text == text


def test_a_rare_letter_late_in_a_long_file_counts() -> None:
    text = f"{FRENCH}\n".replace("’", "'") * 2000 + "Ma sœur mange des œufs.\n"
    assert decode(text.encode("iso8859_15")).text == text
    assert decode(text.encode("cp1252")).text == text


@pytest.mark.parametrize(("text", "encoding"), [(JAPANESE, "cp932"), (CZECH + " ", "cp1250"), (KOREAN, "cp949")])
def test_a_long_file_of_one_line_is_sampled(text: str, encoding: str) -> None:
    whole = "plain words " * 1000 + text * 500
    assert decode(whole.encode(encoding)).text == whole


@pytest.mark.parametrize("data", [bytes(1000), bytes(range(256)) * 20, bytes(range(9)) * 9])
@pytest.mark.parametrize("named", ["", "cp1252", "utf-8"])
def test_binary_is_refused_and_named(data: bytes, named: str) -> None:
    with pytest.raises(InputError, match=r"^note\.txt is binary"):
        decode(data, named=named)


def test_a_truncated_utf16_file_is_refused() -> None:
    with pytest.raises(InputError, match="byte"):
        decode("tide".encode("utf-16")[:-1])


def test_decoded_text_is_normalised() -> None:
    messy = "a\x00b\r\nc\rd\u2028e\x0cf\x85g\ufeffh\ttab" + "x" * 100
    assert decode(messy.encode()).text == normalise(messy)


@given(st.binary(max_size=300), st.sampled_from(["", "cp1250", "utf-8", "shift_jis"]), st.sampled_from(["", "koi8-r"]))
def test_any_bytes_are_read_or_refused(data: bytes, named: str, declared: str) -> None:
    file = SourceFile(Path("x"), "x", named)
    try:
        encoding = find_encoding(io.BytesIO(data), file, declared)
    except InputError:
        return
    data.decode(encoding.name, encoding.errors)  # all bytes fit
    assert encoding.notice or not encoding.guess
