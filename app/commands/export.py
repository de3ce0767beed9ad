"""`graft export`: the graph as a file for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from app.options import json_option, workspace_option
from app.output import print_json
from models.errors import ConfigError


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@workspace_option
@click.option(
    "--format",
    "export_format",
    metavar="NAME",
    show_default="by the suffix of PATH; graphml without one",
    help="Format of the export: graphml, jsonl, cypher or csv.",
)
@json_option
def export(path: Path, workspace: str | None, export_format: str | None, as_json: bool) -> None:
    """Write the graph to a file: GraphML, JSON lines, Cypher or CSV.

    PATH is the file to write; an existing one is replaced. The format cypher gives a script that a running Neo4j
    executes. The format csv makes PATH a new folder for `neo4j-admin database import`; the command to run is in its
    import.txt.

    \b
    Examples:
      graft export graph.graphml --workspace kb
      graft export graph.cypher --workspace kb
      graft export graph-csv --workspace kb --format csv
    """
    from app.opening import find_workspace
    from kg.views.export import export as write_graph
    from kg.workspace import Workspace

    export_format = export_format or _format_of(path)
    with Workspace.open(find_workspace(workspace)) as space:
        write_graph(space.store, path, export_format)
        digest = space.store.digest()
    files = list(path.iterdir()) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    if as_json:
        print_json({"path": str(path), "format": export_format, "digest": digest, "bytes": size})
    else:
        click.echo(f"Wrote {path} ({export_format}, {size:,} bytes).")


def _format_of(path: Path) -> str:
    """The format that a file's suffix stands for.

    Raises:
        ConfigError: It stands for none.
    """
    from kg.views.export import EXPORTS

    suffix = path.suffix.lower().removeprefix(".")
    if suffix in ("", *EXPORTS):
        return suffix or "graphml"
    raise ConfigError(
        f"Expected a file named by its format ({', '.join(f'.{name}' for name in EXPORTS)}), got {path.name}. "
        "Rename it, or name the format with --format."
    )
