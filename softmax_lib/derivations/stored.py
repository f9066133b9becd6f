"""Derivations as JSON, and back: a process that runs no notebook code proves them again.

A term is stored as its tree: a whole number, the letter of an index, or a list that begins with the
name of an operation or of the vocabulary. Nothing else is read, and nothing is run.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from softmax_lib.proofs import Refused

from .derivation import Derivation, Hypothesis
from .reader import read
from .reasons import Cited, Given, Unlike
from .terms import LETTERS, Assumption, Term, latex, meaning


class Tampered(Exception):
    """What is stored is no derivation, or not what the derivation prints and proves."""


def store(*derivations: Derivation) -> list[str]:
    r"""Return derivations as JSON, a text for each, after the texts of those that its reasons name.

    Examples
    --------
    >>> import json
    >>> from softmax_lib.derivations import Derivation, rebuild, store
    >>> from softmax_lib.derivations.vocabulary import Z
    >>> stored = store(Derivation("one", Z / Z).then(1, "cancel"))
    >>> json.loads(stored[0])["start"]
    ['/', ['Z'], ['Z']]
    >>> print(rebuild(stored)["one"].statement)
    $\frac{Z}{Z} = 1$
    """
    every: dict[str, Derivation] = {}
    for derivation in derivations:
        for one in (*derivation.prerequisites(), derivation):
            if every.setdefault(one.id, one) != one:
                raise Refused(f"two derivations are called {one.id!r}")
    return [json.dumps(_stored(one), ensure_ascii=False) for one in every.values()]


def rebuild(stored: Sequence[str]) -> dict[str, Derivation]:
    """Prove stored derivations again, and compare what they print and conclude with what is stored.

    Raises
    ------
    Tampered
        A value is not of the stored form, or a name is unknown; what a derivation prints, or the
        status of a line, is not what is stored; or a printed line does not read as it is proved.
    ProofError
        A line does not follow.
    """
    known: dict[str, Derivation] = {}
    # Records share derivations: one text is proved once.
    for text in dict.fromkeys(stored):
        try:
            content = json.loads(text)
            derivation = _rebuilt(content, known)
            again = _stored(derivation)
        except (Refused, KeyError, TypeError, ValueError, RecursionError) as error:
            raise Tampered(f"no stored derivation: {error!r}, in {text:.200}") from error
        _compare(content, again)
        for term, scope in derivation.printed():
            if read(latex(term), scope) != meaning(term, scope):
                raise Tampered(f"{derivation.id}: {latex(term)} does not read as it is proved")
        if known.setdefault(derivation.id, derivation) != derivation:
            raise Tampered(f"two derivations are called {derivation.id!r}")
    return known


def _compare(stored: Mapping[str, Any], proved: Mapping[str, Any]) -> None:
    for key in stored.keys() | proved.keys():
        was, is_now = stored.get(key), proved.get(key)
        if was != is_now:
            raise Tampered(f"{proved['id']}: {key} is stored as {was}, and comes out as {is_now}")


def _stored(derivation: Derivation) -> dict[str, Any]:
    return {
        "id": derivation.id,
        "start": term_as_json(derivation.start),
        "given": [_reason_as_json(hypothesis) for hypothesis in derivation.given],
        "lines": [
            {
                "relation": line.relation,
                "term": term_as_json(line.term),
                "because": [_reason_as_json(reason) for reason in line.because],
                "form": None if line.form is None else term_as_json(line.form),
                "status": str(line.status),
            }
            for line in derivation.lines
        ],
        "printed": [latex(term) for term, _ in derivation.printed()],
        "formula": derivation.statement.latex,
        "hypotheses": derivation.statement.hypotheses,
    }


def _rebuilt(content: Mapping[str, Any], known: Mapping[str, Derivation]) -> Derivation:
    given = tuple(_hypothesis(hypothesis) for hypothesis in content["given"])
    derivation = Derivation(content["id"], term_from_json(content["start"]), given)
    for line in content["lines"]:
        derivation = derivation.then(
            term_from_json(line["term"]),
            tuple(_reason(reason, known) for reason in line["because"]),
            line["relation"],
            form=None if line["form"] is None else term_from_json(line["form"]),
        )
    return derivation


def term_as_json(term: Term) -> Any:
    """Return the tree of a term as nested lists."""
    if term.head in ("number", "index"):
        return term.args[0]
    return [term.head, *map(term_as_json, term.args)]


def term_from_json(value: object) -> Term:
    """Return the term of a stored tree, or raise `Refused`."""
    if type(value) is int:
        return Term("number", (value,))
    if isinstance(value, str) and value in tuple(LETTERS):
        return Term("index", (value,))
    if isinstance(value, list) and value and isinstance(value[0], str):
        if value[0] in ("number", "index"):
            raise Refused(f"{value[0]!r} is stored by itself")
        return Term(value[0], tuple(map(term_from_json, value[1:])))
    raise Refused(f"{value!r} is no stored term")


def _reason_as_json(reason: object) -> Any:
    match reason:
        case Given(left, relation, right, every):
            index = None if every is None else term_as_json(every)
            return ["given", term_as_json(left), relation, term_as_json(right), index]
        case Unlike(first, second):
            return ["unlike", term_as_json(first), term_as_json(second)]
        case Assumption(words):
            return ["assumed", words]
        case Cited(key, says):
            return ["cited", key, says]
        case Derivation():
            return ["derivation", reason.id]
        case _:
            return reason


def _hypothesis(value: object) -> Hypothesis:
    match value:
        case ["given", left, str(relation), right, every]:
            index = None if every is None else term_from_json(every)
            return Given(term_from_json(left), relation, term_from_json(right), index)
        case ["unlike", first, second]:
            return Unlike(term_from_json(first), term_from_json(second))
        case ["assumed", str(words)]:
            return Assumption(words)
        case _:
            raise Refused(f"{value!r} is no stored hypothesis")


def _reason(value: object, known: Mapping[str, Derivation]) -> object:
    match value:
        case str():
            return value
        case ["cited", str(key), str(says)]:
            return Cited(key, says)
        case ["derivation", str(name)]:
            if name not in known:
                raise Refused(f"a reason names {name!r}, which was not derived before")
            return known[name]
        case _:
            return _hypothesis(value)
