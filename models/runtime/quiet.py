"""Keep transformers from drawing its own progress bars and notices: GRAFT reports through `Progress`."""

from __future__ import annotations


def quiet_transformers() -> None:
    """Silence loading bars and notices of transformers; its errors still show."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
