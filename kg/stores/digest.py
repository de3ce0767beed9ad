"""The digest of a store's content, the same for the same rows whatever holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from kg.rulings import standing_rulings
from kg.schema import CONTENT, Row, Ruling
from kg.stores.protocol import GraphStore
from kg.stores.rows import plain
from models.files.digest import canonical_json


def digest_rows(store: GraphStore) -> str:
    """Digest over all content, kind by kind, sorted by id; 32 hex digits.

    Notes that a model wrote on demand do not count, nor do rulings that are undone: they decide nothing. The name of
    each kind comes before its rows, so that a row can never pass for one of another kind.
    """
    hasher = hashlib.blake2b(digest_size=16)
    for kind in CONTENT:
        hasher.update(f"{kind.__name__}\n".encode())
        rows: Iterable[Row] = standing_rulings(store.read(Ruling)) if kind is Ruling else store.read(kind)
        for row in rows:
            hasher.update(canonical_json(plain(row)).encode())
            hasher.update(b"\n")
    return hasher.hexdigest()
