"""What the book's checks notice: each clause of each check dropped, each bound times ten.

``python tests/claims/clauses.py`` runs all chapters and the faults that are planted in their code,
``… formula attention`` some of them. It prints what went unnoticed, and fails if anything did.
"""

import ast
import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import matplotlib
import nbformat

from softmax_lib import claims, proofs
from softmax_lib.claims import AtMost, Examination, Vacuous, examine

BOOK = Path(__file__).parents[2] / "book"

PLANTED = [
    ("formula", "[x + shift for", "[x for"),
    ("formula", "softmax(row + shift)", "softmax(row)"),
    (
        "formula",
        "for size in range(1, 9) for _ in range(25)",
        "for _ in range(200) for size in [1]",
    ),
    ("formula", "AtMost(share_of_the_roundoff, 1)", "AtMost(share_of_the_roundoff, 10)"),
    ("numerical-stability", "for z in row - row.max()", "for z in row"),
    ("temperature", "exp(spread / hot) / (2 * hot**2)", "exp(spread / hot) / 2"),
    ("logsumexp", "mpmath.log(part) + shift for", "mpmath.log(part) for"),
    ("one-pass", "(row[::2], row[1::2])", "(row[::2], row[::2])"),
    ("larger-than-memory", "s * power_of_two(m - new)", "s"),
    ("accuracy", "np.asfortranarray(rows)", "rows"),
    ("jacobian", "part * factor if n == index", "part if n == index"),
]
"""A chapter, what stands in its code, and what does not go unnoticed in its place."""


@dataclass
class Mutant:
    """A check with one clause changed."""

    statement: str
    part: str
    change: str
    noticed: bool


@dataclass
class Run:
    """What a chapter's checks noticed, and how each of them came out."""

    mutants: list[Mutant] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)

    def examine(self, statement: str, holds: Any, cases: Any, **options: Any) -> Examination:
        """Run a check, then every mutant of it; no predicate is asked about a case twice."""
        parts = holds if isinstance(holds, dict) else {"": holds}
        remembering = {name: remember(part) for name, part in parts.items()}
        cases = list(cases)

        def again(changed: dict[str, Any]) -> Examination:
            given = changed if isinstance(holds, dict) else changed[""]
            return examine(statement, given, cases, **options)

        outcome = again(remembering)
        self.outcomes.append(f"{statement}: {outcome}")
        for name, change, changed in mutants(remembering):
            try:
                again(changed)
            except Vacuous:
                noticed = True
            else:
                noticed = False
            self.mutants.append(Mutant(statement, name, change, noticed))
        return outcome


def remember(part: Any) -> Any:
    """Return a predicate that is asked about each case once."""
    if isinstance(part, AtMost):
        return AtMost(remember(part.quantity), part.bound)
    answers: dict[int, Any] = {}

    def remembered(case: Any) -> Any:
        if id(case) not in answers:
            answers[id(case)] = part(case)
        return answers[id(case)]

    return remembered


def mutants(parts: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield a part's name, what is done to it, and the parts with that done."""
    for name, part in parts.items():
        yield name, "dropped", parts | {name: lambda case: True}
        if isinstance(part, AtMost):
            yield name, "bound times ten", parts | {name: AtMost(part.quantity, 10 * part.bound)}


def sources(chapter: Path) -> list[str]:
    """Return the chapter's code, cell by cell."""
    cells = nbformat.read(chapter, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def run(chapter: Path, change: Callable[[str], str] = str) -> Run:
    """Execute a chapter without its proofs and records; stop where a changed one is refused."""
    outcome = Run()
    namespace: dict[str, Any] = {"__name__": chapter.stem}
    provers = [name for name in dir(proofs) if name.startswith(("prove", "define"))]
    with (
        contextlib.chdir(chapter.parent),
        patch.object(sys, "path", [str(chapter.parent), *sys.path]),
        contextlib.redirect_stdout(io.StringIO()),
        patch.multiple(proofs, **dict.fromkeys(provers, MagicMock())),
        patch.multiple(claims, examine=outcome.examine, record=MagicMock()),
    ):
        for source in sources(chapter):
            exec(change(source), namespace)
    return outcome


def differs(chapter: Path, done: Run) -> bool:
    """Tell whether a check came out in another way than the chapter has stored."""
    stored = chapter.read_text(encoding="utf-8")
    return any(json.dumps(text, ensure_ascii=False) not in stored for text in done.outcomes)


def is_noticed(chapter: Path, right: str, wrong: str) -> bool:
    """Tell whether a check is refused, or comes out differently, if the code is changed."""
    assert any(right in source for source in sources(chapter)), f"{chapter.stem}: no {right!r}"
    try:
        return differs(chapter, run(chapter, lambda source: source.replace(right, wrong)))
    except Vacuous:
        return True


def compound_parts(chapter: Path) -> Iterator[str]:
    """Name the parts that ask for two things in one, so that no control can tell them apart."""
    trees = [ast.parse(source) for source in sources(chapter)]
    functions = {
        node.name: node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    for call in (node for tree in trees for node in ast.walk(tree)):
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "examine"):
            continue
        asked: list[ast.AST] = [call.args[1]]
        names = (node.id for node in ast.walk(call.args[1]) if isinstance(node, ast.Name))
        asked += [functions[name] for name in names if name in functions]
        for node in (node for function in asked for node in ast.walk(function)):
            both = isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And)
            if both or (isinstance(node, ast.Compare) and len(node.ops) > 1):
                yield f"{chapter.stem}, {ast.unparse(call.args[0])}: {ast.unparse(node)}"


def main(chosen: list[str]) -> int:
    """Print, chapter by chapter, how much was changed, and what went unnoticed."""
    matplotlib.use("agg")
    unnoticed = []
    for chapter in sorted(BOOK.glob("*.ipynb")):
        if chosen and chapter.stem not in chosen:
            continue
        done = run(chapter)
        planted = [places for name, *places in PLANTED if name == chapter.stem]
        assert not differs(chapter, done), f"{chapter.stem}: run `make notebooks` first"
        unnoticed += [f"{chapter.stem}, {m}" for m in done.mutants if not m.noticed]
        unnoticed += [f"{chapter.stem}, {p}" for p in planted if not is_noticed(chapter, *p)]
        unnoticed += compound_parts(chapter)
        dropped = sum(mutant.change == "dropped" for mutant in done.mutants)
        print(
            f"{chapter.stem}: {len(done.outcomes)} checks, {dropped} parts dropped, "
            f"{len(done.mutants) - dropped} bounds times ten, {len(planted)} faults planted"
        )
    print(*(f"unnoticed: {what}" for what in unnoticed), f"{len(unnoticed)} unnoticed", sep="\n")
    return bool(unnoticed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
