"""The statements of a file's top level: their text, which names each one binds, and which it needs, now or later.

A name is needed *now* if the statement itself uses it (a base class, a decorator, a default, the value of a constant),
and *later* if only the code inside of a function does, when it is called.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.scaffold.source_file import SourceFile

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_INNER = (*_SCOPES, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Comments that are about the file: a cell's begin, how it is run, its encoding.
_OF_THE_FILE = re.compile(r"#\s*%%|#!|#.*coding[:=]")
_COMPREHENSIONS = ("genexpr", "listcomp", "setcomp", "dictcomp")
_KNOWN = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__class__", "__path__", "__spec__"}


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement.

    Attributes:
        node: its syntax.
        text: its code as it is written, with its decorators and the comments directly above.
        line, last: its first line, without comments, and its last.
        head: how many lines of the text are comments above it.
        binds: the names that it binds.
        now: the names that it needs when it is run.
        later: the names that only functions in it need.
    """

    node: ast.stmt
    text: str
    line: int
    last: int
    head: int
    binds: frozenset[str]
    now: frozenset[str]
    later: frozenset[str]

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def is_scope(self) -> bool:
        """True for a class and a function."""
        return isinstance(self.node, _SCOPES)

    @property
    def is_star(self) -> bool:
        return isinstance(self.node, ast.ImportFrom) and self.node.names[0].name == "*"

    @property
    def is_future(self) -> bool:
        return isinstance(self.node, ast.ImportFrom) and self.node.module == "__future__"


def statements_of(source: SourceFile) -> tuple[Statement, ...]:
    """The statements of a file's top level, in their order."""
    body = source.tree.body
    found = []
    for i, node in enumerate(body):
        first = _first(node)
        last = node.end_lineno or node.lineno
        before = (body[i - 1].end_lineno or 0) if i else 0
        after = _first(body[i + 1]) if i + 1 < len(body) else len(source.lines) + 1
        if first == before or last == after:  # several on one line, with ';' between
            top, text = first, _segment(source, node)
        else:
            top = _with_comments(source, first, before)
            text = "\n".join(source.lines[top - 1 : last])
        now, later = _needs(text, node)
        found.append(Statement(node, text, first, last, first - top, frozenset(_given(node)), now, later))
    return tuple(found)


def _first(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _with_comments(source: SourceFile, line: int, before: int) -> int:
    """The line on which the comments directly above a statement begin; they do not reach into another cell."""
    cell = source.cells[line - 1][0] if source.cells else 0
    while line - 1 > before:
        above = source.lines[line - 2]
        other = bool(source.cells) and source.cells[line - 2][0] != cell
        if not above.startswith("#") or _OF_THE_FILE.match(above) or other:
            break
        line -= 1
    return line


def _segment(source: SourceFile, node: ast.stmt) -> str:
    last = (node.end_lineno or node.lineno) - 1
    lines = [line.encode() for line in source.lines[node.lineno - 1 : last + 1]]
    lines[-1] = lines[-1][: node.end_col_offset]
    lines[0] = lines[0][node.col_offset :]
    return b"\n".join(lines).decode()


def _given(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds in the scope that it stands in."""
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            dotted = isinstance(node, ast.Import)
            for alias in names:
                yield alias.asname or (alias.name.partition(".")[0] if dotted else alias.name)
            return
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
            return
        case ast.AnnAssign(value=None):
            return
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
    if not isinstance(node, _INNER):
        for child in ast.iter_child_nodes(node):
            yield from _given(child)


def _needs(text: str, node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    now: set[str] = set()
    later: set[str] = set(_of_text_annotations(node))
    try:
        table = symtable.symtable(text, "<statement>", "exec")
    except SyntaxError:  # an `await` of a notebook: only code that runs has one there
        now = {
            each.id
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
        }
        return frozenset(now - _KNOWN), frozenset()
    for symbol in table.get_symbols():
        if symbol.is_referenced():
            now.add(symbol.get_name())
    for child in table.get_children():
        _gather(child, now, later, runs=True)
    now |= set(_of_class_bodies(node))
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        now.add(node.target.id)
    given = set(_given(node))
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.ClassDef):
        now -= given  # a `for` uses what it binds itself
    return frozenset(now - _KNOWN), frozenset(later - now - _KNOWN)


def _gather(table: symtable.SymbolTable, now: set[str], later: set[str], *, runs: bool) -> None:
    """The global names of a scope; what is in a class's body or a comprehension runs with the statement."""
    runs = runs and (table.get_type() != "function" or table.get_name() in _COMPREHENSIONS)
    for symbol in table.get_symbols():
        if symbol.is_global() and (symbol.is_referenced() or symbol.is_declared_global()):
            (now if runs else later).add(symbol.get_name())
    for child in table.get_children():
        _gather(child, now, later, runs=runs)


def _of_class_bodies(node: ast.AST) -> Iterator[str]:
    """The names that a class takes from outside to bind them itself: `activation = activation`."""
    for each in ast.walk(node):
        bound: set[str] = set()
        for part in each.body if isinstance(each, ast.ClassDef) else ():
            given = set(_given(part))
            value = getattr(part, "value", None)
            if isinstance(value, ast.expr):
                loaded = {name.id for name in ast.walk(value) if isinstance(name, ast.Name)}
                yield from (loaded & given) - bound
            bound |= given


def _of_text_annotations(node: ast.AST) -> Iterator[str]:
    """The names in annotations that are written as texts: `def call(self, mask: "Mask")`."""
    for each in ast.walk(node):
        for field in ("annotation", "returns"):
            hint = getattr(each, field, None)
            if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
                try:
                    parsed = ast.parse(hint.value, mode="eval")
                except SyntaxError:
                    continue
                yield from (name.id for name in ast.walk(parsed) if isinstance(name, ast.Name))
