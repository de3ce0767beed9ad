"""What the tables of the documentation look like: which figures of which benchmark, in which rows and columns.

Knows names and headings alone; `benchmarks.tables` writes the tables, `benchmarks.results` holds the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.results import Figure

FIGURE = "figure"
"""Where a label is expected, stands for the name of the figure."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        title: Heading on the page of results.
        benchmark: Whose figures it shows.
        figures: Names of the figures.
        rows: Labels whose values head the rows, from the left; a row for every combination that was measured.
        column: Label whose values are the columns.
        columns: Those values, in order; figures with another one are left out. Empty takes all as they come, or, where
            the columns are figures, `figures`.
        where: Allowed values of labels. A figure belongs to the table if its labels are those of rows, column and
            `where`, no more and no fewer.
        names: Headings of labels, of their values and of figures; without one they stand as they are.
        bold_best: Whether the largest value of each row is set in bold.
        note: A paragraph above the table.
    """

    title: str
    benchmark: str
    figures: tuple[str, ...]
    rows: tuple[str, ...]
    column: str = FIGURE
    columns: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    bold_best: bool = False
    note: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns in order, as far as they are fixed."""
        return self.columns or (self.figures if self.column == FIGURE else ())

    def takes(self, figure: Figure) -> bool:
        """Whether a figure belongs to this table."""
        labels = ({*self.rows, self.column} - {FIGURE}) | self.where.keys()
        return (
            figure.name in self.figures
            and figure.setting.keys() == labels
            and all(figure.setting[label] in allowed for label, allowed in self.where.items())
            and (self.column == FIGURE or not self.columns or figure.setting[self.column] in self.columns)
        )

    def heading(self, name: str) -> str:
        """A label, value or figure as it stands in the table."""
        return self.names.get(name, name)


_SETS = {
    "musique100": "MuSiQue, GPT-3.5's triples",
    "hotpot100": "HotpotQA, no triples",
    "hotpot_dev": "HotpotQA dev, held out",
    "twowiki": "2WikiMultihopQA, held out",
    "popqa": "PopQA, two passages about one entity",
    "Kevin Scott Questions": "podcasts as a whole",
}
_MINILM: dict[str, tuple[str, ...]] = {"encoder": ("minilm",)}
_FIVE_SETS: dict[str, tuple[str, ...]] = {"set": ("musique100", "hotpot100", "hotpot_dev", "twowiki", "popqa")}
_OTHERS: dict[str, tuple[str, ...]] = {
    "retriever": ("paths", "coe", "flow", "local"),
    "set": ("musique100",),
    "questions": ("100",),
}
_SEARCH = {"bm25": "BM25", "ours": "GRAFT", "library": "library called directly", "search": "search by"}

TABLES: dict[str, Table] = {
    "demo": Table(
        "The demo",
        "demo",
        ("accuracy", "p", "recall", "seconds"),
        ("arm",),
        names={"accuracy": "accuracy (95 % interval)", "recall": "gold passages shown"},
        note="80 questions of four options about the 40 articles of `examples/saltmarsh`, reader SmolLM2-135M. p is "
        "that of the exact McNemar test against closed-book, before Holm's correction.",
    ),
    "demo_adapter": Table(
        "What the demo's adapter learnt",
        "demo_adapter",
        ("loss", "right name"),
        ("model",),
        names={"loss": "loss of the articles, nats a token", "right name": "right name of four in 200 sentences"},
        note="The articles themselves were not trained on, only rewritings of them.",
    ),
    "extraction": Table(
        "How much of a text the graph keeps",
        "extraction",
        ("pairs F1", "pairs_among_gold F1", "triples F1", "chunks_per_minute", "tokens_out_per_corpus_token"),
        ("set", "documents", "extractor"),
        names={
            "re_docred": "Re-DocRED dev",
            "webnlg": "WebNLG dev",
            "pairs F1": "F1 of pairs of entities",
            "pairs_among_gold F1": "the same among annotated entities",
            "triples F1": "F1 of triples",
            "chunks_per_minute": "passages a minute",
            "tokens_out_per_corpus_token": "tokens written a corpus token",
        },
        note="Pairs count whatever their relation; triples need relations at a cosine of .5 or more "
        "(all-MiniLM-L6-v2). Without `gleaning none` the parser adds what the model left apart.",
    ),
    "mine": Table(
        "Facts of MINE's essays that a graph keeps",
        "mine",
        ("facts kept",),
        ("system",),
        where={"essays": ("50",)},
        names={"facts kept": "facts kept (95 % interval)"},
        note="15 facts of each of 50 essays, judged by the same code in one run.",
    ),
    "indexing": Table(
        "A corpus becomes a graph",
        "indexing",
        ("passages", "entities", "facts", "communities", "minutes", "embedding minutes", "peak GB"),
        ("set", "extractor"),
        names={"podcast": "1,669 podcast transcripts of Microsoft's GraphRAG study"},
    ),
    "retrieval": Table(
        "Finding the evidence of a question",
        "retrieval",
        ("recall@5", "all@5", "recall@10"),
        ("set", "questions", FIGURE),
        column="retriever",
        columns=("bm25", "dense", "rag", "ppr", "graph"),
        where=_MINILM | _FIVE_SETS,
        names=_SETS | {FIGURE: "share"},
        bold_best=True,
        note="Recall of the gold passages among the first five and ten, and share of the questions whose gold passages "
        "are all among the first five; encoder all-MiniLM-L6-v2. None of these questions was among those that the "
        "adapter of `graph` learnt from. `ppr` needs triples.",
    ),
    "retrieval_gain": Table(
        "What `graph` finds beyond others",
        "retrieval",
        ("recall@5 gain",),
        ("set", "questions"),
        column="against",
        columns=("ppr", "dense"),
        where=_MINILM | _FIVE_SETS | {"retriever": ("graph",)},
        names=_SETS | {"ppr": "recall@5 beyond ppr", "dense": "recall@5 beyond dense"},
        note="Differences on the same questions, with 95 % intervals.",
    ),
    "retrieval_others": Table(
        "Other retrievers without a chat model, on MuSiQue",
        "retrieval",
        ("recall@5", "all@5"),
        ("retriever",),
        where=_MINILM | _OTHERS,
    ),
    "own_hops": Table(
        "A hop adapter of a workspace's own",
        "own_hops",
        ("recall@2", "recall@5", "all@5", "recall@10", "all@10"),
        ("set", "adapter"),
        where=_MINILM | {"retriever": ("graph",), "questions": ("100",)},
        names=_SETS | {"hotpot100": "HotpotQA, the parser's graph"},
        note="`graft train hops` on questions that qwen-1.5b wrote from paths of the graph. No question of either set "
        "was seen, but the learning rate was chosen by such figures.",
    ),
    "own_hops_questions": Table(
        "What such an adapter costs",
        "own_hops",
        ("paths", "usable questions", "minutes to write", "minutes to train"),
        ("set",),
        names=_SETS | {"hotpot100": "HotpotQA, the parser's graph"},
    ),
    "metaqa": Table(
        "Questions of one to three steps on MetaQA's graph",
        "metaqa",
        ("hits@1",),
        ("retriever", "examples", "questions"),
        column="hops",
        columns=("1", "2", "3"),
        where={"told": ("nothing",)},
        names={"1": "one step", "2": "two steps", "3": "three steps", "examples": "examples learnt from"},
        note="Share of the questions whose best path ends at an answer. The retriever is told neither the name "
        "nor the number of steps, and no model is asked. The examples were worded from the graph "
        "by hand-written phrases.",
    ),
    "auto": Table(
        "Which kind of question `auto` sees",
        "auto",
        ("questions",),
        ("set",),
        column="kind",
        columns=("single", "linked", "corpus", "all"),
        names=_SETS | {"corpus": "whole corpus", "all": "questions in all"},
    ),
    "auto_regret": Table(
        "What the choice of `auto` costs",
        "auto",
        ("regret", "ms_median"),
        ("set", FIGURE),
        column="retriever",
        columns=("auto", "graph", "dense"),
        names=_SETS | {"regret": "recall@5 lost", "ms_median": "ms, median", FIGURE: ""},
        note="Recall@5 lost against the better of `dense` and `graph` on each question.",
    ),
    "global_questions": Table(
        "Questions about a corpus as a whole",
        "global_questions",
        ("claims", "sources", "comprehensiveness wins"),
        ("system",),
        where={"model": ("qwen-1.5b",), "questions": ("20",)},
        names={
            "claims": "sentences that evidence bears out",
            "sources": "episodes' parts cited",
            "comprehensiveness wins": "questions on which the judge found it more comprehensive",
        },
        note="20 questions about the podcasts, answered by qwen-1.5b from 1,000 tokens of evidence. The same model "
        "judges them, in both orders.",
    ),
    "global_judge": Table(
        "How far that judge can be trusted",
        "global_questions",
        ("comprehensiveness undecided", "comparisons", "followed the order"),
        ("model", "questions"),
        names={
            "comprehensiveness undecided": "questions undecided",
            "followed the order": "of which followed the order",
        },
        note="Two answers are compared in both orders, by three criteria.",
    ),
    "abstention": Table(
        "Withheld answers",
        "abstention",
        ("withheld", "precision", "recall", "right answers kept"),
        ("set", "questions"),
        names={
            "rows and rows_demo": "HotpotQA and Saltmarsh, cross-validated",
            "saltmarsh/questions": "Saltmarsh",
            "falseqa/valid": "FalseQA, false premises",
        },
        note="An answer is rightly withheld if the evidence does not hold it. The model by itself answered everything.",
    ),
    "pagerank": Table(
        "Personalised PageRank",
        "pagerank",
        ("p50_ms", "p95_ms"),
        ("edges", "way"),
        where={"seeds": ("popular",)},
        names={"p50_ms": "ms, median", "p95_ms": "ms, p95"},
        note="A made-up graph; networkit and the iteration are stopped at the error of the push, igraph is exact.",
    ),
    "plain_search": Table(
        "Search by words and by vectors",
        "plain_search",
        ("median_ms",),
        ("search", "passages"),
        column="by",
        columns=("ours", "library"),
        names=_SEARCH,
        note="Milliseconds a query, median. The libraries are bm25s and sentence-transformers' semantic search.",
    ),
    "leiden": Table(
        "Communities",
        "leiden",
        ("seconds", "modularity"),
        ("edges", "way"),
        names={
            "native": "graspologic's library",
            "steady": "`steady`, ours",
            "igraph": "igraph",
            "leidenalg": "leidenalg",
        },
        note="A made-up graph whose communities are clear. `steady` is the division that an edit hardly moves.",
    ),
    "graph_query": Table(
        "A whole query without a model",
        "graph_query",
        ("ms_median", "ms_p95"),
        ("passages", "retriever"),
        names={"ms_median": "ms, median", "ms_p95": "ms, p95", "graph alone": "`graph` without chains"},
        note="100,000 made-up passages and 1.2 million edges; the encoder's time is not in it.",
    ),
    "neo4j_load": Table(
        "Loading facts into Neo4j",
        "neo4j_load",
        ("facts_per_s", "added"),
        ("way", "facts"),
        names={
            "facts_per_s": "facts a second",
            "added": "nodes and relationships added",
            "ours, once more": "ours, 2 writers, once more",
        },
        note="Other work ran on the two cores meanwhile, so read the ratios, not the rates.",
    ),
}

_HELD_OUT: dict[str, tuple[str, ...]] = {"set": ("twowiki",), "questions": ("113",)}
HEADLINES: dict[str, Table] = {
    "headline_retrieval": Table(
        "Evidence found",
        "retrieval",
        ("recall@5",),
        ("set",),
        column="retriever",
        columns=("bm25", "dense", "rag", "graph"),
        where=_MINILM | _HELD_OUT,
        names=_SETS,
        bold_best=True,
    ),
    "headline_mine": Table(
        "Facts kept",
        "mine",
        ("facts kept",),
        (),
        column="system",
        where={"essays": ("50",)},
        bold_best=True,
    ),
    "headline_pagerank": Table(
        "Time of a walk",
        "pagerank",
        ("p95_ms",),
        ("edges",),
        column="way",
        columns=("push", "iteration at the push's error", "networkit at the push's error"),
        where={"edges": ("10000000",), "seeds": ("popular",)},
        names={
            "10000000": "10 M",
            "push": "GRAFT",
            "iteration at the push's error": "scipy",
            "networkit at the push's error": "networkit",
        },
    ),
}
"""Small tables for the README; every figure in them stands in one of `TABLES` too."""
