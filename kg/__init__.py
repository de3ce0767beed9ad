"""The knowledge graph: from documents to entities, facts and communities, each with the sentences behind it.

It knows nothing of retrieval, training or evaluation. The files of this folder put the parts together; the subfolders
are the parts:

    indexing.py   open the models of a workspace, then build or update
    build.py      the stages in order: load, split, extract, resolve, find communities
    session.py    what every stage with model calls is given: workspace, records, budget
    workspace.py  the folder of a knowledge base
    schema.py     the data types: everything that a store keeps
    config.py     the settings of a knowledge base
    rulings.py    what people have decided about names
    readings.py   what the encoder reads of each document's passages
    summary.py    the result of a build in numbers

    documents/    sources to documents and chunks
    language/     sentences, spans, dates, names, predicates
    extraction/   names and facts from chunks
    resolution/   names to entities; resolve.py states the order
    communities/  entities to communities
    reports/      reports on communities, on demand
    stores/       where rows live: SQLite, Neo4j
    views/        dossiers, descriptions, exports
    changes/      update, delete, rulings on names
    erasure/      what deleted documents leave behind
"""
