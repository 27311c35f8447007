"""Link the first use of each glossary term on a page of the book to the glossary.

The sources contain no such links: Colab would show `{term}` roles as raw text. The links are added when a page is
written, after all pages were read, so they do not depend on the order of reading and are not cached. `booktools`
registers this with Sphinx. A term with a capital letter (an abbreviation, a name) is matched with its case, any other
term without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.domains.std import StandardDomain

LINK_CLASS = "glossary-link"
THROUGH = (nodes.emphasis, nodes.strong)
"""Nodes allowed between a paragraph and its text; text in others (code, links, formulas, citations) gets no links."""
LEFT_ALONE = (nodes.table, nodes.figure, nodes.footnote, nodes.citation, nodes.topic, addnodes.glossary)
"""Nodes whose paragraphs are not running text and get no links."""


class GlossaryLinks(SphinxPostTransform):
    """Turn the first occurrence of each glossary term on a page into a reference, which Sphinx then resolves."""

    default_priority = 7  # outputs of notebooks are chosen before (4), references resolved after (10)

    def run(self, **kwargs: Any) -> None:
        terms = glossary_terms(self.env)
        if not terms or self.env.docname in {page for page, _ in terms.values()}:
            return
        finder = Finder(terms)
        taken = {link["reftarget"] for link in self.document.findall(addnodes.pending_xref) if _is_term(link)}
        taken = {name.lower() for name in taken}
        join_lines(self.document)
        for text in list(running_text(self.document)):
            pieces = finder.linked(text.astext(), taken, self.env.docname)
            if any(isinstance(piece, addnodes.pending_xref) for piece in pieces):
                text.parent.replace(text, pieces)


def glossary_terms(env: Any) -> dict[str, tuple[str, str]]:
    """Find every term of the book's glossaries, with the page and label of its entry."""
    domain = cast("StandardDomain", env.get_domain("std"))
    return {name: place for (kind, name), place in domain.objects.items() if kind == "term"}


def _spelled(term: str) -> str:
    # A line of the source may end between two words of a term.
    words = r"\s+".join(re.escape(word) for word in term.split())
    if term.endswith("y") and term[-2:-1] not in "aeiou":
        words = f"{words[:-1]}(?:y|ies)"
    elif term.endswith("s"):
        words = f"{words}(?:es)?"
    else:
        words = f"{words}(?:s|es)?"
    return words if any(letter.isupper() for letter in term) else f"(?i:{words})"


def join_lines(document: nodes.Node) -> None:
    """Join neighbouring text nodes: MyST makes one per line of the source."""
    for parent in list(document.findall(nodes.paragraph)):
        for around in [parent, *(one for kind in THROUGH for one in parent.findall(kind))]:
            around[:] = [
                piece
                for is_text, run in groupby(around.children, lambda child: isinstance(child, nodes.Text))
                for piece in ([nodes.Text("".join(one.astext() for one in run))] if is_text else run)
            ]


def running_text(document: nodes.Node) -> Iterator[nodes.Text]:
    """Find the text of paragraphs and list items, except in tables, figures, tables of contents and notes."""
    for text in document.findall(nodes.Text):
        around = text.parent
        while isinstance(around, THROUGH):
            around = around.parent
        if isinstance(around, nodes.paragraph) and not any(isinstance(node, LEFT_ALONE) for node in _above(around)):
            yield text


def _above(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


class Finder:
    """Find terms as whole words, the longest first, in the singular or plural."""

    def __init__(self, terms: Iterable[str]) -> None:
        self.terms = sorted(terms, key=lambda term: (-len(term), term))
        choices = "|".join(f"({_spelled(term)})" for term in self.terms)
        self.words = re.compile(rf"(?<![\w/.-])(?:{choices})(?![\w+/-])")

    def linked(self, text: str, taken: set[str], page: str) -> list[nodes.Node]:
        """Split a text into nodes, with a reference for each term not in `taken` (lower case), which is updated."""
        pieces: list[nodes.Node] = []
        end = 0
        for match in self.words.finditer(text):
            term = self.terms[cast(int, match.lastindex) - 1]
            if term.lower() in taken:
                continue
            taken.add(term.lower())
            if match.start() > end:
                pieces.append(nodes.Text(text[end : match.start()]))
            pieces.append(_reference(term, match[0], page))
            end = match.end()
        return [*pieces, nodes.Text(text[end:])] if end < len(text) else pieces


def _reference(term: str, shown: str, page: str) -> addnodes.pending_xref:
    inside = nodes.inline(shown, shown, classes=["xref", "std", "std-term", LINK_CLASS])
    target = {"refdomain": "std", "reftype": "term", "reftarget": term, "refdoc": page}
    return addnodes.pending_xref("", inside, refexplicit=True, refwarn=True, **target)


def _is_term(node: addnodes.pending_xref) -> bool:
    return bool(node.get("refdomain") == "std" and node.get("reftype") == "term")


def pages_to_write_again(app: Any, env: Any) -> list[str]:
    """Return all pages if a term was added, removed or moved since the last build, even unchanged pages."""
    terms = glossary_terms(env)
    before: Mapping[str, tuple[str, str]] | None = getattr(env, "covidlib_terms", None)
    env.covidlib_terms = terms
    return sorted(env.found_docs) if before is not None and before != terms else []


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_post_transform(GlossaryLinks)
    app.connect("env-updated", pages_to_write_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
