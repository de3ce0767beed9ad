"""The subcommands of `graft`, each in a file of its own name. A file declares the options, calls `app.api` or another
module of `app`, and prints the result. Nothing is computed here. `app.cli.SECTIONS` lists all subcommands.
"""
