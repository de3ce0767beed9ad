"""A student extractor: an adapter that learns a workspace's extractions, so that a small model reads as a large did.

An example asks what `kg.extraction.chat` asks a model that was trained for extraction, and answers with the facts that
stood up in that passage; what was refused is not taught. Nothing is asked of the teacher: its readings lie in the
store. Beside the adapter stands the YAML file by which the student is called like any model.

    train_extractor(workspace, "smollm2-135m", extractor_config(), "extractor")

Source: Kim and Rush, Sequence-Level Knowledge Distillation, EMNLP 2016.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kg.extraction.chat import TRAINED, shown
from kg.extraction.examples import extraction_prompt, written
from kg.extraction.proposals import Proposal, answer_schema
from kg.extraction.protocol import Passage, passages_of
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Document, Extraction
from kg.workspace import Workspace
from models.config import TransformersModel
from models.errors import InputError
from models.files.atomic import replace_text
from models.runtime.progress import SILENT, Progress
from models.servers.lora_gguf import is_known
from models.weights.resolve import resolve
from training.config import TrainConfig
from training.data.texts import TrainingText
from training.runs.adapter import adapter_folder
from training.runs.request import base_config
from training.train import train

DEFAULTS = TrainConfig(rank=16, learning_rate=1e-3, epochs=3, sequence_length=768)
"""An example is a passage and its answer, some 400 tokens; three epochs of 300 passages take an hour on two cores."""


def extractor_texts(workspace: Workspace) -> tuple[TrainingText, ...]:
    """One example for every passage that was read and holds facts, in the order of the documents.

    Raises:
        InputError: There is none.
    """
    store, sentences = workspace.store, RuleSentences()
    prompt = extraction_prompt(TRAINED)
    readings = {row.chunk_id: row for row in store.read(Extraction)}
    documents = sorted(store.read(Document), key=lambda document: (document.source, document.id))
    texts = []
    for passage in passages_of(documents, list(store.read(Chunk)), workspace.config.extract_tokens or 0):
        answer = _answer(passage, readings)
        if answer:
            spans = [(chunk, span) for chunk in passage.chunks for span in sentences.split(chunk.text)]
            question = prompt.fill(shown(passage, spans))
            text = json.dumps({"facts": answer}, ensure_ascii=False, separators=(",", ":"))
            texts.append(TrainingText.of(text, passage.id, "extraction", question))
    if not texts:
        raise InputError(
            f"The workspace {workspace.path} holds no passage with facts to learn from: index documents with the "
            "extractor that is to be the teacher first."
        )
    return tuple(texts)


def _answer(passage: Passage, readings: dict[str, Extraction]) -> list[str]:
    """The lines that the student should write: facts in the order of reading, as many as the schema lets it."""
    facts = dict.fromkeys(
        Proposal(triple.subject, triple.predicate, triple.object)
        for chunk in passage.chunks
        if chunk.id in readings
        for triple in readings[chunk.id].triples
    )
    rule = answer_schema(TRAINED.style, passage.tokens)["properties"]["facts"]
    fits = [fact for fact in facts if all(re.fullmatch(rule["items"]["pattern"][1:-1], each) for each in _alone(fact))]
    return written(fits, TRAINED.style)[: rule["maxItems"]]


def _alone(fact: Proposal) -> Iterator[str]:
    yield from written([fact], TRAINED.style)


def train_extractor(
    workspace: Workspace, base: str, config: TrainConfig, name: str, progress: Progress = SILENT
) -> Path:
    """Train the student of a workspace's extractor.

    Args:
        workspace: Indexed.
        base: Name of a model configuration of the transformers backend.
        config: Settings.
        name: Of the adapter's folder in the workspace, and of the YAML file beside it.
        progress: Told of tokens and losses.
    Returns:
        The YAML file, which every option that names an extractor takes.
    Raises:
        InputError: The workspace holds nothing to learn from.
        ConfigError: As of `training.train.train`.
    """
    folder = adapter_folder(workspace.adapters_dir, name)
    settings = _settings(base_config(base), config) | {"adapter": name, "trained_for": "extraction"}
    train(base, extractor_texts(workspace), config, folder, progress)
    file = extractor_file(folder)
    replace_text(file, yaml.safe_dump(settings, sort_keys=False))
    return file


def extractor_file(folder: Path) -> Path:
    """The YAML file of the student whose adapter is in a folder."""
    return folder.with_name(f"{folder.name}.yaml")


def _settings(model: TransformersModel, config: TrainConfig) -> dict[str, Any]:
    """The student's base, on llama.cpp where that takes it: it holds answers to their form, and is fast."""
    weights = resolve(model.weights)
    kept = model.model_dump(mode="json", exclude_defaults=True)
    if weights.gguf is None or config.method != "lora" or not is_known(weights):
        return {"backend": model.backend, **kept}
    return {"backend": "llamacpp", **{name: kept[name] for name in ("weights", "price") if name in kept}}
