"""Models in this process: causal language models of transformers, encoders and rerankers of sentence-transformers.

Knows no HTTP, no records and no graph. `models.factory` opens these models by name; import a class from its file, since
importing this room costs nothing.

- `causal` loads a language model with its adapter; `chat` writes with it, `scorer` reads options with it.
- `boundary` cuts prefix and options into tokens; `batching` joins calls of several threads.
- `marginal` combines the probabilities of an answer after several passages.
- `encoder` makes vectors, around their `mean` where a model has one; `reranker` scores pairs of question and passage.
"""
