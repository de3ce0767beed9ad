"""What an adapter is trained on: texts, each with the id of what it came from.

The raw texts are the chunks (or whole documents) of a store, with the document's title and date in front,
since a passage torn from its document seldom says when it was written. Rewritings of them are made in
`training.data.paraphrase`; both go to `training.train.train` as one sequence. Tokens are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kg.schema import Chunk, Document, make_id
from kg.stores.protocol import GraphStore
from models.files.digest import digest
from models.protocols import Message

LONGEST = 6000
"""Maximum number of characters that a small model rewrites in one go; a longer document is rewritten by its chunks."""


@dataclass(frozen=True, slots=True)
class TrainingText:
    """One text to train on.

    Attributes:
        id: Made of kind, source and text.
        text: The text.
        source: Id of the chunk or document that it states.
        kind: "raw" or "paraphrase"; your own training sets may add kinds.
        prompt: The conversation that the text answers: read, and not learnt; empty for running text.
    """

    id: str
    text: str
    source: str
    kind: str = "raw"
    prompt: tuple[Message, ...] = ()

    @classmethod
    def of(cls, text: str, source: str, kind: str = "raw", prompt: tuple[Message, ...] = ()) -> TrainingText:
        """A text with the id that follows from its content.

        Example:
            >>> TrainingText.of("Water is wet.", "c:1").kind
            'raw'
        """
        return cls(make_id("t", kind, source, text, *_turns(prompt)), text, source, kind, prompt)


def raw_texts(store: GraphStore, whole_documents: bool = False) -> tuple[TrainingText, ...]:
    """The chunks of a store as training texts, or its documents.

    Args:
        store: Documents and chunks.
        whole_documents: True makes one text of each document, False one of each chunk.
    Returns:
        Texts in the order of the documents' sources, then of the chunks' positions.
    """
    documents = sorted(store.read(Document), key=lambda document: (document.source, document.id))
    if whole_documents:
        return tuple(
            TrainingText.of(_with_heading(document, document.text), document.id)
            for document in documents
            if document.text.strip()
        )
    chunks: dict[str, list[Chunk]] = {}
    for chunk in store.read(Chunk):
        chunks.setdefault(chunk.document_id, []).append(chunk)
    return tuple(
        TrainingText.of(_with_heading(document, chunk.text), chunk.id)
        for document in documents
        for chunk in sorted(chunks.get(document.id, []), key=lambda chunk: chunk.position)
        if chunk.text.strip()
    )


def texts_to_rewrite(store: GraphStore, whole_documents: bool = False) -> tuple[TrainingText, ...]:
    """The raw texts, but the chunks of documents that are too long to be rewritten in one go."""
    texts = raw_texts(store, whole_documents)
    long = {text.source for text in texts if len(text.text) > LONGEST} if whole_documents else set()
    if not long:
        return texts
    document_of = {chunk.id: chunk.document_id for chunk in store.read(Chunk)}
    parts = [text for text in raw_texts(store) if document_of.get(text.source) in long]
    return (*(text for text in texts if text.source not in long), *parts)


def texts_digest(texts: Sequence[TrainingText]) -> str:
    """Digest of a training set: its texts, in their order.

    Example:
        >>> one, two = TrainingText.of("a", "c:1"), TrainingText.of("b", "c:1")
        >>> texts_digest([one, two]) == texts_digest([two, one])
        False
    """
    return digest([_digest_parts(text) for text in texts])


def _digest_parts(text: TrainingText) -> list[object]:
    return [text.kind, text.source, text.text, *_turns(text.prompt)]


def _turns(prompt: Sequence[Message]) -> list[list[tuple[str, str]]]:
    """A prompt as a list of one list; none is an empty list, so that texts without one keep their digests and ids."""
    if not prompt:
        return []
    return [[(message.role, message.content) for message in prompt]]


def _with_heading(document: Document, text: str) -> str:
    """Title and date in front; only the date where the text opens with the title itself."""
    body = text.strip()
    title = document.title.strip()
    # A Markdown document often opens with its title as a heading.
    if title and body.lstrip("# ").startswith(title):
        return f"{document.date}\n\n{body}" if document.date else body
    heading = f"{title} ({document.date})" if title and document.date else title or document.date
    return f"{heading}\n\n{body}" if heading else body
