"""The subcommands of `graft eval`, one file each; `run.py` has the group itself and the commands for experiments."""
