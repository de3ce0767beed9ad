"""One run folder: where an experiment's records live, how they are appended, and how a run is found again.

    <workspace>/runs/<utc>-<name>-<hash8>/        e.g. 20310304T081500Z-saltmarsh-1f2e3d4c
      config.yaml     the experiment, resolved: every default filled in, arms and models written out as mappings;
                      paths as the experiment file wrote them (an absolute one is cut to its last part), no secrets
      manifest.json   {schema_version: 1, run, name, created (ISO, UTC), finished (ISO or null), config_hash,
                       inputs {items, documents, prompts},                     digests known before any model opens
                       digests {store, encoder, retrievers {key: digest}, readers {adapter name or "": digest}},
                       seeds {experiment, train?}, versions {python, package: version}, hardware {machine, system,
                       processor, cpus, memory_gb, gpu}, task {name, format, items, kinds {kind: n}, choices: bool},
                       reader, scoring, normalisation, context_tokens, passages,
                       index {documents, chunks, entities, facts, communities, failed, skipped, dropped} or null,
                       adapters [{name, digest, seconds, tokens}],
                       setup [{name, seconds, tokens_in, tokens_out, usd}]     "index", "train: NAME", "paraphrase"}
      items.jsonl     eval.types.Item, one a line, in the task's order
      contexts.jsonl  eval.types.Context, one a line, per (retriever key, item), appended as they are frozen, all of
                      them before the first answer. `retriever` is the key: "oracle", "rag", "graph", or
                      "rag:1f2e3d4c" where an arm changes the retriever's settings. Closed-book has no lines.
      run.trec        the rankings before packing: "item Q0 chunk rank score key" (rank from 1)
      qrels.trec      "item 0 chunk 1" for chunks that hold gold evidence; absent when no item has any
      samples.jsonl   eval.types.Sample, one a line, appended and synced item by item; `scores` are the normalised
                      option scores in the order of the item's choices; of two lines for one (arm, item), the later
                      one stands (a retried failure)
      metrics.json    {schema_version: 1, run, created, results_digest, n, failed, headline ("accuracy", "contains",
                       "exact_match"), arms [ArmResult + {adapter, retriever, delta (accuracy minus closed-book's or
                       null)}], comparisons [Comparison], by_kind {kind: {arm: {accuracy, n}}},
                       retrieval [{retriever, n, recall, all_recall, ndcg, relevance, tokens, seconds}],
                       setup [as in the manifest]}. ArmResult.by_kind is {kind: {accuracy, n}} in JSON.
                       `retrieval` means over the items with gold evidence; null where there is none.
      results.json    the same accuracies in the shape of lm-evaluation-harness
      report.html     written by eval/report.py from the files above, and from nothing else

JSON lines are dataclasses as they stand (tuples become lists). A line cut short by a kill is dropped when
the folder is opened again. `results_digest` covers every sample but its `seconds` and `cost_usd`, so a run
that was killed and resumed has the digest of one that was not.
"""
