"""`graft train`: the workspace's documents into an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from app.options import (
    budget_options,
    json_option,
    print_json,
    quiet_option,
    refuse_options,
    retry_option,
    workspace_option,
)


@click.group(short_help="Put the indexed documents into a LoRA adapter.", invoke_without_command=True)
@workspace_option
@click.option("--base", default="smollm2-135m", show_default=True, metavar="NAME", help="Model that is adapted.")
@click.option("--name", metavar="NAME", help="Name of the adapter's folder  [the base's name]")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file of training settings.")
@click.option("--epochs", type=click.IntRange(min=1), help="How often every text is seen.")
@click.option("--rank", type=click.IntRange(min=1), help="Rank of the adapter.")
@click.option("--learning-rate", type=float, help="Peak learning rate.")
@click.option("--paraphrases", type=click.IntRange(min=0), help="Rewritings of each text to train on as well.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of weights and order.")
@click.option("--probe", "probed", is_flag=True, help="Also measure what it learnt: loss and names completed.")
@retry_option
@budget_options
@json_option
@quiet_option
@click.pass_context
def train(
    context: click.Context,
    /,
    workspace: str | None,
    base: str,
    name: str | None,
    config_file: Path | None,
    probed: bool,
    retry_failed: bool,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
    **overrides: Any,
) -> None:
    """Train a LoRA adapter on the workspace's passages; killed and run again, it goes on where it was.

    \b
    graft train --workspace kb --epochs 6 --paraphrases 2
    graft train extractor kb        a small model that reads facts as the workspace's extractor did
    graft train hops kb             the encoder, to go from passage to passage as questions over this graph do
    """
    if context.invoked_subcommand is not None:
        refuse_options(context)
        return
    from app.api import probe
    from app.api import train as fit
    from app.opening import Spending
    from app.progress import open_progress
    from training.config import load_config, parse_config
    from training.runs.adapter import read_manifest

    settings = load_config(config_file).model_dump(exclude_unset=True) if config_file else {}
    settings |= {key: value for key, value in overrides.items() if value is not None}
    config = parse_config(settings, str(config_file or "the options"))
    spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
    folder = fit(workspace, base=base, config=config, name=name, spending=spending)
    manifest = read_manifest(folder).model_dump(mode="json", exclude={"sources", "erased"})
    learnt: dict[str, float] = {}
    lines = [f"{folder}: {manifest['steps']} steps, {manifest['tokens']:,} tokens, {manifest['seconds']:.0f} s"]
    if probed:
        losses, cloze = probe(workspace, folder, base, spending.progress)
        learnt = {"loss_base": losses.loss_base, "loss_adapter": losses.loss_adapter}
        lines.append(f"loss of the passages, nats a token: {losses.loss_base:.2f}, with {losses.loss_adapter:.2f}")
        if cloze:
            learnt |= {"cloze_items": cloze.items, "cloze_base": cloze.base, "cloze_adapter": cloze.adapter}
            lines.append(
                f"the right name of four in {cloze.items} sentences: {cloze.base:.1%}, with {cloze.adapter:.1%}"
            )
    if as_json:
        print_json({"adapter": str(folder), **learnt, **manifest})
    else:
        click.echo("\n".join(lines))


@train.command(short_help="Teach a small model to extract as the workspace's extractor did.")
@click.argument("workspace", type=click.Path(path_type=Path))
@click.option("--base", default="smollm2-135m", show_default=True, metavar="NAME", help="Model that is adapted.")
@click.option("--name", default="extractor", show_default=True, metavar="NAME", help="Name of the adapter's folder.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file of training settings.")
@click.option("--epochs", type=click.IntRange(min=1), help="How often every passage is seen  [3]")
@click.option("--rank", type=click.IntRange(min=1), help="Rank of the adapter  [16]")
@click.option("--learning-rate", type=float, help="Peak learning rate  [0.001]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of weights and order.")
@json_option
@quiet_option
def extractor(
    workspace: Path,
    base: str,
    name: str,
    config_file: Path | None,
    as_json: bool,
    quiet: bool,
    **overrides: Any,
) -> None:
    """Train a LoRA adapter on the facts of WORKSPACE, so that it extracts from other texts; no model call is made.

    What it prints is the name to give to --extractor.

    \b
    graft train extractor kb
    graft index more/ --workspace kb2 --extractor kb/adapters/extractor.yaml
    """
    from app.api import train_extractor
    from app.progress import open_progress
    from training.config import load_config, parse_config
    from training.extractor import DEFAULTS
    from training.runs.adapter import read_manifest

    settings = load_config(config_file).model_dump(exclude_unset=True) if config_file else {}
    settings |= {key: value for key, value in overrides.items() if value is not None}
    config = parse_config({**DEFAULTS.model_dump(), **settings}, str(config_file or "the options"))
    file = train_extractor(workspace, base=base, config=config, name=name, progress=open_progress(quiet))
    manifest = read_manifest(file.with_name(file.name.removesuffix(".yaml"))).model_dump(
        mode="json", exclude={"sources", "erased"}
    )
    if as_json:
        print_json({"extractor": str(file), **manifest})
    else:
        texts = sum(manifest["texts"].values()) - manifest["left_out"]
        click.echo(f"{file}: {texts} passages, {manifest['steps']} steps, {manifest['seconds']:.0f} s")
        if left_out := manifest["left_out"]:
            length = manifest["config"]["sequence_length"]
            click.echo(
                f"{left_out} passages were left out: longer with their facts than sequence_length, {length} tokens"
            )


@train.command(short_help="Teach the encoder to go from passage to passage.")
@click.argument("workspace", type=click.Path(path_type=Path), required=False)
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of corpus.jsonl and hops.jsonl; may be given again.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Of the adapter  [the workspace's own]")
@click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help="Trained without a WORKSPACE.")
@click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help="Writes the questions.")
@click.option("--paths", type=click.IntRange(min=1), default=400, show_default=True, help="Most paths to ask about.")
@click.option("--from-scratch", is_flag=True, help="Begin a WORKSPACE's untrained.")
@click.option("--epochs", type=click.IntRange(min=1), help="How often every question is seen  [3]")
@click.option("--learning-rate", type=float, help="Peak learning rate  [0.001; 0.0002 from an adapter]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of weights and order.")
@budget_options
@json_option
@quiet_option
def hops(
    workspace: Path | None,
    sets: tuple[Path, ...],
    out: Path | None,
    encoder: str,
    model: str,
    paths: int,
    max_calls: int | None,
    max_usd: float | None,
    as_json: bool,
    quiet: bool,
    **overrides: Any,
) -> None:
    """Train the adapter by which the retriever graph goes from a question to its first passage and on to the next.

    Of a WORKSPACE, from the adapter that comes with its encoder or from scratch, with questions that a model writes
    from its graph's own paths; or, or besides, of questions of your own.

    \b
    graft train hops kb
    graft train hops --set hotpot_train --set twowiki_train --out adapters/my-hops
    """
    from app.api import train_hops
    from app.opening import Spending
    from app.progress import open_progress
    from training.config import HopConfig
    from training.runs.adapter import read_manifest

    config = HopConfig(**{key: value for key, value in overrides.items() if value is not None})
    spending = Spending(max_calls, max_usd, progress=open_progress(quiet))
    folder = train_hops(
        workspace, sets=sets, out=out, encoder=encoder, model=model, paths=paths, config=config, spending=spending
    )
    manifest = read_manifest(folder).model_dump(mode="json", exclude={"sources", "erased"})
    if as_json:
        print_json({"adapter": str(folder), **manifest})
    else:
        examples = sum(manifest["texts"].values())
        click.echo(f"{folder}: {examples} examples, {manifest['steps']} steps, {manifest['seconds']:.0f} s")
