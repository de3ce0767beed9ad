"""A student extractor: an adapter that learns a workspace's extractions, so that a small model extracts as a large one.

The prompt of an example is the one by which `kg.extraction.chat` calls a model that was trained for extraction, its
answer are the facts that were accepted in that input; what was refused is not taught. The teacher is not called: its
extractions are in the store. Beside the adapter stands the YAML file by which the student is named like any model.

    train_extractor(workspace, "smollm2-135m", extractor_config(), "extractor")

Source: Kim and Rush, Sequence-Level Knowledge Distillation, EMNLP 2016.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from kg.extraction.chat import TRAINED_FORM, prompt_fields
from kg.extraction.examples import extraction_prompt, format_facts
from kg.extraction.proposals import DENSITY, Proposal, line_pattern, max_lines
from kg.extraction.protocol import ExtractionInput, extraction_inputs
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
"""An example is an input with its reply, some 400 tokens; three epochs of 300 inputs take an hour on two cores."""


def extractor_texts(workspace: Workspace) -> tuple[TrainingText, ...]:
    """One example for every extraction input that holds facts, in the order of the documents.

    Raises:
        InputError: There is none.
    """
    store, sentences = workspace.store, RuleSentences()
    prompt = extraction_prompt(TRAINED_FORM)
    extractions = {extraction.chunk_id: extraction for extraction in store.read(Extraction)}
    documents = sorted(store.read(Document), key=lambda document: (document.source, document.id))
    texts = []
    for source in extraction_inputs(documents, list(store.read(Chunk)), workspace.config.extract_tokens or 0):
        lines = _reply_lines(source, extractions)
        if lines:
            spans = [(chunk, span) for chunk in source.chunks for span in sentences.split(chunk.text)]
            messages = prompt.fill(prompt_fields(source, spans))
            text = json.dumps({"facts": lines}, ensure_ascii=False, separators=(",", ":"))
            texts.append(TrainingText.of(text, source.id, "extraction", messages))
    if not texts:
        raise InputError(
            f"Expected chunks with facts to learn from, but the workspace {workspace.path} has none: index documents "
            "with the extractor that is to be the teacher first."
        )
    return tuple(texts)


def _reply_lines(source: ExtractionInput, extractions: dict[str, Extraction]) -> list[str]:
    """The lines that the student should write: facts in the order of their extraction, as many as the schema allows."""
    # A dictionary keeps the order and drops what two chunks of one input both state.
    facts = dict.fromkeys(
        Proposal(triple.subject, triple.predicate, triple.object)
        for chunk in source.chunks
        if chunk.id in extractions
        for triple in extractions[chunk.id].triples
    )
    # The student will write under this schema: a line that it forbids, a very long name perhaps, must not be taught.
    pattern = re.compile(line_pattern(TRAINED_FORM.style))
    allowed = [fact for fact in facts if _fits(fact, pattern)]
    lines = format_facts(allowed, TRAINED_FORM.style)
    return lines[: max_lines(source.tokens, DENSITY[TRAINED_FORM.style])]


def _fits(fact: Proposal, pattern: re.Pattern[str]) -> bool:
    return all(map(pattern.fullmatch, format_facts([fact], TRAINED_FORM.style)))


def train_extractor(
    workspace: Workspace, base: str, config: TrainConfig, name: str, progress: Progress = SILENT
) -> Path:
    """Train the student of a workspace's extractor.

    Args:
        workspace: An indexed workspace.
        base: Name of a model configuration of the transformers backend.
        config: Settings.
        name: Name of the adapter's folder in the workspace, and of the YAML file beside it.
        progress: Progress callback, of tokens and losses.
    Returns:
        The YAML file, which every option that names an extractor takes.
    Raises:
        InputError: The workspace holds nothing to learn from.
        ConfigError: See `training.train.train`.
    """
    folder = adapter_folder(workspace.adapters_dir, name)
    # Checked before training, which takes an hour: a base that cannot be trained is refused at once.
    settings = _settings(base_config(base), config) | {"adapter": name, "trained_for": "extraction"}
    train(base, extractor_texts(workspace), config, folder, progress)
    file = extractor_file(folder)
    replace_text(file, yaml.safe_dump(settings, sort_keys=False))
    return file


def extractor_file(folder: Path) -> Path:
    """The YAML file of the student whose adapter is in a folder."""
    return folder.with_name(f"{folder.name}.yaml")


def _settings(model: TransformersModel, config: TrainConfig) -> dict[str, Any]:
    """The student's base, on llama.cpp where that can load it: it keeps replies to their schema, and is fast."""
    weights = resolve(model.weights)
    kept = model.model_dump(mode="json", exclude_defaults=True)
    # llama.cpp takes plain LoRA on architectures whose converter is known; anything else stays with transformers.
    if weights.gguf is None or config.method != "lora" or not is_known(weights):
        return {"backend": model.backend, **kept}
    return {"backend": "llamacpp", **{name: kept[name] for name in ("weights", "price") if name in kept}}
