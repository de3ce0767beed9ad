"""`python -m eval` is `graft eval`, for machines where the command is not on the path.

This module reaches for the command line above it by name, since imports go the other way.
"""

from importlib import import_module

if __name__ == "__main__":
    import sys

    sys.argv.insert(1, "eval")
    import_module("app.cli").main()
