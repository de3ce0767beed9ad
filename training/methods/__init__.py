"""Training methods: how trainable weights are added to a base model.

A method is a function of a model and settings that returns a PEFT model whose base is frozen. It knows nothing of texts
or of the run. `METHODS` is the table of names; a method of your own is named by its dotted path.

    lora.py            low-rank factors beside linear layers
"""

from training.methods.lora import METHODS, Method, find_method

__all__ = ["METHODS", "Method", "find_method"]
