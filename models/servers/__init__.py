"""Chat models behind HTTP: any OpenAI-compatible server, or a llama.cpp server that we start ourselves.

Knows nothing of prompts, records and budgets. `models.factory` opens these models by name; import a class from its
file, since importing this room costs nothing.

- `openai_chat` speaks the protocol. `negotiation` learns what a server takes, in the words of `dialect`, and whose
  fault a refusal is, by `refusals`.
- `stream` finds the body of what comes back, `replies` parses it, `wrapping` takes thinking off.
- `llamacpp` is a chat model over a GGUF file: `llamacpp_process` starts and watches the server, `llamacpp_child` is
  the child process itself, `lora_gguf` converts adapters for it.
"""
