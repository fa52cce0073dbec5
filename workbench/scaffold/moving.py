"""Decide what of a file moves into a project: what Keras can use, and all that it needs by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from workbench.catalog import Kind
from workbench.scaffold.keras_kinds import KerasKinds, Unclear
from workbench.scaffold.pure_code import PureCode, dotted
from workbench.scaffold.requirements import RESERVED, beside, imported_modules
from workbench.scaffold.shared_names import NOTHING_SHARED, SharedNames
from workbench.scaffold.source_file import LeftOut, SourceFile, first_line
from workbench.scaffold.statements import Statement, statements_of


@dataclass(frozen=True)
class Moved:
    """What moves.

    Attributes:
        imports: the import statements, in the order of the file.
        body: definitions and constants, each after those that it needs at once.
        entries: the statements that become entries, each with its kind.
        missing: for each statement that needs names when it is called which the project does not have: these names,
            each with the reason.
        left_out: the rest of the file.
        to_do: what its owner has to look at.
    """

    imports: tuple[Statement, ...]
    body: tuple[Statement, ...]
    entries: tuple[tuple[Statement, Kind], ...]
    missing: dict[Statement, dict[str, str]]
    left_out: tuple[LeftOut, ...]
    to_do: tuple[str, ...]


def what_moves(source: SourceFile, shared: SharedNames = NOTHING_SHARED) -> Moved:
    """What of a file moves into a project; without entries where nothing of it is of use to Keras.

    Args:
        shared: what it has to do with other files that move with it.
    """
    return _Choice(source, shared).moved()


@dataclass(frozen=True)
class MovedWhole:
    """What a file that moves as a whole offers.

    Attributes:
        entries: the statements that become entries, each with its kind.
        to_do: what its owner has to look at.
    """

    entries: tuple[tuple[Statement, Kind], ...]
    to_do: tuple[str, ...]


def moved_whole(source: SourceFile, shared: SharedNames) -> MovedWhole:
    """What a file offers that moves as a whole, since others import it."""
    return _Choice(source, shared).whole()


@dataclass
class _Choice:
    source: SourceFile
    shared: SharedNames
    _chosen: dict[Statement, None] = field(default_factory=dict)
    _missing: dict[Statement, dict[str, str]] = field(default_factory=dict)
    _to_do: dict[str, None] = field(default_factory=dict)
    _left: dict[Statement, str] = field(default_factory=dict)
    _blocked: dict[Statement, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._all = statements_of(self.source)
        self._kinds = KerasKinds(self._all, self.shared.kinds)
        functions = {e.node.name: e.node for e in self._all if isinstance(e.node, ast.FunctionDef)}
        classes = frozenset(e.node.name for e in self._all if isinstance(e.node, ast.ClassDef))
        self._pure = PureCode(self._kinds.imported, functions, classes)
        self._stars = [each for each in self._all if each.is_star]
        self._bound_by: dict[str, list[Statement]] = {}
        for each in self._all:
            for name in each.binds:
                self._bound_by.setdefault(name, []).append(each)

    def moved(self) -> Moved:
        entries = []
        for each, kind in self._wanted():
            reason = self._why_not(each)
            if reason:
                self._left[each] = f"{reason}: it is not moved"
                continue
            self._move(each)
            entries.append((each, kind))
        for each in self._all if entries else ():
            if each.is_future:
                self._chosen[each] = None
        self._follow_changes()
        chosen = [each for each in self._all if each in self._chosen]
        return Moved(
            tuple(each for each in chosen if each.is_import),
            tuple(self._in_order([each for each in chosen if not each.is_import])),
            tuple(entries),
            self._missing,
            (*self.source.dropped, *self._rest()),
            tuple(self._to_do),
        )

    def whole(self) -> MovedWhole:
        """All definitions that become entries, and what the owner has to look at."""
        entries = tuple(self._wanted())
        to_do = [
            f"'{next(iter(each.binds))}' ({self._where(each)}) has no entry: {reason}"
            for each, reason in self._left.items()
            if isinstance(self._kinds.kind(each.node), Unclear)
        ]
        runs = self._work()
        for each in self._all:
            if self._is_script(each):
                runs.discard(each)
            elif each.is_import and (reason := self._lacking_module(each)):
                to_do.append(f"{self._where(each)}: {reason}")
            elif self._is_conditional(each):
                text = "what is defined under a condition has no entry: add it in plugin.py"
                to_do.append(f"{self._where(each)}: {text}")
        if runs:
            name = self.source.path.name
            to_do.append(
                f"'{name}' moves as a whole, as other files import it: its code that runs, runs at import"
            )
        return MovedWhole(entries, tuple(to_do))

    def _wanted(self) -> Iterator[tuple[Statement, Kind]]:
        """The definitions that become entries."""
        for each in self._all:
            kind = self._kinds.kind(each.node)
            if kind is None:
                continue
            name = next(iter(each.binds))
            last = self._bound_by[name][-1]
            if last is not each and last.is_scope:
                self._left[each] = f"'{name}' is defined again ({self._where(last)}), and that one is moved"
            elif isinstance(kind, Unclear):
                self._left[each] = (
                    f"its base is {kind.base}, of which kwb cannot see what it is to Keras: copy it by hand, and add "
                    "it in plugin.py, if it is a layer or the like"
                )
            elif name.startswith("_"):
                self._left[each] = "its name begins with '_', and nothing that is moved needs it"
            elif self._kinds.is_abstract(each.node):
                self._left[each] = "it is abstract, and nothing that is moved needs it"
            else:
                yield each, kind

    # ----------------------------------------------------------------- what it needs

    def _definitions(self, name: str, user: Statement) -> list[Statement]:
        """The statements that a name comes from: the last that binds it, and those before that this one builds on."""
        found: list[Statement] = []
        # A class of its own name as the base is the one before it.
        before = [each for each in self._bound_by.get(name, ()) if each is not user]
        if user in self._bound_by.get(name, ()):
            before = [each for each in before if each.line < user.line]
        for each in reversed(before):
            found.append(each)
            dotted_import = isinstance(each.node, ast.Import)  # import a.b and import a.c give one name, a
            if not dotted_import and name not in each.now:
                break
        return found

    def _why_not(self, statement: Statement) -> str:
        """Why a statement cannot run in the project; empty where it can."""
        if statement in self._blocked:
            return self._blocked[statement]
        self._blocked[statement] = ""  # it may need itself, by a detour
        reason = self._own_reason(statement)
        for name in sorted(statement.now) if not reason else ():
            definitions = self._definitions(name, statement)
            if not definitions and not self._stars and name not in statement.binds:
                reason = f"it needs '{name}', which the file does not define"
            for definition in definitions:
                if why := self._why_not(definition):
                    text = (
                        "comes from code that runs"
                        if definition in self._work()
                        else f"cannot be moved ({why})"
                    )
                    reason = f"it needs '{name}' ({self._where(definition)}), which {text}"
                    break
            if reason:
                break
        self._blocked[statement] = reason
        return reason

    def _own_reason(self, statement: Statement) -> str:
        if statement.is_import:
            return self._lacking_module(statement)
        return "" if self._pure.is_pure(statement.node) else "it is code that runs"

    def _work(self) -> set[Statement]:
        return {each for each in self._all if not each.is_import and not self._pure.is_pure(each.node)}

    def _lacking_module(self, statement: Statement) -> str:
        """Why an import beside the file cannot be moved along; single files can."""
        for module, node in imported_modules([statement.node]):
            path = beside(self.source.path.parent, module)
            if path is None or self._is_given(module, node):
                continue
            if path.is_file() and path.stem not in RESERVED:
                continue
            what = "a folder beside the file" if path.is_dir() else "no file beside it"
            what = "a name that the plugin has itself" if path.stem in RESERVED else what
            return f"'{module.lstrip('.') or module}' is {what}: copy what is needed of it into the package by hand"
        return ""

    def _is_given(self, module: str, node: ast.Import | ast.ImportFrom) -> bool:
        """True if the module moves with this file, or all that the import names is of files that do."""
        files, own = self.shared.files, self.source.path
        return files.find(module, own) is not None or files.hold(node, own)

    def _move(self, statement: Statement) -> None:
        """Move a statement with all that it needs."""
        if statement in self._chosen:
            return
        self._chosen[statement] = None
        self._left.pop(statement, None)
        for name in sorted(statement.now | statement.later):
            definitions = self._definitions(name, statement)
            if not definitions and name not in statement.binds:
                self._note_undefined(statement, name)
            for definition in definitions:
                if why := self._why_not(definition):
                    self._note_missing(statement, name, definition, why)
                else:
                    self._move(definition)
        for module, node in imported_modules([statement.node] if statement.is_scope else []):
            here = beside(self.source.path.parent, module)
            if here is not None and not self._is_given(module, node):
                place = self.source.where(statement.line + node.lineno - statement.node.lineno)
                self._to_do[
                    f"{place}: a function imports '{module}', which stands beside the file: write "
                    "the name that it has in the package"
                ] = None

    def _note_missing(self, statement: Statement, name: str, definition: Statement, why: str) -> None:
        shown = first_line(
            definition.text.split("\n", definition.head)[-1] if definition.head else definition.text
        )
        if definition.is_import:
            reason = why
        else:
            reason = f"in {self._where(definition)} it comes from code that runs (`{shown}`)"
        advice = "" if definition.is_import else ". Give it a value in the module, or make it an argument"
        self._missing.setdefault(statement, {})[name] = reason
        who = f"'{next(iter(sorted(statement.binds)), '')}'"
        self._to_do[f"{who} needs '{name}', which is not there: {reason}{advice}"] = None

    def _note_undefined(self, statement: Statement, name: str) -> None:
        if self._stars:
            for star in self._stars:
                if why := self._why_not(star):
                    self._note_missing(statement, name, star, why)
                else:
                    self._move(star)
            return
        who = next(iter(sorted(statement.binds)), "")
        if not name.startswith("__"):
            self._missing.setdefault(statement, {})[name] = "the file does not define it"
            self._to_do[f"'{who}' needs '{name}', which the file does not define"] = None

    def _follow_changes(self) -> None:
        """What changes something that is moved: `SIZES["large"] = 64` moves with it, a call is left out and named."""
        for each in self._all:
            name = _changed(each.node)
            if not name or each in self._chosen:
                continue
            if not any(
                definition in self._chosen and not definition.is_import
                for definition in self._bound_by.get(name, ())
            ):
                continue
            if not isinstance(each.node, ast.Expr) and not self._why_not(each):
                self._move(each)
            else:
                self._left[each] = f"it runs, and may change '{name}', which is moved"
                place = f"{self._where(each)}: `{first_line(each.text)}`"
                self._to_do[f"{place} is left out; see whether '{name}' is right without it"] = None

    # ----------------------------------------------------------------- order, and the rest

    def _in_order(self, chosen: list[Statement]) -> Iterator[Statement]:
        """As in the file, but after what is needed at once: a cell may use what a later one defines again."""
        done: set[Statement] = set()

        def each_of(statement: Statement) -> Iterator[Statement]:
            if statement in done:
                return
            done.add(statement)
            for name in sorted(statement.now):
                for definition in sorted(self._definitions(name, statement), key=lambda each: each.line):
                    if definition in self._chosen and not definition.is_import:
                        yield from each_of(definition)
            yield statement

        for statement in chosen:
            yield from each_of(statement)

    def _rest(self) -> Iterator[LeftOut]:
        for each in self._all:
            if each not in self._chosen and not _is_docstring(each, self._all):
                text = "\n".join(each.text.split("\n")[each.head :])
                yield LeftOut(first_line(text), self._where(each), self._left.get(each) or self._reason(each))

    def _reason(self, statement: Statement) -> str:
        node = statement.node
        for name in sorted(statement.binds):
            last = self._bound_by[name][-1]
            if last is not statement and last in self._chosen:
                return f"'{name}' is defined again ({self._where(last)}), and that one is moved"
        if statement.is_import:
            return self._lacking_module(statement) or "nothing that is moved needs it"
        if self._is_script(statement):
            return "it runs only as a script"
        if why := self._pure.is_pure(node) and self._why_not(statement):
            return why
        if self._is_conditional(statement):
            return "it defines a class under a condition: copy that by hand"
        if statement.is_scope or self._pure.is_pure(node):
            return "nothing that is moved needs it"
        return "it is code that runs, not a definition"

    def _is_script(self, statement: Statement) -> bool:
        """True for `if __name__ == "__main__":`."""
        node = statement.node
        return isinstance(node, ast.If) and any(
            isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(node.test)
        )

    def _is_conditional(self, statement: Statement) -> bool:
        """True where a class that Keras can use stands inside of another statement."""
        classes = (each for each in ast.walk(statement.node) if isinstance(each, ast.ClassDef))
        return not statement.is_scope and any(self._kinds.kind(each) for each in classes)

    def _where(self, statement: Statement) -> str:
        return self.source.where(statement.line)


def _changed(node: ast.stmt) -> str:
    """The name of what a statement changes a part of, or calls a method of as a statement; empty for others."""
    target: ast.AST | None = None
    match node:
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as part]):
            target = part
        case ast.AugAssign(target=ast.Attribute() | ast.Subscript() as part):
            target = part
        case ast.Expr(value=ast.Call(func=ast.Attribute() as part)):
            target = part
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return dotted(target) if isinstance(target, ast.Name) else ""


def _is_docstring(statement: Statement, every: tuple[Statement, ...]) -> bool:
    return (
        statement is every[0]
        and isinstance(statement.node, ast.Expr)
        and isinstance(statement.node.value, ast.Constant)
        and isinstance(statement.node.value.value, str)
    )
