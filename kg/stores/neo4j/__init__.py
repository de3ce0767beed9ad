"""The store in a Neo4j database, shared by several workspaces.

    store.py   the store: transactions, journal, digest
    server.py  the connection, and messages for its errors
    schema.py  constraints and indexes, by version
    rows.py    the form of rows as nodes and relationships
    write.py   changes of rows as Cypher
    search.py  vector and full-text indexes
    query.py   a query from outside, run read-only
    guard.py   what such a query may say
    scope.py   how it is bound to one workspace
    export.py  a knowledge base as files for Neo4j

The driver is imported only when a server is contacted.
"""
