"""A small knowledge base, made up for tests: two documents, three entities, every kind of row."""

from __future__ import annotations

from kg.schema import (
    Chunk,
    Community,
    Description,
    Document,
    Entity,
    Evidence,
    Extraction,
    Fact,
    Finding,
    Handle,
    Mention,
    Merge,
    Report,
    Row,
    Ruling,
    Triple,
    make_id,
)

FIRST = "Sable Ness lies on the Oune. 한강 is far away."
SECOND = "Ada Lorne keeps the light of Sable Ness."


def world() -> list[Row]:
    """Every row of the knowledge base."""
    documents = [
        Document(make_id("d", source, text), source, title, text, date)
        for source, title, text, date in (("a.md", "Ness", FIRST, "2031-03-04"), ("b/ü.txt", "Light", SECOND, ""))
    ]
    chunks = [
        Chunk(make_id("c", document.id, 0, len(document.text)), document.id, 0, 0, len(document.text), document.text, 9)
        for document in documents
    ]
    one, two = chunks[0].id, chunks[1].id
    extraction = Extraction(
        make_id("x", two),
        two,
        (Mention("Ada Lorne", "person", Evidence(two, 0, 9)), Mention("Sable Ness", "place", Evidence(two, 29, 39))),
        (Triple("Ada Lorne", "keeps the light of", "Sable Ness", Evidence(two, 0, 40), valid_from="2030"),),
        dropped=1,
    )
    ada = Entity("e:ada", "Ada Lorne", "person", (), (Evidence(two, 0, 9),))
    ness = Entity("e:ness", "Sable Ness", "place", ("Ness", "The Ness"), (Evidence(one, 0, 10), Evidence(two, 29, 39)))
    oune = Entity("e:oune", "Oune", "river", (), (Evidence(one, 23, 27),))
    facts = [
        Fact("f:1", ada.id, "keeps the light of", ness.id, (Evidence(two, 0, 40),), "2030", ""),
        Fact(
            "f:2",
            ness.id,
            "lies on",
            oune.id,
            (Evidence(one, 0, 28),),
            "",
            "",
            "claim",
            "denied",
            ("lay on", "lies by"),
        ),
        Fact("f:3", ness.id, "looks over", oune.id, (Evidence(one, 0, 28), Evidence(two, 0, 40)), "", "2031-12"),
    ]
    communities = [
        Community("m:0", 0, "", ("e:ada", "e:ness", "e:oune")),
        Community("m:1", 1, "m:0", ("e:ada", "e:ness")),
        Handle("c0", "m:0"),
    ]
    findings = (Finding("It lies on the Oune.", ("f:2",)), Finding("It has a light.", ("f:1", "f:3")))
    report = Report("r:0", "m:0", "basis", "The Ness", "A headland.", 7.5, findings)
    names = [Merge("g:0", ness.id, "ness", "sable ness", "a part"), Ruling("u:0", 0, "split", "oune", "oune", "a.md")]
    keeper = Description("n:0", ada.id, "basis", "A keeper.")
    return [*documents, *chunks, extraction, ada, ness, oune, *facts, *names, *communities, report, keeper]
