"""`graft report`: the HTML report of a run, written again from its records."""

from __future__ import annotations

from pathlib import Path

import click

from app.options import json_option
from app.output import print_json


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@json_option
def report(run: Path, as_json: bool) -> None:
    """Write the HTML report of a run again.

    Reads the records in the run folder RUN, writes report.html beside them and prints its path. No model is called. The
    run folders are in WORKSPACE/runs; `graft eval ls` lists their names.

    \b
    Examples:
      graft report workspaces/demo/runs/20310304T081500Z-demo-1f2e3d4c
    """
    from eval.report.page import write_report

    path = write_report(run)
    if as_json:
        print_json({"run": str(run), "report": str(path)})
    else:
        click.echo(str(path))
