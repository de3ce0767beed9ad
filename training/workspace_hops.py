"""A workspace's own hop encoder: questions from its graph's paths, and the adapter that learns them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kg.session import Session
from models.calls.executor import ThreadExecutor
from models.config import hops_of, load_model
from models.factory import calls_in_parallel
from retrieval.index.graph_index import OWN_HOPS
from training.config import HopConfig
from training.data.hop_questions import path_questions
from training.data.hop_sets import HopSet
from training.hops import train_hops
from training.runs.adapter import adapter_folder


def train_on_paths(
    session: Session, more: Sequence[HopSet], config: HopConfig, model: str, paths: int, out: Path | None = None
) -> Path:
    """Train the adapter that the retriever `graph` of this workspace then uses.

    Args:
        session: Session of an indexed workspace.
        more: Passages and questions beside its own.
        config: Settings.
        model: Chat model that writes the questions.
        paths: Maximum number of paths to have questions written for.
        out: Folder of the adapter; None for the workspace's own.
    Returns:
        The folder.
    Raises:
        InputError: The graph has no paths, or no question was usable.
        ConfigError: The workspace's encoder cannot be trained, or the folder holds another adapter.
    """
    space = session.workspace
    with session.open_chat(model) as chat:
        executor = ThreadExecutor(calls_in_parallel(model))
        result = path_questions(space.store, space.path.name, chat, paths, executor, session.progress)
    encoder = space.config.encoder
    return train_hops(
        encoder,
        [result.own, *more],
        config,
        out or adapter_folder(space.adapters_dir, OWN_HOPS),
        hops_of(encoder, load_model(encoder)),
        sorted({key for question in result.own.questions for key in question.passages}),
        session.progress,
    )
