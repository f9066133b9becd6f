"""A page's MyST as Markdown that every notebook shows.

Plain Markdown stays as it is. What a role says is asked of Sphinx: it is parsed and resolved as on
the page, and what comes out is written as Markdown, with links to the site's pages.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from urllib.parse import urljoin

from chapter_cards import cards_of
from claim_ledger import NAMES, ledger
from docutils import nodes
from docutils.frontend import get_default_settings
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import new_document, sphinx_domains

from softmax_lib.claims import Verdict

FENCE = re.compile(r"(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*)")
DIRECTIVE = re.compile(r"\{(?P<name>[\w:-]+)\} ?(?P<argument>.*)")
OPTION = re.compile(r":(?P<name>[\w-]+): ?(?P<value>.*)")
TARGET = re.compile(r"\([\w-]+\)=")
# A role, or code, in which nothing is one.
ROLE = re.compile(
    r"(?P<role>\{[\w:-]+\}`[^`]+`)|(?P<code>`+)(?!`).+?(?<!`)(?P=code)(?!`)",
    re.DOTALL,
)
DERIVATION = re.compile(
    r'<a href="#derivation-(?P<name>[\w-]+)">(?P<words>[^<]*)</a>'
)
DISPLAYED = re.compile(r"\$\$.+?\$\$", re.DOTALL)


class Page:
    """Writes what stands on one page; `glued` has the values that its notebook glues."""

    def __init__(
        self, app: Sphinx, name: str, site: str, glued: dict[str, str]
    ) -> None:
        self.app, self.name, self.glued = app, name, glued
        self.address = urljoin(site, app.builder.get_target_uri(name))
        # A solution goes on over several cells.
        self.in_solution = False

    def cell(self, source: str) -> str:
        """Write a cell."""
        # Each block is asked for, and then whether it stands in a solution.
        blocks = (
            (self.in_solution, block)
            for block in self._blocks(source.splitlines())
        )
        return "\n\n".join(
            fold("Solution", text) if in_solution else text
            for in_solution, group in groupby(blocks, key=lambda b: b[0])
            for text in ["\n\n".join(block for _, block in group)]
        )

    def output(self, source: str) -> str:
        """Write what a cell has returned as MyST."""
        return "\n\n".join(self._blocks(source.splitlines()))

    def line(self, source: str) -> str:
        """Write text that has roles and no directives."""
        return ROLE.sub(self._role, source)

    def derivations(self, text: str) -> str:
        """Lead to derivations that other pages show."""
        pages = self.app.pages_of_derivations  # type: ignore[attr-defined]

        def lead(link: re.Match[str]) -> str:
            page = pages.get(link["name"])
            if page in (None, self.name):
                return link["words"] if page is None else link[0]
            address = urljoin(
                self.address,
                self.app.builder.get_relative_uri(self.name, page),
            )
            return f'<a href="{address}#derivation-{link["name"]}">{link["words"]}</a>'

        return DERIVATION.sub(lead, text)

    def _role(self, found: re.Match[str]) -> str:
        markup = found["role"]
        if markup is None:
            return found[0]
        if markup.startswith("{glue:text}"):
            return self.glued[markup[len("{glue:text}") :].strip("`")]
        paragraph = self._resolved(markup)
        return "".join(map(self._written, paragraph.children))

    def _resolved(self, markup: str) -> nodes.paragraph:
        """Return what becomes of a role on this page."""
        env = self.app.env
        settings = get_default_settings(MystParser)
        settings.env = env
        document = new_document(env.doc2path(self.name), settings)
        env.prepare_settings(self.name)
        with sphinx_domains(env):
            MystParser().parse(markup, document)
        # From Sphinx 8.2 on it is copied, which what the parser leaves there cannot be.
        env.temp_data.clear()
        env.resolve_references(document, self.name, self.app.builder)
        (paragraph,) = document.children
        assert isinstance(paragraph, nodes.paragraph)
        return paragraph

    def _written(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return re.sub(r"[\\*<]", r"\\\g<0>", node.astext())
        if isinstance(node, nodes.math):
            return f"${node.astext()}$"
        if isinstance(node, nodes.literal):
            return f"`{node.astext()}`"
        inside = "".join(map(self._written, node.children))
        if isinstance(node, nodes.reference):
            return f"[{inside}]({self._address_of(node)})"
        if isinstance(node, nodes.inline):
            return (
                f"**{inside}**"
                if "verdict" in node["classes"]
                else inside
            )
        if isinstance(node, nodes.emphasis):
            return f"*{inside}*"
        raise ExtensionError(f"{self.name}: no Markdown for {node}")

    def _address_of(self, node: nodes.reference) -> str:
        target = node.get("refuri") or f"#{node['refid']}"
        return urljoin(self.address, str(target))

    def _blocks(self, lines: list[str]) -> Iterator[str]:
        """Yield blocks of Markdown without directives."""
        plain: list[str] = []
        place = 0
        while place < len(lines):
            line = lines[place]
            opening = FENCE.fullmatch(line)
            if opening:
                yield from self._plain(plain)
                plain = []
                end = lines.index(opening["fence"], place + 1)
                directive = DIRECTIVE.fullmatch(opening["info"])
                if directive:
                    yield from self._directive(
                        directive["name"],
                        directive["argument"],
                        lines[place + 1 : end],
                    )
                else:
                    yield "\n".join(lines[place : end + 1])
                place = end
            elif not TARGET.fullmatch(line):
                plain.append(line)
            place += 1
        yield from self._plain(plain)

    def _plain(self, lines: list[str]) -> Iterator[str]:
        """Yield the text of the lines; what a derivation says, alone in a paragraph, is displayed."""
        text = re.sub(
            r"(?m)^(\{says\}`[^`]+`)$(?=\n\n|\Z)",
            lambda found: f"${self.line(found[1])}$",
            "\n".join(lines).strip(),
        )
        if text:
            yield self.line(text)

    def _directive(
        self, name: str, argument: str, lines: list[str]
    ) -> Iterator[str]:
        options = {}
        while lines and (option := OPTION.fullmatch(lines[0])):
            options[option["name"]] = option["value"]
            lines = lines[1:]
        body = self._blocks(lines)
        kind = name.removeprefix("prf:").capitalize()
        if name == "solution-start":
            self.in_solution = True
        elif name == "solution-end":
            self.in_solution = False
        elif name.startswith("prf:"):
            label = options["label"]
            yield self._box(
                kind, label, argument, [*body, self._verdicts(label)]
            )
        elif name == "exercise":
            yield self._box(kind, options["label"], argument, body)
        elif name == "admonition":
            yield quote([f"**{self.line(argument)}**", *body])
        elif name == "dropdown":
            yield fold(self.line(argument), "\n\n".join(body))
        elif name == "table":
            yield from body
        elif name == "button-ref":
            yield self.line(
                f"{{ref}}`{' '.join(lines).strip()} <{argument}>`"
            )
        elif name == "chapter-cards":
            yield "\n".join(
                map(self._card, cards_of(self.app.env, argument))
            )
        elif name != "index":
            raise ExtensionError(
                f"{self.name}: portable notebooks have no form for the directive {name!r}"
            )

    def _box(
        self, kind: str, label: str, title: str, body: Iterable[str]
    ) -> str:
        link = f"[{kind}]({self.address}#{label})"
        return quote([f"**{link}: {self.line(title)}**", *body])

    def _verdicts(self, claim: str) -> str:
        entry = ledger(self.app.env)[claim]
        return "\n".join(
            f"* {name}: {self.line(f'{{{side}}}`{claim}`')}{entry.qualified(side)}"
            for side, name in NAMES.items()
            if getattr(entry, side) != Verdict.NOT_ASKED
        )

    def _card(self, card: tuple[str, str, str, str]) -> str:
        page, title, question, count = card
        behind = f" ({count})" if count else ""
        return self.line(
            f"* {{doc}}`{title} </{page}>`: {question}{behind}"
        )


def quote(blocks: Iterable[str]) -> str:
    """Write blocks as a quotation, which every notebook sets apart."""
    # Notebooks take formulas out before they read lines: a mark of quotation would get into them.
    text = DISPLAYED.sub(
        lambda found: found[0].replace("\n", " "), "\n\n".join(blocks)
    )
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def fold(summary: str, text: str) -> str:
    """Fold text away below a summary."""
    return (
        f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"
    )
