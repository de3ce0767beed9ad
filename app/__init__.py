"""The interface: the `graft` command and the functions behind it.

The packages below do the work; this one combines them, sets budgets and prints results. It does not know how a graph is
built, searched or measured. `app.api` has the public functions; it is not imported here, so that the command line
starts quickly.

- `cli.py`: the table of subcommands, and how errors become exit codes; `commands/`: one file per subcommand
- `options.py`, `output.py`, `progress.py`: options, printing and progress that the subcommands share
- `api.py`: the public functions, from `building.py`, `asking.py`, `training.py` and `evaluating.py`
- `curating.py`, `database.py`, `removal.py`: entities, Neo4j, deletion; `opening.py`: finding and opening a workspace
"""
