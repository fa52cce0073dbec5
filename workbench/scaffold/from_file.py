"""`kwb new-plugin NAME --from FILE`: a project with what a file defines.

The file is read as source and stays as it is. What moves is tried out (`trying_out`) before anything is written.
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
from workbench.scaffold.keras_kinds import required_arguments
from workbench.scaffold.module_text import Module, moved_module, neighbour_module, neighbours
from workbench.scaffold.moving import Moved, what_moves
from workbench.scaffold.plugin_text import MovedEntry, by_reason, readme_text
from workbench.scaffold.requirements import distributions_of, imported_modules, optional_modules
from workbench.scaffold.source_file import LeftOut, SourceFile, read_source
from workbench.scaffold.trying_out import tried_out
from workbench.scaffold.writing import Names, check_empty, project_texts, write_files


@dataclass(frozen=True)
class MovingReport:
    """What was done.

    Attributes:
        written: the files, relative to the project's folder.
        entries: what the plugin offers.
        left_out: what of the file is not in it.
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


def write_from_file(
    file: Path,
    names: Names,
    folder: Path,
    *,
    tried: bool,
    on_begin: Callable[[int], None] = lambda count: None,
) -> MovingReport:
    """Write a project with what a file defines.

    Args:
        file: a Python file or a notebook.
        names: of the plugin.
        folder: where to write it; empty, or not there.
        tried: whether to try out what moves, which imports it in a child.
        on_begin: called with the number of entries before they are tried.

    Raises:
        FileError: the file cannot be read, or the project not be written.
        WorkbenchError: the file is no valid Python, nothing of it moves, or the folder holds something.
    """
    check_empty(folder)
    source = read_source(file)
    moved = what_moves(source)
    if not moved.entries:
        raise _nothing(source, moved)
    main = moved_module(source, moved, names.package, names.distribution)
    helpers = [neighbour_module(path, names.package) for path in neighbours(source, moved)]
    draft = ProjectDraft(names, (main, *helpers), _entries(source, moved, main), (), moved.to_do)
    draft = _with_remarks(draft, helpers)
    draft, dependencies = _with_dependencies(draft)
    if tried:
        on_begin(len(draft.entries))
        draft = tried_out(draft, source)
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
    texts[Path("README.md")] = readme_text(names, draft.entries, file.name, main.name, draft.to_do)
    written = write_files(folder, dict(sorted(texts.items())))
    left_out = tuple(each for each in moved.left_out if each.what not in main.added)
    return MovingReport(written, draft.entries, left_out, dependencies, draft.to_do, main.registered)


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


def _entries(source: SourceFile, moved: Moved, module: Module) -> tuple[MovedEntry, ...]:
    found = []
    classes = {each.node.name: each.node for each in moved.body if isinstance(each.node, ast.ClassDef)}
    for statement, kind in moved.entries:
        node = statement.node
        assert isinstance(node, ast.ClassDef | ast.FunctionDef)
        summary = (ast.get_docstring(node) or "").partition("\n")[0].strip()
        called = isinstance(node, ast.ClassDef) or kind is Kind.MODEL
        required = tuple(required_arguments(node, classes)) if called else ()
        where = source.where(statement.line)
        found.append(MovedEntry(kind, node.name, module.name, summary, where, required))
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
