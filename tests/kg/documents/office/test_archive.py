"""Archives: what unpacks to more than memory, is encrypted, cut off or declares entities is one sentence."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest

from kg.documents.office import archive
from tests.kg.documents.readers.office import archive_of, changed, load
from tests.kg.documents.readers.test_odf import odf

SUFFIXES = (".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub")
MAIN = {
    ".docx": "word/document.xml", ".pptx": "ppt/presentation.xml", ".xlsx": "xl/workbook.xml", ".odt": "content.xml",
    ".ods": "content.xml", ".odp": "content.xml", ".epub": "META-INF/container.xml",
}  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1 << 20)  # the same rule, with a file that is made at once
    data = archive_of({MAIN[suffix]: b"<a/>" * (1 << 20)})
    began = time.monotonic()
    loaded = load(tmp_path, f"bomb{suffix}", data)
    assert "Split it" in loaded.error and time.monotonic() - began < 5


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_size_that_lies_does_not_unpack_more(tmp_path: Path, suffix: str) -> None:
    data = bytearray(archive_of({MAIN[suffix]: b"<a>" + b" " * (1 << 22) + b"</a>"}))
    size = (7 + (1 << 22)).to_bytes(4, "little")
    assert data.count(size) == 2
    loaded = load(tmp_path, f"lie{suffix}", bytes(data).replace(size, (100).to_bytes(4, "little")))
    assert loaded.errors and not loaded.documents


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY b "aaaaaaaaaa">' + "".join(f'<!ENTITY b{n} "{f"&b{n - 1 or str()};" * 10}">' for n in range(1, 10)),
        '<!ENTITY b9 SYSTEM "file:///etc/hostname">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd">%p;<!ENTITY b9 "x">',
    ],
)
def test_entities_neither_grow_nor_read_other_files(tmp_path: Path, suffix: str, entities: str) -> None:
    data = archive_of({MAIN[suffix]: f"<!DOCTYPE a [{entities}]><a>&b9;</a>"})
    loaded = load(tmp_path, f"e{suffix}", data)
    assert loaded.errors and not loaded.documents


def test_an_outside_entity_is_not_read_into_xml(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the password")
    for entity in (
        f'SYSTEM "{tmp_path}/secret.txt"',
        f'SYSTEM "file://{tmp_path}/secret.txt"',
        'PUBLIC "x" "secret.txt"',
    ):
        loaded = load(tmp_path, "e.xml", f"<!DOCTYPE a [<!ENTITY b {entity}>]><a>A weir &b;</a>".encode())
        assert "password" not in str(loaded)
    own = load(tmp_path, "o.xml", b'<!DOCTYPE a [<!ENTITY ida "Ida Falk">]><a>A weir by &ida;.</a>')
    assert own.documents[0].text == "A weir by Ida Falk."


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_encrypted_members_and_office_encryption_are_named(tmp_path: Path, suffix: str) -> None:
    data = bytearray(archive_of({MAIN[suffix]: "<a>The weir</a>"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    assert "is encrypted" in load(tmp_path, f"e{suffix}", bytes(data)).error
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le")
    assert "encrypted" in load(tmp_path, f"o{suffix}", ole).error


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_document_under_another_ones_suffix_says_what_it_is(tmp_path: Path, suffix: str) -> None:
    for other, main in MAIN.items():
        if main != MAIN[suffix]:
            error = load(tmp_path, f"e{suffix}", archive_of({main: "<a>The weir</a>"})).error
            assert "Give it the suffix of what it is." in error, (other, error)


def test_a_damaged_picture_does_not_lose_the_text(tmp_path: Path) -> None:
    data = changed(odf("<text:p>The weir.</text:p>"), "Pictures/1.png", lambda _: b"\x89PNG" + b"0" * 500)
    broken = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        broken[opened.getinfo("Pictures/1.png").header_offset + 60] ^= 255
    assert load(tmp_path, "d.odt", bytes(broken)).documents[0].text == "The weir."
