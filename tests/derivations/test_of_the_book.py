"""The derivations of the book's claims: proved, read back, told in a second way, and stored."""

import json

import pytest
from ledger import find_records
from ledger.recheck import unearned
from of_the_book import BOOK, stored

from softmax_lib.derivations import latex, meaning, read
from softmax_lib.derivations.stored import term_as_json, term_from_json


@pytest.fixture(params=stored())
def derivation(request, derivations):
    return derivations[request.param]


def terms_of(derivation):
    return [derivation.start, *(line.term for line in derivation.lines)]


def test_no_line_is_by_hand(derivation):
    assert not derivation.by_hand


def test_an_equation_is_proved_without_the_lines_between(derivation):
    if derivation.relation == "=" and not derivation.is_definition:
        assert derivation.second_route is not None


def test_every_line_and_form_reads_as_it_was_proved(derivation):
    for term, scope in derivation.printed():
        assert read(latex(term), scope) == meaning(term, scope)


def test_every_line_has_a_row_with_its_reason_on_the_page(derivation):
    page = derivation._repr_mimebundle_()["text/html"]
    assert page.count('class="derivation-line"') == len(derivation.lines)
    assert page.count('class="derivation-reason"') == len(derivation.lines)
    assert page.count('class="derivation-start"') == 1
    assert page.count("<div") == page.count("</div>")


def test_its_terms_are_stored_and_read_as_they_are(derivation):
    content = json.loads(stored()[derivation.id])
    kept = [content["start"], *(line["term"] for line in content["lines"])]
    assert kept == [term_as_json(term) for term in terms_of(derivation)]
    assert [term_from_json(term) for term in kept] == terms_of(derivation)


@pytest.mark.parametrize("notebook", sorted(BOOK.glob("*.ipynb")), ids=lambda path: path.stem)
def test_verdicts_are_earned_by_the_derivations_that_are_stored_with_them(notebook, derivations):
    for record in find_records(notebook):
        assert list(unearned(record, derivations)) == []


def test_the_book_has_many():
    assert len(stored()) >= 37
