"""`graft models`: which weights and model configurations there are, and fetching them ahead of time."""

from __future__ import annotations

import click

from app.options import json_option, print_json, print_table, quiet_option
from models.errors import ConfigError


@click.group(short_help="List and pull model weights.")
def models() -> None:
    """List model configurations and pull their weights.

    \b
    graft models list
    graft models pull smollm2-135m-instruct all-minilm-l6-v2
    """


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """Show the pinned weights and the model configurations that use them.

    \b
    graft models list --json
    """
    from models.config import known_models
    from models.weights.resolve import is_present, known

    weights = [
        {"name": entry.name, "upstream": entry.upstream, "licence": entry.licence, "present": is_present(entry.name)}
        for entry in known()
    ]
    configurations = [_configuration(name) for name in known_models()]
    if as_json:
        print_json({"weights": weights, "models": configurations})
        return
    print_table(
        ["weights", "upstream", "licence", "here"],
        [[str(w["name"]), str(w["upstream"]), str(w["licence"]), "yes" if w["present"] else "no"] for w in weights],
    )
    print_table(["model", "backend", "runs"], [[c["name"], c["backend"], c["runs"]] for c in configurations])


def _configuration(name: str) -> dict[str, str]:
    """A model configuration in three words; one that needs settings which are not there says so."""
    from models.config import load_model

    try:
        config = load_model(name)
    except ConfigError as error:
        return {"name": name, "backend": "-", "runs": str(error)}
    runs = getattr(config, "weights", "") or getattr(config, "model", "")
    return {"name": name, "backend": config.backend, "runs": runs}


def _weights_of(name: str) -> str:
    """The weights that a model runs on; a name of weights as it is."""
    from models.config import known_models, load_model

    if name not in known_models():
        return name
    weights = getattr(load_model(name), "weights", None)
    if weights is None:
        raise ConfigError(f"The model {name} runs on a server: it has no weights to pull.")
    return str(weights)


@models.command()
@click.argument("names", nargs=-1, required=True)
@json_option
@quiet_option
def pull(names: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Fetch weights by their name or a model's, check their digests, convert GGUF once.

    \b
    graft models pull smollm2-135m-instruct
    graft models pull qwen-1.5b minilm
    """
    from app.progress import open_progress
    from models.weights.resolve import resolve

    progress = open_progress(quiet)
    rows = []
    for name in names:
        found = resolve(_weights_of(name), progress)
        where = found.folder or found.gguf
        rows.append({"name": name, "digest": found.digest, "licence": found.licence, "path": str(where)})
    if as_json:
        print_json({"weights": rows})
    else:
        print_table(["weights", "licence", "path"], [[r["name"], r["licence"], r["path"]] for r in rows])
