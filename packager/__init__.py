"""How the source tree becomes a wheel: `prefix.py` changes a module's imports, `command.py` is the step of the build.

It knows only the names of modules. No module of the product imports it, and no wheel contains it.
"""
