"""Sphinx extension that puts verdicts where a reader meets a claim.

* every statement box shows its two verdicts, and the roles ``{reals}`` and
  ``{floats}`` one of them anywhere else, linked to the claim's ledger row;
* the directive ``{claim-ledger}`` is the ledger, ``{claim-index}`` a short list in
  alphabetical order, ``{verdict-words}`` the legend of both, ``{human-steps}``
  the list of the steps that proofs take by hand;
* ``claims.json`` is written beside the pages.

All of it comes from `ledger.read_ledger`; where that raises, or a
claim is not as it was reviewed, the build fails.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from ledger import Entry, LedgerError, read_ledger
from ledger.review import check_review
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

from softmax_lib.claims import EVERY_K, Step, Verdict, known_steps

LEDGER_PAGE = "book/ledger"
INNER_IDS = {"proof-content", "exercise-content", "solution-content"}
NAMES = {"reals": "over the reals", "floats": "in floating point"}


class PendingVerdict(nodes.Inline, nodes.Element):  # type: ignore[misc]
    """Stands for a verdict until the addresses of all pages are known."""


class VerdictRole(SphinxRole):
    """``{reals}`sum-one` `` or ``{floats}`sum-one` ``: one verdict, linked."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Leave a placeholder, or an error for an id that is not in the ledger."""
        if self.text not in ledger(self.env):
            message = f"no claim {self.text!r} in the ledger"
            return [], [
                self.inliner.reporter.error(message, line=self.lineno)
            ]
        return [PendingVerdict(claim=self.text, side=self.name)], []


class PlaceRole(SphinxRole):
    """``{says}`sum-one` ``: what a derivation concludes; ``{given}``: what it supposes.

    ``{number}`bound` `` is a number that a check compares with.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Print what the record holds that has the derivation or the number."""
        for entry in ledger(self.env).values():
            words = entry.formulas.get(self.text, {}).get(self.name)
            if words is not None:
                return list(_with_maths(words, self.name)), []
        message = (
            f"no record holds anything for {{{self.name}}}`{self.text}`"
        )
        return [], [
            self.inliner.reporter.error(message, line=self.lineno)
        ]


def _with_maths(words: str, kind: str) -> Iterable[nodes.Node]:
    """Yield text, and mathematics for what stands between dollars."""
    for position, part in enumerate(words.split("$")):
        if position % 2:
            yield nodes.math(
                part, rf"\displaystyle {part}", classes=[kind]
            )
        elif part:
            yield nodes.Text(part)


def display_alone(app: Sphinx, document: nodes.document) -> None:
    """Display a formula that is a paragraph of its own."""
    for formula in list(document.findall(nodes.math)):
        paragraph = formula.parent
        if "says" in formula["classes"] and len(paragraph) == 1:
            block = nodes.math_block("", formula.astext(), nowrap=False)
            block["number"] = block["label"] = None
            paragraph.replace_self(block)


class ClaimLedger(SphinxDirective):
    """The ledger, claims with a gap first."""

    def run(self) -> list[nodes.Node]:
        """Write the rows as MyST, so that formulas and links come out."""
        entries = ledger(self.env).values()
        owed = sum(entry.has_gap for entry in entries)
        summary = (
            f"{len(entries)} claims, {owed or 'none'} of them with a gap."
        )
        if 0 < owed < len(entries):
            first = next(entry for entry in entries if not entry.has_gap)
            target = _row_id(first.claim)
            summary += f" [To the first one without.](#{target})"
        table = _table(entries, _statement_cell, _side_cell)
        return self.parse_text_to_nodes(f"{summary}\n\n{table}")


class ClaimIndex(SphinxDirective):
    """Every claim by its title, with its page and both verdicts."""

    def run(self) -> list[nodes.Node]:
        """Write the rows in the alphabet's order."""
        entries = sorted(
            ledger(self.env).values(),
            key=lambda entry: re.sub(
                "^(a|the) ", "", entry.title.casefold()
            ),
        )

        def name(entry: Entry) -> str:
            page = docname(self.env, entry)
            if page is None:
                return f"[{entry.title}](#{_row_id(entry.claim)})"
            return f"{{prf:ref}}`{entry.claim}`, in {{doc}}`/{page}`"

        table = _table(
            entries,
            name,
            lambda entry, side: f"{{{side}}}`{entry.claim}`",
        )
        return self.parse_text_to_nodes(table)


class HumanSteps(SphinxDirective):
    """Each step that is taken by hand, with the claims that take it."""

    def run(self) -> list[nodes.Node]:
        """Write a definition list of the steps."""
        entries = ledger(self.env).values()
        return self.parse_text_to_nodes(
            "\n\n".join(
                _step_item(
                    step, [e for e in entries if step.id in e.steps]
                )
                for step in known_steps().values()
            )
        )


class VerdictWords(SphinxDirective):
    """The verdict words and what each means."""

    def run(self) -> list[nodes.Node]:
        """Write a definition list of the words."""
        words = [f"**{word}**\n: {word.meaning}" for word in Verdict]
        return self.parse_text_to_nodes("\n\n".join(words))


def _table(
    entries: Iterable[Entry],
    name: Callable[[Entry], str],
    side: Callable[[Entry, str], str],
) -> str:
    """Write a table of claims: what `name` says of each, and what `side` says of both sides."""
    lines = [
        "````{list-table}",
        ":header-rows: 1",
        ":widths: 46 20 34",
        ":class: verdict-table",
        "",
        "* - Claim",
        "  - Over the reals",
        "  - In floating point",
    ]
    for entry in entries:
        cells = [name(entry), *(side(entry, which) for which in NAMES)]
        for position, cell in enumerate(cells):
            top, *others = cell.splitlines()
            lines.append(f"{'*' if position == 0 else ' '} - {top}")
            lines += [f"    {line}" for line in others]
    return "\n".join([*lines, "````"])


def _statement_cell(entry: Entry) -> str:
    row = f"({_row_id(entry.claim)})=\n"
    if not entry.notebook:
        return f"{row}**{entry.title}** `{entry.claim}`\n\n{entry.says}"
    # First of all links, for the filter by chapter goes by it.
    heading = f"{row}{{prf:ref}}`{entry.claim}` `{entry.claim}`"
    evidence = [
        f"* {NAMES[side]}: {piece}"
        for side, found in entry.evidence.items()
        for piece in found
    ]
    where = f"[In the chapter](#{_evidence_id(entry)})"
    behind = [entry.statement, "\n".join(evidence), where]
    if entry.steps:
        steps = [known_steps()[name] for name in entry.steps]
        links = [f"[{step.title}](#{_step_id(step)})" for step in steps]
        behind.insert(1, f"*By hand:* {'; '.join(links)}.")
    folded = "\n\n".join(behind)
    return (
        f"{heading}\n\n{entry.says}\n\n"
        f"```{{dropdown}} Statement and evidence\n{folded}\n```"
    )


def _step_item(step: Step, users: list[Entry]) -> str:
    claims = ", ".join(
        f"[{entry.title}](#{_row_id(entry.claim)})" for entry in users
    )
    source = f" {step.source}" if step.source else ""
    return (
        f"({_step_id(step)})=\n**{step.title}**\n"
        f": *Given:* {step.given}.\n\n  {step.says}{source}\n\n  *Taken in:* {claims}."
    )


def _step_id(step: Step) -> str:
    return f"step-{step.id}"


def _side_cell(entry: Entry, side: str) -> str:
    scope = entry.scope.get(side, EVERY_K)
    behind = entry.qualified(side).removeprefix(": ")
    parts = [
        f"{{{side}}}`{entry.claim}`",
        behind[:1].upper() + behind[1:],
    ]
    if scope != EVERY_K and scope not in entry.words(side):
        parts.append(f"*{scope}*")
    return "\n\n".join(filter(None, parts))


def _evidence_id(entry: Entry) -> str:
    return f"evidence-{entry.claim}"


def _row_id(claim: str) -> str:
    return f"claim-{claim}"


def ledger(env: BuildEnvironment) -> dict[str, Entry]:
    """Return the ledger's rows by id, in the ledger's order."""
    entries: dict[str, Entry] = env.app.claim_ledger  # type: ignore[attr-defined]
    return entries


def docname(env: BuildEnvironment, entry: Entry) -> str | None:
    """Return the page that states the claim, or None where there is none yet."""
    return env.path2doc(str(entry.notebook)) if entry.notebook else None


def load(app: Sphinx) -> None:
    """Gather the ledger before anything is read, or stop with what is wrong."""
    try:
        book = Path(app.srcdir) / app.config.book_folder
        entries = read_ledger(book)
        check_review(book, entries)
    except LedgerError as error:
        raise ExtensionError(str(error)) from None
    app.claim_ledger = {entry.claim: entry for entry in entries}  # type: ignore[attr-defined]


def reread_when_verdicts_change(
    app: Sphinx,
    env: BuildEnvironment,
    added: set[str],
    changed: set[str],
    removed: set[str],
) -> list[str]:
    """Verdicts show on pages that did not change themselves."""
    known = getattr(env, "claims_at_last_build", None)
    # A list, for their order counts too; of plain values, which any version of the code can compare.
    claims = [vars(entry) for entry in ledger(env).values()]
    env.claims_at_last_build = claims  # type: ignore[attr-defined]
    return [] if known == claims else sorted(env.found_docs)


def label_evidence(app: Sphinx, document: nodes.document) -> None:
    """Label the first code cell after each claim's statement."""
    page = app.env.docname
    standard = cast(StandardDomain, app.env.get_domain("std"))
    for entry in ledger(app.env).values():
        if docname(app.env, entry) != page:
            continue
        label = _evidence_id(entry)
        for cell in document.findall(nodes.container):
            if cell.get("cell_index") == entry.evidence_cell:
                cell["ids"].append(label)
                standard.anonlabels[label] = (page, label)
                standard.labels[label] = (page, label, "its evidence")


def resolve(app: Sphinx, document: nodes.document, page: str) -> None:
    """Put the verdicts into placeholders and statement boxes."""
    for pending in list(document.findall(PendingVerdict)):
        badge = _badge(app, page, pending["claim"], pending["side"])
        pending.replace_self(badge)
    for box in list(document.findall(_is_statement_box)):
        entry = ledger(app.env).get(box["label"])
        # In a note, a colon fence or a Markdown page the ledger did not find it.
        if entry is None or docname(app.env, entry) != page:
            raise ExtensionError(
                f"{page}: the statement box {box['label']!r} is not in the ledger; "
                "a claim is stated in a notebook, in a fence of its own"
            )
        box += _verdict_lines(app, page, entry)
    # sphinx-proof and sphinx-exercise give all their boxes one and the same inner id.
    for section in document.findall(nodes.section):
        section["ids"] = [
            name for name in section["ids"] if name not in INNER_IDS
        ]


def _is_statement_box(node: nodes.Node) -> bool:
    return "countertype" in getattr(node, "attributes", {})


def _verdict_lines(app: Sphinx, page: str, entry: Entry) -> nodes.Node:
    lines = nodes.line_block(classes=["claim-verdicts"])
    for side, name in NAMES.items():
        if getattr(entry, side) != Verdict.NOT_ASKED:
            badge = _badge(app, page, entry.claim, side)
            behind = nodes.Text(entry.qualified(side))
            lines += nodes.line(
                "", "", nodes.Text(f"{name}: "), badge, behind
            )
    return lines


def _badge(app: Sphinx, page: str, claim: str, side: str) -> nodes.Node:
    entry = ledger(app.env)[claim]
    verdict: Verdict = getattr(entry, side)
    if verdict == Verdict.NOT_ASKED:
        return nodes.Text(str(verdict))
    badge = nodes.inline(
        "",
        entry.words(side),
        classes=["verdict", f"verdict-{verdict.name.lower()}"],
    )
    return make_refnode(
        app.builder,
        page,
        LEDGER_PAGE,
        _row_id(claim),
        badge,
        f"{claim} in the ledger{entry.qualified(side)}",
    )


def add_filters(app: Sphinx, page: str, *_: Any) -> None:
    """Load the ledger's filters on its page alone."""
    if page == LEDGER_PAGE:
        app.add_js_file("ledger.js", type="module")


def write_claims(app: Sphinx, exception: Exception | None) -> None:
    """Write ``claims.json`` beside the pages."""
    if exception or app.builder.format != "html":
        return
    content: list[dict[str, Any]] = []
    for entry in ledger(app.env).values():
        page = docname(app.env, entry)
        anchor = entry.claim if page else _row_id(entry.claim)
        address = app.builder.get_target_uri(page or LEDGER_PAGE)
        content.append(entry.as_json(f"{address}#{anchor}"))
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    (Path(app.outdir) / "claims.json").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("book_folder", "book", "env")
    for side in NAMES:
        app.add_role(side, VerdictRole())
    for kind in ("says", "given", "number"):
        app.add_role(kind, PlaceRole())
    app.add_directive("claim-ledger", ClaimLedger)
    app.add_directive("claim-index", ClaimIndex)
    app.add_directive("human-steps", HumanSteps)
    app.add_directive("verdict-words", VerdictWords)
    app.connect("builder-inited", load)
    app.connect("env-get-outdated", reread_when_verdicts_change)
    app.connect("doctree-read", label_evidence)
    app.connect("doctree-read", display_alone)
    app.connect("doctree-resolved", resolve)
    app.connect("html-page-context", add_filters)
    app.connect("build-finished", write_claims)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
