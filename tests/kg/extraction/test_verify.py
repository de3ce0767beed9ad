import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.extraction.proposals import ExtractionReply, proposals
from kg.extraction.verify import VerifiedFacts, verify
from kg.language.sentences import RuleSentences
from kg.language.spans import fold
from kg.schema import Chunk

TEXT = (
    "In 2018 Ada Lorne founded Marrow & Finch in Torsby. She sold the firm to Harrow\nMills for 4,000 crowns. "
    "Torsby lies by Lake Oune. Harrow Mills left Torsby."
)
SENTENCES = RuleSentences().split(TEXT)


def check(*facts: tuple[str, ...], title: str = "") -> VerifiedFacts:
    chunk = Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40)
    return verify(read(*(" | ".join(fact) for fact in facts)), [(chunk, SENTENCES)], title)


def read(*facts):
    return list(proposals(ExtractionReply(facts=facts)))


def one_fact(*fact):
    result = check(fact)
    return result.triples[0] if result.triples else None


def shown(triple):
    return TEXT[triple.evidence.start : triple.evidence.end]


def test_names_come_back_as_written_with_every_place():
    mentions = check(("harrow mills (organisation)", "left", "TORSBY (place)")).mentions
    assert {(m.name, m.type) for m in mentions} == {("Harrow Mills", "organisation"), ("Torsby", "place")}
    places = [(m.evidence.start, m.evidence.end) for m in mentions if m.name == "Torsby"]
    assert [TEXT[slice(*place)] for place in places] == ["Torsby"] * 3
    assert TEXT[slice(*next((m.evidence.start, m.evidence.end) for m in mentions))] == "Harrow\nMills"


@pytest.mark.parametrize("name", ["Nova Corp", "She", "the", "The ", "Tors", "", "...", "his mill"])
def test_a_name_that_is_not_there_is_dropped_and_counted(name):
    result = check((f"{name} (person)", "left", "Torsby"))
    assert (result.triples, result.mentions, result.dropped) == ([], [], 1)


def test_a_name_inside_a_longer_one_is_placed_where_it_stands_alone():
    result = check(
        ("Harrow Mills", "left", "Torsby"),
        ("Mills", "left", "Torsby"),
        ("Torsby", "lies by", "Lake Oune"),
        ("Torsby", "lies by", "Lake"),
    )
    assert len([m for m in result.mentions if m.name == "Mills"]) == 1  # nowhere alone: its place inside the longer one
    assert {m.name for m in result.mentions} == {"Harrow Mills", "Mills", "Lake Oune", "Lake", "Torsby"}


def test_a_fact_shows_its_sentence():
    triple = one_fact("Ada Lorne", "Founded", "Marrow & Finch")
    assert (triple.subject, triple.predicate, triple.object) == ("Ada Lorne", "founded", "Marrow & Finch")
    assert shown(triple) == "In 2018 Ada Lorne founded Marrow & Finch in Torsby."


def test_the_sentence_with_the_words_of_the_relation_is_shown():
    text = "Harrow Mills lies in Torsby. Harrow Mills left Torsby."
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    facts = read("Harrow Mills | left | Torsby", "Harrow Mills | lies in | Torsby")
    triples = verify(facts, [(chunk, RuleSentences().split(text))]).triples
    assert [text[t.evidence.start : t.evidence.end] for t in triples] == [text[29:], text[:28]]


def test_a_fact_behind_a_pronoun_shows_the_sentence_with_the_name_too():
    assert shown(one_fact("Ada Lorne", "sold her firm to", "Harrow Mills")) == TEXT[: SENTENCES[1][1]]


@pytest.mark.parametrize(
    "fact",
    [
        ("Ada Lorne", "lives by", "Lake Oune Castle"),
        ("Lake Oune", "is far from", "Ada Lorne"),  # neither in one sentence nor in two neighbours
        ("Ada Lorne", "is", "ada lorne"),
        ("Ada Lorne", "", "Torsby"),
        ("Ada Lorne", "—", "Torsby"),
        ("Ada Lorne", "one two three four five six seven eight nine", "Torsby"),
        ("She", "sold", "Harrow Mills"),
        ("Torsby", "lies by and", "Lake Oune"),
        ("Ada Lorne", "sold", "She sold the firm"),
        ("Ada Lorne", "founded"),
        ("Ada Lorne", "sings in", "Torsby"),  # both ends stand there, the relation doesn't
    ],
)
def test_a_fact_that_does_not_stand_there_is_dropped_and_counted(fact):
    result = check(fact)
    assert (result.triples, result.mentions, result.dropped) == ([], [], 1)


def test_another_form_of_the_relation_or_a_short_one_will_do():
    assert one_fact("Ada Lorne", "is the founder of", "Marrow & Finch")
    assert one_fact("Marrow & Finch", "is in", "Torsby")


@pytest.mark.parametrize(
    ("relation", "text", "stands"),
    [
        ("met with", "Ada Lorne met Tom Hale.", True),
        ("has been CEO of", "Ada Lorne became CEO under Tom Hale.", True),
        ("位于北京市", "Ada Lorne 位于北京市中心 Tom Hale.", True),
        ("has been rival of", "Ada Lorne has met Tom Hale.", False),
        ("is the sister of", "Ada Lorne is older than the mayor, Tom Hale.", False),
    ],
)
def test_a_relation_must_be_stated_where_its_ends_stand(relation, text, stands):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    facts = read(f"Ada Lorne | {relation} | Tom Hale")
    assert bool(verify(facts, [(chunk, [(0, len(text))])]).triples) == stands


def test_ends_without_a_kind_are_left_open():
    result = check(("Harrow Mills", "bought the firm for", "4,000 crowns"))
    assert {(m.name, m.type) for m in result.mentions} == {("Harrow Mills", "other"), ("4,000 crowns", "other")}


@pytest.mark.parametrize("relation", ["birthPlace", "country located in the", "PLACE of birth"])
def test_a_given_relation_is_kept_as_it_is_given(relation):
    facts = read(f"Marrow & Finch | {relation.lower()} | Torsby")
    chunk = Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40)
    assert [t.predicate for t in verify(facts, [(chunk, SENTENCES)], relations=[relation]).triples] == [relation]


@pytest.mark.parametrize(
    ("text", "fact", "stands"),
    [
        ("Ada Lorne never worked for Tom Hale.", "Ada Lorne | worked for | Tom Hale", False),
        ("Ada Lorne didn't work for Tom Hale.", "Ada Lorne | worked for | Tom Hale", False),
        ("Ada Lorne never worked for Tom Hale.", "Ada Lorne | never worked for | Tom Hale", True),
        ("Ada Lorne not only worked for Tom Hale.", "Ada Lorne | worked for | Tom Hale", True),
        ("Ada Lorne founded Bellwick Mill.", "Ada Lorne | ｄｅｓｔｒｏｙｅｄ | Bellwick Mill", False),
        ("Ada Lorne founded Bellwick Mill.", "Ada Lorne | destroyed 함 | Bellwick Mill", False),
        ("이나경은 서울에서 태어났다.", "이나경 | 죽였다 | 서울", False),
        ("이나경은 서울에서 태어났다.", "이나경 | 태어난 곳 | 서울", True),
        ("丰田公司由喜一郎创立。", "丰田公司 | 成立 | 喜一郎", True),
        ("丰田公司由喜一郎创立。", "丰田公司 | 出售 | 喜一郎", False),
        ("वाल्मीकि ने रामायण लिखा।", "राम | लिखा | वाल्मीकि", False),
    ],
)
def test_a_relation_stands_in_its_sentence_in_any_script(text, fact, stands):
    shown = [(Chunk("c:1", "d:1", 0, 0, len(text), text, 10), [(0, len(text))])]
    assert bool(verify(read(fact), shown).triples) == stands


def test_repetitions_are_merged_and_not_counted():
    result = check(("Torsby", "lies by", "Lake Oune"), ("torsby", "lies  by", "Lake Oune"))
    assert (len(result.triples), result.dropped) == (1, 0)


def test_people_are_not_counted_in_numbers():
    mentions = check(("Harrow Mills (thing)", "bought the firm for", "4,000 crowns (person)")).mentions
    assert {m.name: m.type for m in mentions} == {"Harrow Mills": "other", "4,000 crowns": "value"}


def test_the_first_kind_that_says_something_counts():
    mentions = check(("Torsby", "lies by", "Lake Oune (place)"), ("Harrow Mills", "left", "Torsby (place)")).mentions
    assert {m.name: m.type for m in mentions} == {"Torsby": "place", "Lake Oune": "place", "Harrow Mills": "other"}


def test_the_title_may_stand_for_a_pronoun_and_for_nothing_else():
    fact = ("Mirela Oddsen", "sold the firm to", "Harrow Mills")
    (triple,) = check(fact, title="Mirela Oddsen (merchant)").triples
    assert (triple.subject, triple.object) == ("Mirela Oddsen", "Harrow Mills")
    assert shown(triple).startswith("She sold")
    mentions = check(fact, title="Mirela Oddsen").mentions
    assert {m.evidence for m in mentions if m.name == "Mirela Oddsen"} == {triple.evidence}
    assert check(fact, title="Bo Finch").triples == []
    assert check(("Mirela Oddsen", "left", "Torsby"), title="Mirela Oddsen").triples == []  # no pronoun there
    assert check(("Mirela Oddsen", "owns", "Harrow Mills"), title="Mirela Oddsen").triples == []  # not told there


def test_a_relation_that_was_given_need_not_stand_there():
    chunk = Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 40)
    facts = read("Torsby | location | Lake Oune", "Torsby | neighbour | Lake Oune")
    triples = verify(facts, [(chunk, SENTENCES)], relations=["location"]).triples
    assert [triple.predicate for triple in triples] == ["location"]


def test_what_a_text_only_reports_is_a_claim():
    text = "Tom Hale allegedly robbed Ada Lorne."
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    (triple,) = verify(read("Tom Hale | robbed | Ada Lorne"), [(chunk, [(0, len(text))])]).triples
    assert (triple.kind, triple.status) == ("claim", "suspected")


def test_the_date_behind_a_fact_is_its_validity():
    text = "Ada Lorne, head of Harrow Mills since March 2019, met Tom Hale."
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    facts = read("Ada Lorne | is head of | Harrow Mills", "Ada Lorne | met | Tom Hale")
    assert [t.valid_from for t in verify(facts, [(chunk, [(0, len(text))])]).triples] == ["2019-03", ""]


def test_a_fact_goes_to_the_passage_that_tells_it_and_a_name_to_every_one():
    texts = ("Harrow Mills lies in Torsby.", "Harrow Mills left Torsby.")
    shown = [(Chunk(f"c:{n}", "d:1", n, 0, len(t), t, 10), [(0, len(t))]) for n, t in enumerate(texts)]
    result = verify(read("Harrow Mills | left | Torsby", "Nova | left | Torsby"), shown)
    assert [triple.evidence.chunk_id for triple in result.triples] == ["c:1"]
    assert {m.evidence.chunk_id for m in result.mentions if m.name == "Torsby"} == {"c:0", "c:1"}
    assert result.dropped == 1


NAMES = st.sampled_from(["Ada Lorne", "Torsby", "Lake Oune", "Harrow Mills", "Nova", "she", "the firm", "2018", ""])


@given(st.lists(st.tuples(NAMES, st.text(max_size=12).filter(lambda text: "|" not in text), NAMES), max_size=6))
def test_everything_kept_stands_in_its_span(facts):
    result = check(*facts)
    mentioned = {m.name for m in result.mentions}
    for mention in result.mentions:
        assert fold(TEXT[mention.evidence.start : mention.evidence.end]) == fold(mention.name)
    for triple in result.triples:
        assert fold(triple.subject) in fold(shown(triple)) and fold(triple.object) in fold(shown(triple))
        assert {triple.subject, triple.object} <= mentioned
    assert len(result.triples) + result.dropped <= len(facts)


FAR = "Ada Lorne founded Marrow. Torsby cheered. It rained. She sold the firm to Harrow Mills. She left Bellwick."


def far(*facts: str, title: str = "") -> VerifiedFacts:
    chunk = Chunk("c:1", "d:1", 0, 0, len(FAR), FAR, 40)
    return verify(read(*facts), [(chunk, RuleSentences().split(FAR))], title)


def test_a_name_a_few_sentences_before_a_pronoun_will_do_and_is_shown():
    (triple,) = far("Ada Lorne | sold the firm to | Harrow Mills").triples
    assert FAR[triple.evidence.start : triple.evidence.end].startswith("Ada Lorne founded")
    assert far("Ada Lorne | left | Bellwick").triples == []  # four sentences away
    assert far("Torsby | rained on | Harrow Mills").triples == []  # told nowhere


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Marrow & Finch in Torsby", "Marrow & Finch in Torsby"),
        ("Marrow & Finch in the town of Bellwick", "Marrow & Finch"),
        ("Marrow & Finch, a mill", "Marrow & Finch"),
        ("Bellwick in Torsby", None),
    ],
)
def test_of_an_object_the_part_that_the_text_holds_counts(given, kept):
    triple = one_fact("Ada Lorne", "founded", given)
    assert (triple and triple.object) == kept


def test_a_part_of_the_titles_name_may_stand_for_it():
    text = "Oddsen sold the firm to Harrow Mills."
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    facts = read("Mirela Oddsen | sold the firm to | Harrow Mills")
    (triple,) = verify(facts, [(chunk, [(0, len(text))])], "Mirela Oddsen").triples
    assert triple.subject == "Mirela Oddsen"
    assert verify(facts, [(chunk, [(0, len(text))])], "Mirela Finch").triples == []


@pytest.mark.parametrize(
    ("text", "fact", "ends"),
    [
        ("장보고는 청해진을 세웠다.", "장보고는 | 세웠다 | 청해진을", ("장보고", "청해진")),
        ("현대중공업이 울산에 공장을 지었다.", "현대중공업 | 지었다 | 공장을", ("현대중공업", "공장")),
        ("한나은 씨는 광주에서 태어났다.", "한나은 | 태어났다 | 광주에서", ("한나은", "광주")),
        ("고려청자는 강진에서 만들었다.", "고려청자는 | 만들었다 | 강진에서", ("고려청자", "강진")),
        ("강감찬과 서희는 고려의 신하였다.", "서희는 | 신하였다 | 고려의", ("서희", "고려")),
    ],
)
def test_korean_names_lose_the_particles_that_a_model_copied(text, fact, ends):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    result = verify(read(fact), [(chunk, [(0, len(text))])])
    (triple,) = result.triples
    assert (triple.subject, triple.object) == ends
    assert {mention.name for mention in result.mentions} == set(ends)


@pytest.mark.parametrize(
    ("text", "fact", "ends"),
    [
        ("Die Güter­bahn gehört Ada Lorne.", "Güterbahn | gehört | Ada Lorne", ("Güterbahn", "Ada Lorne")),
        ("İnönü Ankara'da yaşadı.", "INÖNÜ | yaşadı | Ankara", ("İnönü", "Ankara")),
        ("سافر خَالِدٌ إلى دمشق.", "خالد | سافر | دمشق", ("خَالِدٌ", "دمشق")),
        ("राधा ने मथुरा देखी।", "राधा | देखी | मथुरा।", ("राधा", "मथुरा")),
        ("ｿﾆｰは東京に移った。", "ソニー | 移った | 東京。", ("ｿﾆｰ", "東京")),
        ("สมชายเกิดที่ขอนแก่น", "สมชาย | เกิดที่ | ขอนแก่น", ("สมชาย", "ขอนแก่น")),
        ("Ο ΣΟΛΩΝ έφυγε από την Αθήνα.", "Σόλων | έφυγε | ΑΘΗΝΑ", ("ΣΟΛΩΝ", "Αθήνα")),
    ],
)
def test_a_name_is_found_in_every_script_and_spelling(text, fact, ends):
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    (triple,) = verify(read(fact), [(chunk, [(0, len(text))])]).triples
    assert (triple.subject, triple.object) == ends


def test_names_that_differ_in_a_vowel_sign_are_not_found():
    text = "राधा ने मथुरा देखी।"
    chunk = Chunk("c:1", "d:1", 0, 0, len(text), text, 10)
    assert verify(read("राधे | देखी | मथुरा"), [(chunk, [(0, len(text))])]).triples == []
