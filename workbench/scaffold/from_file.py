"""`kwb new-plugin NAME --from FILE`: a project with what a file, or several, define.

The files are read as source and stay as they are. What moves is tried out (`trying_out`) before anything is written.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog import Kind
from workbench.errors import WorkbenchError
from workbench.scaffold.draft import ProjectDraft
from workbench.scaffold.keras_kinds import required_arguments
from workbench.scaffold.module_text import (
    Module,
    moved_files,
    moved_module,
    neighbour_module,
    neighbours,
    whole_module,
)
from workbench.scaffold.moved_imports import MovedFiles
from workbench.scaffold.moving import Moved, all_entries, what_moves
from workbench.scaffold.plugin_text import MovedEntry, by_reason, readme_text
from workbench.scaffold.requirements import distributions_of, imported_modules, optional_modules
from workbench.scaffold.shared_names import shared_names
from workbench.scaffold.source_file import LeftOut, SourceFile, read_source
from workbench.scaffold.statements import Statement
from workbench.scaffold.trying_out import tried_out
from workbench.scaffold.writing import Names, check_empty, project_texts, write_files


@dataclass(frozen=True)
class MovingReport:
    """What was done.

    Attributes:
        written: the files, relative to the project's folder.
        entries: what the plugin offers.
        left_out: what of the files is not in it.
        dependencies: the distributions that the project needs besides kwb.
        to_do: what its owner has to look at.
        registered: the names that were registered with Keras, by a decorator that was added.
    """

    written: tuple[Path, ...]
    entries: tuple[MovedEntry, ...]
    left_out: tuple[LeftOut, ...]
    dependencies: tuple[str, ...]
    to_do: tuple[str, ...]
    registered: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        """The report as `--json` prints it."""
        return {
            "written": [str(path) for path in self.written],
            "entries": [entry.as_record() for entry in self.entries],
            "left_out": [vars(each) for each in self.left_out],
            "dependencies": list(self.dependencies),
            "registered": list(self.registered),
            "to_do": list(self.to_do),
        }


def write_from_files(
    files: Sequence[Path],
    names: Names,
    folder: Path,
    *,
    tried: bool,
    on_begin: Callable[[int], None] = lambda count: None,
) -> MovingReport:
    """Write a project with what files define, each as a module of its own.

    Args:
        files: Python files and notebooks; at least one.
        names: of the plugin.
        folder: where to write it; empty, or not there.
        tried: whether to try out what moves, which imports it in a child.
        on_begin: called with the number of entries before they are tried.

    Raises:
        FileError: a file cannot be read, or the project not be written.
        WorkbenchError: a file is no valid Python, nothing of it moves, two define the same, or the folder holds
            something.
    """
    check_empty(folder)
    sources = [read_source(file) for file in {file.resolve(): file for file in files}.values()]
    parts, helpers = _parts(sources, names)
    entries = [entry for part in parts for entry in _entries(part)]
    _check_once(entries)
    to_do = dict.fromkeys(text for part in parts for text in part.to_do)
    modules = (*(part.module for part in parts), *helpers)
    draft = ProjectDraft(names, modules, tuple(entries), (), tuple(to_do))
    draft = _with_remarks(draft, helpers)
    draft, dependencies = _with_dependencies(draft)
    if tried:
        on_begin(len(draft.entries))
        draft = tried_out(draft, sources)
    else:
        draft = draft.with_to_do(
            ("nothing was tried: `kwb check` says what there is to mend, once it is installed",)
        )
    draft = draft.with_to_do(_of_entries(draft.entries))
    texts = project_texts(names, dependencies)
    gone = {
        path
        for path in texts
        if path.parts[0] == "src" or (path.name == "test_recipe.py" and not draft.layers)
    }
    texts = {path: text for path, text in texts.items() if path not in gone}
    texts |= {Path("src") / path: text for path, text in draft.package().items()}
    moved_from = [(shown, part.module.name) for shown, part in zip(_shown(sources), parts, strict=True)]
    texts[Path("README.md")] = readme_text(names, draft.entries, moved_from, draft.to_do)
    written = write_files(folder, dict(sorted(texts.items())))
    added = {what for part in parts for what in part.module.added}
    left_out = tuple(each for part in parts for each in part.left_out if each.what not in added)
    registered = tuple(name for part in parts for name in part.module.registered)
    return MovingReport(written, draft.entries, left_out, dependencies, draft.to_do, registered)


@dataclass(frozen=True)
class _Part:
    """What a file becomes.

    Attributes:
        entries: the statements that become entries, each with its kind.
        shown: the file as it is called in the report.
    """

    source: SourceFile
    module: Module
    entries: tuple[tuple[Statement, Kind], ...]
    shown: str
    left_out: tuple[LeftOut, ...] = ()
    to_do: tuple[str, ...] = ()


def _parts(sources: Sequence[SourceFile], names: Names) -> tuple[list[_Part], list[Module]]:
    """What each file becomes, and the files beside them that they need.

    Raises:
        WorkbenchError: nothing of a file moves.
    """
    given = moved_files(sources, names.package)
    shared = shared_names(sources, given)
    imported = _imported(sources, given)
    moved = [what_moves(*each) for each in zip(sources, shared, strict=True)]
    helpers: dict[Path, None] = {}
    for source, its in zip(sources, moved, strict=True):
        is_whole = source.path.resolve() in imported
        if not its.entries and not is_whole:
            raise _nothing(source, its)
        code = [each.node for each in (*its.imports, *its.body) if not each.is_scope]
        helpers |= dict.fromkeys(
            neighbours([source.tree] if is_whole else code, source.path.parent, given.modules)
        )
    files = moved_files(sources, names.package, helpers)
    parts = []
    for source, its, own, shown in zip(sources, moved, shared, _shown(sources), strict=True):
        if source.path.resolve() not in imported:
            module = moved_module(source, its, names.distribution, files)
            to_do = (*its.to_do, *_by_whole_name(source, shown, files))
            parts.append(_Part(source, module, its.entries, shown, its.left_out, to_do))
            continue
        entries = all_entries(source, own)
        module = whole_module(source, entries, names.distribution, files)
        runs = any(each.why.startswith("it is code that runs") for each in its.left_out)
        text = f"'{shown}' is moved as a whole, as other files import it: what runs in it, runs at its import"
        to_do = (*([text] if runs else []), *_by_whole_name(source, shown, files))
        parts.append(_Part(source, module, entries, shown, (), to_do))
    if not any(part.entries for part in parts):
        raise _nothing(sources[0], moved[0])
    return parts, [neighbour_module(path, files) for path in helpers]


def _by_whole_name(source: SourceFile, shown: str, files: MovedFiles) -> Iterator[str]:
    """What its owner has to look at where a file is imported as `a.b`, and used by that name."""
    for _, alias, node in files.imported_by(source.tree, source.path.parent):
        if alias is not None and isinstance(node, ast.Import) and not alias.asname and "." in alias.name:
            yield (
                f"{shown}:{node.lineno}: 'import {alias.name}' gives a name that the package has not: "
                f"write 'import {alias.name} as ...' in the file, and move it again"
            )


def _imported(sources: Sequence[SourceFile], files: MovedFiles) -> set[Path]:
    """The files that another one imports, or a file beside it that is moved along."""
    found: set[Path] = set()
    for source in sources if len(sources) > 1 else ():
        folder = source.path.parent
        found |= {path for path, _, _ in files.imported_by(source.tree, folder)} - {source.path.resolve()}
        with suppress(WorkbenchError):  # one that cannot be read may be one that nothing needs
            for beside in neighbours([source.tree], folder, files.modules):
                found |= {path for path, _, _ in files.imported_by(read_source(beside).tree, folder)}
    return found


def _shown(sources: Sequence[SourceFile]) -> list[str]:
    """What files are called: by their names, and where two have one, with their folder."""
    names = [source.path.name for source in sources]
    return [
        name if names.count(name) == 1 else f"{source.path.resolve().parent.name}/{name}"
        for name, source in zip(names, sources, strict=True)
    ]


def _check_once(entries: Sequence[MovedEntry]) -> None:
    """A plugin offers one thing of a name.

    Raises:
        WorkbenchError: two files define it.
    """
    found: dict[str, MovedEntry] = {}
    for entry in entries:
        if before := found.get(entry.name):
            raise WorkbenchError(
                f"'{entry.name}' is also defined in {before.where}, and a plugin offers one thing of a name.",
                where=entry.where,
                hint="Rename one of them, or make two plugins.",
            )
        found[entry.name] = entry


def _nothing(source: SourceFile, moved: Moved) -> WorkbenchError:
    reasons = [
        each for each in moved.left_out if "is not moved" in each.why or each.why.startswith("its base")
    ]
    hint = (
        "A class is found by what it inherits: keras.layers.Layer, keras.Model, keras.losses.Loss and so on."
    )
    if reasons:
        hint = f"{reasons[0].where}: `{reasons[0].what}`: {reasons[0].why}."
    return WorkbenchError(
        "nothing in it can be moved: no layer, model, loss, metric or other thing that Keras can use.",
        where=str(source.path),
        hint=hint,
    )


def _entries(part: _Part) -> tuple[MovedEntry, ...]:
    found = []
    classes = {each.name: each for each in part.source.tree.body if isinstance(each, ast.ClassDef)}
    for statement, kind in part.entries:
        node = statement.node
        assert isinstance(node, ast.ClassDef | ast.FunctionDef)
        summary = (ast.get_docstring(node) or "").partition("\n")[0].strip()
        called = isinstance(node, ast.ClassDef) or kind is Kind.MODEL
        required = tuple(required_arguments(node, classes)) if called else ()
        where = f"{part.shown}{part.source.where(statement.line).removeprefix(part.source.path.name)}"
        found.append(MovedEntry(kind, node.name, part.module.name, summary, where, required))
    return tuple(found)


def _with_dependencies(draft: ProjectDraft) -> tuple[ProjectDraft, tuple[str, ...]]:
    """The distributions that the code needs, and the draft with remarks on them."""
    trees = [ast.parse(module.text) for module in draft.modules]
    optional = optional_modules(trees)
    modules = {name for name, _ in imported_modules(trees)}
    own = {name for name in modules if name.partition(".")[0] in (draft.names.package, "")}
    dependencies, remarks = distributions_of(modules - optional - own)
    others = sorted(set(distributions_of(optional)[0]) - set(dependencies))
    if others:
        remarks += (f"the code can do without {', '.join(others)}: pyproject.toml does not name it",)
    return draft.with_to_do(remarks), dependencies


def _with_remarks(draft: ProjectDraft, helpers: Sequence[Module]) -> ProjectDraft:
    texts = [
        f"'{module.name}.py' stands beside the file and was moved along as a whole; what Keras can use of it has "
        "no entry yet: add that in plugin.py"
        for module in helpers
    ]
    return draft.with_to_do(texts)


def _of_entries(entries: Sequence[MovedEntry]) -> list[str]:
    texts = []
    for entry in entries:
        if entry.required:
            names = ", ".join(entry.required)
            texts.append(f"'{entry.name}': its entry in plugin.py needs an example with values for {names}")
        for reason, checks in by_reason(entry.failures).items():
            which = (
                f"the check '{checks[0]}'"
                if len(checks) == 1
                else f"{len(checks)} checks, '{checks[0]}' first"
            )
            texts.append(f"'{entry.name}' fails {which}: {reason}")
    silent = [entry.name for entry in entries if not entry.summary]
    if silent:
        texts.append(f"say in a docstring, and as summary in plugin.py, what these do: {', '.join(silent)}")
    return texts
