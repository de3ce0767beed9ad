"""`graft models`: which models and weights there are, and downloading weights ahead of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.options import OrderedGroup, json_option, progress_option
from app.output import print_json, print_table
from models.errors import ConfigError

if TYPE_CHECKING:
    from models.runtime.progress import Progress


@click.group(cls=OrderedGroup)
def models() -> None:
    """List models and download their weights.

    A model is a YAML file in configs/models: a backend, and the weights or the server model that it runs. Weights are
    also downloaded when they are first used; pulling them ahead of time is for machines without a network.

    \b
    Examples:
      graft models ls
      graft models pull smollm2-135m-instruct all-minilm-l6-v2
    """


@models.command("ls")
@json_option
def list_models(as_json: bool) -> None:
    """List the pinned weights and the models that use them.

    The first table says which weights are on this machine; the second names what --model, --base and --encoder accept.

    \b
    Examples:
      graft models ls --json
    """
    from models.config import known_models
    from models.weights.resolve import is_present, pinned_weights

    weights = [
        {"name": entry.name, "upstream": entry.upstream, "licence": entry.licence, "present": is_present(entry.name)}
        for entry in pinned_weights()
    ]
    configurations = [_configuration(name) for name in known_models()]
    if as_json:
        print_json({"weights": weights, "models": configurations})
        return
    rows = []
    for entry in weights:
        present = "yes" if entry["present"] else "no"
        rows.append([str(entry["name"]), str(entry["upstream"]), str(entry["licence"]), present])
    print_table(["weights", "origin", "licence", "on this machine"], rows)
    rows = [[model["name"], model["backend"], model["runs"]] for model in configurations]
    print_table(["model", "backend", "weights or server model"], rows)


def _configuration(name: str) -> dict[str, str]:
    """A model configuration in three words; one that lacks settings, such as an API key, says so instead."""
    from models.config import load_model

    try:
        config = load_model(name)
    except ConfigError as error:
        return {"name": name, "backend": "-", "runs": str(error)}
    runs = getattr(config, "weights", "") or getattr(config, "model", "")
    return {"name": name, "backend": config.backend, "runs": runs}


def _weights_of(name: str) -> str:
    """The weights that a model runs; a name of weights as it is."""
    from models.config import known_models, load_model

    if name not in known_models():
        return name
    weights = getattr(load_model(name), "weights", None)
    if weights is None:
        raise ConfigError(f"The model {name} runs on a server and has no weights to pull. Name a local model.")
    return str(weights)


@models.command()
@click.argument("names", nargs=-1, required=True)
@json_option
@progress_option
def pull(names: tuple[str, ...], as_json: bool, progress: Progress) -> None:
    """Download weights and check their digests.

    Each of NAMES is the name of weights or of a model that runs them. GGUF files for transformers are converted once.
    Weights that are present already are only checked.

    \b
    Examples:
      graft models pull smollm2-135m-instruct
      graft models pull qwen-1.5b minilm
    """
    from models.weights.resolve import resolve

    pulled = []
    for name in names:
        weights = resolve(_weights_of(name), progress)
        path = str(weights.folder or weights.gguf)
        pulled.append({"name": name, "digest": weights.digest, "licence": weights.licence, "path": path})
    if as_json:
        print_json({"weights": pulled})
    else:
        rows = [[weights["name"], weights["licence"], weights["path"]] for weights in pulled]
        print_table(["weights", "licence", "path"], rows)
