"""XML of vendors' tools as a tree of plain nodes; no document types, no entities, no deep nesting.

Subtrees that no reader needs (ports, bindings of thousands of operators) are checked but not kept.
"""

from __future__ import annotations

import xml.parsers.expat as expat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trigforge.train.errors import InputError

MAX_DEPTH = 100
MAX_NODES = 500_000
SKIPPED = {"InterfaceSummary", "RTLDesignHierarchy", "BindNodes", "BindNode", "PragmaReport"}


@dataclass
class Node:
    """An element; ``path`` names it and its parents for errors."""

    tag: str
    path: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        """Children of a tag."""
        return (child for child in self.children if child.tag == tag)

    def child(self, tag: str, name: str) -> Node | None:
        """The only child of a tag, absent when there is none.

        Children that occur twice are one if their texts agree.

        Raises:
            InputError: they occur several times and differ.
        """
        found = list(self.all(tag))
        if not found:
            return None
        first = found[0]
        if any(not _same(first, other) for other in found[1:]):
            texts = ", ".join(repr(other.text[:40]) for other in found)
            raise InputError(f"{name}: {first.path} occurs twice, {texts}")
        return first

    def below(self, path: str, name: str) -> Node | None:
        """A descendant by its path below this node, absent when there is none."""
        node: Node | None = self
        for tag in path.split("/"):
            if node is None:
                return None
            node = node.child(tag, name)
        return node

    def need(self, path: str, name: str) -> Node:
        """Like :meth:`below`, but it must be there."""
        node = self.below(path, name)
        if node is None:
            raise InputError(f"{name}: {path} is missing; is the report whole?")
        return node


def _same(a: Node, b: Node) -> bool:
    return (
        a.text == b.text
        and a.attributes == b.attributes
        and len(a.children) == len(b.children)
        and all(_same(x, y) for x, y in zip(a.children, b.children, strict=True))
    )


def parse_xml(text: str, name: str) -> Node:
    """The root of a document.

    Raises:
        InputError: not well formed, or hostile: a document type, entities, deep or endless nesting.
    """
    stack: list[Node] = []
    roots: list[Node] = []
    skipped = 0
    count = 0

    def refuse(*_: object) -> None:
        raise InputError(f"{name}: declares a document type or entities; refused")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal skipped, count
        count += 1
        if len(stack) + skipped > MAX_DEPTH:
            raise InputError(f"{name}: nested deeper than {MAX_DEPTH} levels; refused")
        if count > MAX_NODES:
            raise InputError(f"{name}: more than {MAX_NODES} elements; refused")
        if skipped or tag in SKIPPED:
            skipped += 1
            return
        parent = stack[-1] if stack else None
        path = f"{parent.path}/{tag}".removeprefix("/") if parent else ""
        node = Node(tag, path, attributes)
        if parent:
            parent.children.append(node)
        else:
            roots.append(node)
        stack.append(node)

    def end(_: str) -> None:
        nonlocal skipped
        if skipped:
            skipped -= 1
            return
        node = stack.pop()
        node.text = node.text.strip()

    def characters(piece: str) -> None:
        if not skipped:
            stack[-1].text += piece

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise InputError(
            f"{name}: not well formed ({error}); cut short, or two reports in one file?"
        ) from None
    return roots[0]
