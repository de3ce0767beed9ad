"""What an adapter is trained on: texts, each of which says where it came from.

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
"""Characters of a text that a small model still rewrites in one go; a longer document is rewritten chunk by chunk."""


@dataclass(frozen=True, slots=True)
class TrainingText:
    """One text to train on.

    Attributes:
        id: From kind, source and text.
        text: The text.
        source: Id of the chunk or document it tells of.
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
        """A text with the id that its content gives.

        Example:
            >>> TrainingText.of("Water is wet.", "c:1").kind
            'raw'
        """
        return cls(make_id("t", kind, source, text, *_asked(prompt)), text, source, kind, prompt)


def raw_texts(store: GraphStore, whole_documents: bool = False) -> tuple[TrainingText, ...]:
    """The chunks of a store as training texts, or its documents.

    Args:
        store: Where documents and chunks are.
        whole_documents: True gives one text a document, False one a chunk.
    Returns:
        Texts in the order of the documents' sources, then of the chunks' positions.
    """
    documents = sorted(store.read(Document), key=lambda document: (document.source, document.id))
    if whole_documents:
        return tuple(TrainingText.of(_headed(each, each.text), each.id) for each in documents if each.text.strip())
    chunks: dict[str, list[Chunk]] = {}
    for chunk in store.read(Chunk):
        chunks.setdefault(chunk.document_id, []).append(chunk)
    return tuple(
        TrainingText.of(_headed(document, chunk.text), chunk.id)
        for document in documents
        for chunk in sorted(chunks.get(document.id, []), key=lambda chunk: chunk.position)
        if chunk.text.strip()
    )


def texts_to_rewrite(store: GraphStore, whole_documents: bool = False) -> tuple[TrainingText, ...]:
    """The raw texts, but the chunks of documents that are too long to be rewritten in one go."""
    texts = raw_texts(store, whole_documents)
    long = {text.source for text in texts if len(text.text) > LONGEST} if whole_documents else set()
    owner = {chunk.id: chunk.document_id for chunk in store.read(Chunk)} if long else {}
    parts = [text for text in raw_texts(store) if owner.get(text.source) in long] if long else []
    return (*(text for text in texts if text.source not in long), *parts)


def texts_digest(texts: Sequence[TrainingText]) -> str:
    """Digest of a training set: its texts, in their order.

    Example:
        >>> one, two = TrainingText.of("a", "c:1"), TrainingText.of("b", "c:1")
        >>> texts_digest([one, two]) == texts_digest([two, one])
        False
    """
    return digest([[each.kind, each.source, each.text, *_asked(each.prompt)] for each in texts])


def _asked(prompt: Sequence[Message]) -> list[list[tuple[str, str]]]:
    return [[(message.role, message.content) for message in prompt]] if prompt else []


def _headed(document: Document, text: str) -> str:
    """Title and date in front; only the date where the text opens with the title itself."""
    body = text.strip()
    title = document.title.strip()
    if title and body.lstrip("# ").startswith(title):
        return f"{document.date}\n\n{body}" if document.date else body
    head = f"{title} ({document.date})" if title and document.date else title or document.date
    return f"{head}\n\n{body}" if head else body
