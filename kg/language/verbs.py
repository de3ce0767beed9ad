"""English verbs: from a form in a text to the base form, by two word lists and no model.

Only verbs of the lists are known, so a word of another language, a noun or a rare verb gives None, and callers leave it
as it is. Regular forms are built from the base forms by the rules of spelling; irregular ones are listed.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

Form = Literal["base", "present", "past", "participle"]

_VOWELS = "aeiou"

_REGULAR = """
accept accompany accuse achieve acquire act adapt add address adjoin administer admit adopt advise affect affiliate
agree aid allow announce appear apply appoint approve argue arrange arrest arrive ask assassinate assign assist
associate assume attack attempt attend attract author award ban base believe belong border call cancel capture carry
cause cease celebrate chair challenge change charge chase circulate cite claim classify close coach collaborate
collect collide combine command commission commit compare compete compile complete compose comprise concern conclude
condemn conduct confirm connect conquer consider consist constitute construct contain continue contribute control
convert convict cooperate cover create criticise criticize cross cultivate date decide declare decline decorate
decrease dedicate defeat defend define deliver deny depart depend depict derive describe design designate destroy
detect determine develop devise diagnose die direct discover discuss display distribute divide document dominate
donate drain earn edit educate elect embrace emerge emigrate employ enable encourage end endorse engage enter
establish evaluate evolve examine exceed execute exhibit exist expand expect experience explain explore export express
extend face fail favour feature fill film finance finish flow focus follow force form found fund gain generate govern
graduate grant guide hand handle happen harvest hatch head headquarter help hire host house identify illustrate imply
import imprison improve inaugurate include incorporate increase indicate induce infect influence inform inhabit
inherit initiate injure inspire install institute intend interview introduce invade invent invest investigate invite
involve issue join journey jump kill label land last launch learn lease license limit link list live locate look love
maintain manage manufacture mark marry match mention merge migrate mint move murder name narrate negotiate nickname
nominate note obtain occupy occur offer open operate oppose order organise organize originate own paint participate
pass perform persuade photograph pioneer place plan plant play point populate portray possess practice practise praise
precede predict prefer premiere prepare present preserve preside prevent print proceed process produce promise promote
propose protect prove provide publish purchase pursue raise range rank reach reappear receive recognise recognize
record recruit reduce refer refuse regard register regulate reign reject relate release rely remain remove rename
renovate repair replace report represent request require rescue resemble reside resign respond restore result retain
retire return reunite reveal review rule sail save schedule score seat secure seem separate serve settle shape share
sign situate solve span specialise specialize star start stay stop store study submit succeed suffer suggest supply
support surrender surround survive suspect sustain target taste test thank threaten touch tour train transfer
transform translate transmit travel treat try turn unite use vacate value view visit vote wait walk want warn watch
welcome work wound
"""

_IRREGULAR = """
arise arose arisen|bear bore born|beat beat beaten|become became become|begin began begun|bind bound bound
break broke broken|bring brought brought|build built built|burn burnt burnt|buy bought bought|catch caught caught
choose chose chosen|come came come|cut cut cut|deal dealt dealt|draw drew drawn|drink drank drunk|drive drove driven
eat ate eaten|fall fell fallen|feed fed fed|feel felt felt|fight fought fought|find found found|fly flew flown
forbid forbade forbidden|forget forgot forgotten|get got gotten|give gave given|go went gone|grow grew grown
hear heard heard|hide hid hidden|hit hit hit|hold held held|keep kept kept|know knew known|lay laid laid|lead led led
leave left left|lend lent lent|lie lay lain|lose lost lost|make made made|mean meant meant|meet met met
oversee oversaw overseen|overtake overtook overtaken|pay paid paid|put put put|read read read
rewrite rewrote rewritten|ride rode ridden|rise rose risen|run ran run|say said said|see saw seen|seek sought sought
sell sold sold|send sent sent|set set set|shoot shot shot|show showed shown|sit sat sat|speak spoke spoken
spend spent spent|split split split|spread spread spread|stand stood stood|steal stole stolen|strike struck struck
swim swam swum|take took taken|teach taught taught|tell told told|think thought thought|throw threw thrown
undergo underwent undergone|understand understood understood|undertake undertook undertaken|wear wore worn|win won won
withdraw withdrew withdrawn|write wrote written
"""

_DOUBLED_VERBS = "admit ban commit control plan refer stop star transfer transmit submit equip occur"
_DOUBLED = frozenset(_DOUBLED_VERBS.split())


def past(verb: str) -> str:
    """Past form of a regular verb.

    Example:
        >>> past("carry"), past("plan"), past("move"), past("die")
        ('carried', 'planned', 'moved', 'died')
    """
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ied"
    return verb + (verb[-1] if verb in _DOUBLED else "") + "ed"


def present(verb: str) -> str:
    """Third person singular of the present.

    Example:
        >>> present("carry"), present("watch"), present("go"), present("found")
        ('carries', 'watches', 'goes', 'founds')
    """
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


def base_form(word: str, form: Form) -> str | None:
    """The base form of the verb whose `form` is `word`, or None if there is no such verb in the lists.

    Example:
        >>> base_form("led", "past"), base_form("written", "participle"), base_form("werkt", "present")
        ('lead', 'write', None)
    """
    return _forms()[form].get(word)


@cache
def _forms() -> dict[Form, dict[str, str]]:
    forms: dict[Form, dict[str, str]] = {"base": {}, "present": {}, "past": {}, "participle": {}}
    irregular = [line.split() for line in _IRREGULAR.replace("|", "\n").split("\n") if line]
    regular = [[verb, past(verb), past(verb)] for verb in _REGULAR.split()]
    for verb, past_form, participle in [*irregular, *regular]:
        forms["base"].setdefault(verb, verb)
        forms["present"].setdefault(present(verb), verb)
        forms["past"].setdefault(past_form, verb)
        forms["participle"].setdefault(participle, verb)
    return forms
