"""The derivations of the book's claims: proved, read back, told in a second way, and stored."""

import json

import pytest
from chains import CHAINS

from softmax_lib.derivations import Status, latex, meaning, read, store
from softmax_lib.derivations.stored import term_as_json, term_from_json

BY_HAND = {"variance": Status.ASSUMED}


@pytest.fixture(params=CHAINS.values(), ids=CHAINS.keys())
def chain(request):
    return request.param()


def terms_of(derivation):
    return [derivation.start, *(line.term for line in derivation.lines)]


def test_it_is_proved_line_by_line(chain):
    assert chain.status == BY_HAND.get(chain.id, chain.status)
    assert bool(chain.by_hand) == (chain.id in BY_HAND)


def test_its_ends_are_related_without_the_lines_between(chain):
    is_an_equation = chain.relation == "="
    assert (chain.second_route is not None) == is_an_equation


def test_every_line_and_form_reads_as_it_was_proved(chain):
    for term, scope in chain.printed():
        assert read(latex(term), scope) == meaning(term, scope)


def test_its_terms_are_stored_and_read_as_they_are(chain):
    stored = json.loads(store(chain)[-1])
    assert [stored["start"], *(line["term"] for line in stored["lines"])] == [
        term_as_json(term) for term in terms_of(chain)
    ]
    assert [term_from_json(line["term"]) for line in stored["lines"]] == terms_of(chain)[1:]


def test_no_two_are_called_the_same():
    assert len({chain().id for chain in CHAINS.values()}) == len(CHAINS) >= 37
