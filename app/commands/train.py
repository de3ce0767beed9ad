"""`graft train`: adapters of three kinds, trained on a knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import (
    base_option,
    config_option,
    encoder_option,
    json_option,
    learning_options,
    model_option,
    progress_option,
    refuse_options,
    seed_option,
    spending_options,
    workspace_option,
)
from app.output import print_json

if TYPE_CHECKING:
    from app.opening import Spending
    from models.runtime.progress import Progress
    from training.config import TrainConfig


@click.group(invoke_without_command=True)
@workspace_option
@base_option("Language model to train the adapter for.")
@click.option(
    "--name", metavar="NAME", show_default="the name of the base model", help="Name of the adapter and its folder."
)
@config_option("training settings")
@learning_options(epochs=6, rank=32, rate="0.001")
@click.option(
    "--paraphrases",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="0",
    help="Number of paraphrases of each passage to train on as well; a chat model writes them.",
)
@seed_option("the adapter's initial weights and the order of passages")
@click.option(
    "--probe",
    "probed",
    is_flag=True,
    help="Also evaluate what the adapter learnt: loss on the passages and accuracy at completing names.",
)
@spending_options()
@json_option
@click.pass_context
def train(
    context: click.Context,
    /,
    workspace: str | None,
    base: str,
    name: str | None,
    config_file: Path | None,
    probed: bool,
    spending: Spending,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Train a LoRA adapter on a knowledge base.

    Without a subcommand, a language model is trained on the passages, so that it answers from memory. The adapter is
    written to the workspace in PEFT's format. If the command is stopped, run it again: it resumes from its last
    checkpoint.

    \b
    Examples:
      graft train --workspace kb --epochs 6 --paraphrases 2
      graft train extractor kb        a small model that extracts facts
      graft train hops kb             an encoder that follows facts between passages
    """
    if context.invoked_subcommand is not None:
        refuse_options(context)
        return
    from app.api import probe
    from app.api import train as train_adapter
    from training.config import TrainConfig

    config = _train_config(TrainConfig(), config_file, overrides)
    folder = train_adapter(workspace, base=base, config=config, name=name, spending=spending)
    manifest = _manifest(folder)
    learnt: dict[str, float] = {}
    lines = [
        f"Adapter: {folder} ({manifest['steps']:,} steps, {manifest['tokens']:,} tokens, {manifest['seconds']:.0f} s)"
    ]
    if probed:
        losses, cloze = probe(workspace, folder, base, spending.progress)
        learnt = {"loss_base": losses.loss_base, "loss_adapter": losses.loss_adapter}
        lines.append(
            f"Loss on the passages (nats per token): {losses.loss_base:.2f} without the adapter, "
            f"{losses.loss_adapter:.2f} with it"
        )
        if cloze:
            learnt |= {"cloze_items": cloze.items, "cloze_base": cloze.base, "cloze_adapter": cloze.adapter}
            lines.append(
                f"Right name of four in {cloze.items:,} sentences: {cloze.base:.1%} without the adapter, "
                f"{cloze.adapter:.1%} with it"
            )
    if as_json:
        print_json({"adapter": str(folder), **learnt, **manifest})
    else:
        click.echo("\n".join(lines))


@train.command()
@click.argument("workspace", type=click.Path(path_type=Path))
@base_option("Language model to train the adapter for.")
@click.option("--name", default="extractor", show_default=True, metavar="NAME", help="Name of the adapter's folder.")
@config_option("training settings")
@learning_options(epochs=3, rank=16, rate="0.001")
@seed_option("the adapter's initial weights and the order of passages")
@json_option
@progress_option
def extractor(
    workspace: Path,
    base: str,
    name: str,
    config_file: Path | None,
    as_json: bool,
    progress: Progress,
    **overrides: Any,
) -> None:
    """Train a small model to extract facts as a large one did.

    The examples are the passages of WORKSPACE with the facts that its extractor found in them. The command prints the
    file to name with --extractor when other documents are indexed. No model is called.

    \b
    Examples:
      graft train extractor kb
      graft index more/ --workspace kb2 --extractor kb/adapters/extractor.yaml
    """
    from app.api import train_extractor
    from training.extractor import DEFAULTS

    config = _train_config(DEFAULTS, config_file, overrides)
    file = train_extractor(workspace, base=base, config=config, name=name, progress=progress)
    manifest = _manifest(file.with_name(file.name.removesuffix(".yaml")))
    if as_json:
        print_json({"extractor": str(file), **manifest})
        return
    passages = sum(manifest["texts"].values()) - manifest["left_out"]
    click.echo(f"Extractor: {file} ({passages:,} passages, {manifest['steps']:,} steps, {manifest['seconds']:.0f} s)")
    if left_out := manifest["left_out"]:
        length = manifest["config"]["sequence_length"]
        click.echo(
            f"{left_out:,} passages were left out: with their facts they are longer than sequence_length, "
            f"{length:,} tokens."
        )


@train.command()
@click.argument("workspace", type=click.Path(path_type=Path), required=False)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with corpus.jsonl and hops.jsonl, questions with their passages in order; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    show_default="the workspace's own",
    help="Folder of the adapter.",
)
@encoder_option("Embedding model to train without a WORKSPACE; with one, the workspace's own is trained.")
@model_option("Chat model that writes questions about the paths of the graph.")
@click.option(
    "--paths",
    type=click.IntRange(min=1),
    default=400,
    show_default=True,
    metavar="N",
    help="Maximum number of paths to write questions about.",
)
@click.option(
    "--from-scratch", is_flag=True, help="Start from an untrained adapter, not from the one that is there already."
)
@learning_options(epochs=3, rate="0.001, or 0.0002 for an existing adapter")
@seed_option("the adapter's initial weights and the order of questions")
@spending_options(retry="never")
@json_option
def hops(
    workspace: Path | None,
    datasets: tuple[Path, ...],
    out: Path | None,
    encoder: str,
    model: str,
    paths: int,
    spending: Spending,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Train the encoder that follows facts between passages.

    The retriever `graph` uses this encoder's adapter to get from a question to a first passage, and from there to the
    next. With WORKSPACE, a chat model writes questions about paths of its graph, and training continues from the
    adapter that comes with the encoder. With --dataset, training uses questions of your own: in addition to these, or
    alone if there is no WORKSPACE.

    \b
    Examples:
      graft train hops kb
      graft train hops --dataset hotpot_train --dataset twowiki_train --out adapters/my-hops
    """
    from app.api import train_hops
    from training.config import HopConfig

    config = HopConfig(**{name: value for name, value in overrides.items() if value is not None})
    folder = train_hops(
        workspace,
        datasets=datasets,
        out=out,
        encoder=encoder,
        model=model,
        paths=paths,
        config=config,
        spending=spending,
    )
    manifest = _manifest(folder)
    if as_json:
        print_json({"adapter": str(folder), **manifest})
    else:
        examples = sum(manifest["texts"].values())
        click.echo(
            f"Adapter: {folder} ({examples:,} examples, {manifest['steps']:,} steps, {manifest['seconds']:.0f} s)"
        )


def _train_config(defaults: TrainConfig, file: Path | None, overrides: dict[str, Any]) -> TrainConfig:
    """The settings of a command: those on the command line, else the file's, else the defaults.

    Raises:
        ConfigError: The file or a setting cannot be used.
    """
    from training.config import load_config, parse_config

    settings = load_config(file).model_dump(exclude_unset=True) if file else {}
    settings |= {name: value for name, value in overrides.items() if value is not None}
    return parse_config({**defaults.model_dump(), **settings}, str(file or "the options"))


def _manifest(folder: Path) -> dict[str, Any]:
    """What a run of training recorded beside its adapter, for printing."""
    from training.runs.adapter import read_manifest

    return read_manifest(folder).model_dump(mode="json", exclude={"sources", "erased"})
