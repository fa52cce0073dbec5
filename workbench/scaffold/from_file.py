"""`kwb new-plugin NAME --from FILE`: a project with what a file, or several, define.

The files are read as source and stay as they are. What moves is tried out (`trying_out`) before anything is written.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog import Kind
from workbench.errors import WorkbenchError
from workbench.scaffold.draft import ProjectDraft
from workbench.scaffold.file_parts import FilePart, parts_of
from workbench.scaffold.keras_kinds import required_arguments
from workbench.scaffold.module_text import Module
from workbench.scaffold.plugin_text import MovedEntry, by_reason, readme_text
from workbench.scaffold.requirements import distributions_of, imported_modules, optional_modules
from workbench.scaffold.source_file import LeftOut, read_source
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
    parts, helpers = parts_of(sources, names)
    entries = [entry for part in parts for entry in _entries(part)]
    _check_once(entries)
    moved = [(part.shown, part.module) for part in parts if part.module is not None]
    to_do = [text for part in parts for text in part.to_do]
    to_do += [
        f"'{part.shown}' was left out: nothing in it is a layer, a model or another thing that Keras can use"
        for part in parts
        if part.module is None
    ]
    modules = (*(module for _, module in moved), *helpers)
    draft = ProjectDraft(names, modules, tuple(entries), (), tuple(dict.fromkeys(to_do)))
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
    moved_from = [(shown, module.name) for shown, module in moved]
    texts[Path("README.md")] = readme_text(names, draft.entries, moved_from, draft.to_do)
    written = write_files(folder, dict(sorted(texts.items())))
    added = {what for _, module in moved for what in module.added}
    left_out = tuple(each for part in parts for each in part.left_out if each.what not in added)
    registered = tuple(name for _, module in moved for name in module.registered)
    return MovingReport(written, draft.entries, left_out, dependencies, draft.to_do, registered)


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


def _entries(part: FilePart) -> tuple[MovedEntry, ...]:
    if part.module is None:
        return ()
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
