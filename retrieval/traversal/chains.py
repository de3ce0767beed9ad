"""Chains of passages: from a question to its first passage, and from question and passage to the next.

"Where was the designer of the bridge born?" resembles the article on the bridge. With that article behind it, the
question resembles the one on the designer, to an encoder that was trained to see it so. Both steps are
distributions over all passages, the softmax of scaled cosines, so that chains can be compared: a passage is as likely
as the likeliest chain that holds it. Words that a passage shares with the question make it likelier at either step: an
encoder blurs names and numbers. Passages need no second vectors: only questions are encoded anew. How the encoder is
trained: `training.hops`.

Source: the step from question and passage to the next is that of Xiong et al., ICLR 2021 (multi-hop dense retrieval);
    training the side of the question alone against all passages that of Lee et al., ACL 2021 (DensePhrases).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.errors import ConfigError
from models.protocols import Encoder, HopEncoder, Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.nearest import SMALL, products
from retrieval.index.rank import Scored, highest
from retrieval.text.texts import headed

SCALE = 20.0
"""Cosines are multiplied by this before the softmax, in training as in search."""
AUTO, NONE = "auto", "none"
_MATCHING = 200
"""Passages whose shared words count."""
_NOT_AGAIN = -1e9

LogProbabilities = NDArray[np.float64]


class HopSettings(BaseModel):
    """Settings of chains.

    Attributes:
        adapter: "auto" is the workspace's own adapter where one was trained, else the one that comes with the encoder;
            "none" leaves chains out; else the folder of an adapter.
        length: Passages of a chain.
        beam: Chains that are followed at each step.
        lexical: What the best match by BM25 adds to the logit of a passage, and others in proportion; 0 leaves it out.
        words: Words of a passage, its title among them, that are read behind the question; None for all that fit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: str = AUTO
    length: int = Field(default=2, ge=1)
    beam: int = Field(default=2, ge=1)
    lexical: float = Field(default=2.0, ge=0)
    words: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, slots=True)
class Chains:
    """What was found for a question.

    Attributes:
        scores: Array (chunks,): natural logarithm of the probability of the best chain that holds each passage.
        best: Rows of the best chain's passages, in order.
        length: Passages of a chain.
    """

    scores: LogProbabilities
    best: tuple[int, ...]
    length: int

    @property
    def likelihood(self) -> LogProbabilities:
        """Array (chunks,), in (0, 1]: the geometric mean of the probabilities of the best chain's steps."""
        mean: LogProbabilities = np.exp(self.scores / self.length)
        return mean


@dataclass(frozen=True, slots=True)
class _Beam:
    rows: tuple[int, ...]
    score: float


def hop_text(question: str, passages: Sequence[str]) -> str:
    """A question with the passages found so far, as encoded.

    Example:
        >>> hop_text("Who designed it?", ["Bridge: A bridge."])
        'Who designed it? [SEP] Bridge: A bridge.'
    """
    return " [SEP] ".join([question, *passages])


def open_hops(index: GraphIndex, settings: HopSettings) -> Encoder | None:
    """The encoder of chains for an index; None where there is none and none was named.

    Raises:
        ConfigError: An adapter was named that the index's encoder cannot take.
    """
    if settings.adapter == NONE:
        return None
    own = index.own_hops if settings.adapter == AUTO else Path(settings.adapter)
    if isinstance(index.encoder, HopEncoder):
        return index.encoder.for_hops(own)
    if settings.adapter != AUTO:
        raise ConfigError(
            f"The encoder {index.encoder.name} takes no adapter for hops: expected one of the backend "
            "sentence-transformers, or the setting hops.adapter: none."
        )
    return None


def find_chains(index: GraphIndex, encoder: Encoder, question: str, settings: HopSettings) -> Chains:
    """Follow the likeliest chains of a question.

    Args:
        index: At least one passage.
        encoder: Of `open_hops`.
        question: Any text.
        settings: Length and beam.
    """
    length = min(settings.length, len(index.chunk_ids))
    shared = settings.lexical * _shared_words(index, question) if settings.lexical else 0.0
    step = _log_softmax(index.chunk_vectors, encoder.encode([question], "query"), shared)
    beams = [_Beam((), 0.0)]
    for _ in range(length - 1):
        beams = _followed(beams, step, settings.beam)
        longer = encoder.encode(_texts(index, question, beams, settings.words), "query")
        step = _log_softmax(index.chunk_vectors, longer, shared)
    scores = np.full(len(index.chunk_ids), -np.inf)
    ends: list[tuple[float, tuple[int, ...]]] = []
    for beam, next_step in zip(beams, step, strict=True):
        chains = next_step + beam.score
        chains[list(beam.rows)] = _NOT_AGAIN
        np.maximum(scores, chains, out=scores)
        end = int(chains.argmax())
        ends.append((float(chains[end]), (*beam.rows, end)))
    for score, rows in ends:
        scores[list(rows)] = np.maximum(scores[list(rows)], score)
    return Chains(scores, max(ends)[1], length)


def _followed(beams: Sequence[_Beam], step: LogProbabilities, width: int) -> list[_Beam]:
    """The likeliest chains one passage longer; of those with the same passages, the likeliest order."""
    longer: list[_Beam] = []
    for beam, probabilities in zip(beams, step, strict=True):
        scores = probabilities + beam.score
        scores[list(beam.rows)] = _NOT_AGAIN
        best = highest(scores, width)
        longer += [_Beam((*beam.rows, int(row)), float(scores[row])) for row in best]
    longer.sort(key=lambda beam: (-beam.score, beam.rows))
    distinct: dict[frozenset[int], _Beam] = {}
    for beam in longer:
        distinct.setdefault(frozenset(beam.rows), beam)
    return list(distinct.values())[:width]


def _texts(index: GraphIndex, question: str, beams: Sequence[_Beam], words: int | None) -> list[str]:
    rows = sorted({row for beam in beams for row in beam.rows})
    found = index.passages([Scored(index.chunk_ids[row].decode("ascii"), 0.0) for row in rows])
    texts = (" ".join(headed(each.title, each.date, each.text).split()[:words]) for each in found)
    shown = dict(zip(rows, texts, strict=True))
    return [hop_text(question, [shown[row] for row in beam.rows]) for beam in beams]


def _shared_words(index: GraphIndex, question: str) -> NDArray[np.float64]:
    """Array (chunks,), in [0, 1]: BM25 over that of the best passage; 0 beyond the first `_MATCHING`."""
    shares = np.zeros(len(index.chunk_ids))
    found = index.search.matching_passages(question, _MATCHING)
    if found:
        scores = np.array([item.score for item in found])
        shares[index.chunk_rows([item.id for item in found])] = scores / scores.max()
    return shares


def _log_softmax(passages: Vectors, queries: Vectors, shared: NDArray[np.float64] | float) -> LogProbabilities:
    """Array (queries, passages): logarithms of the probabilities of the next passage."""
    cosines = products(passages, queries) if len(passages) > SMALL else queries @ passages.T
    scores = SCALE * cosines.astype(np.float64) + shared
    scores -= scores.max(axis=1, keepdims=True)
    log_probabilities: LogProbabilities = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return log_probabilities
