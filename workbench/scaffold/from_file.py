"""`kwb new-plugin NAME --from FILE`: a project with what a file defines.

The file is read as source and stays as it is. What moves is tried out before anything is written, in child processes,
from a temporary folder: which arguments make an instance, which checks fail, whether a first recipe trains.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.catalog import Kind
from workbench.check.results import Result, Status
from workbench.check.supervising import Order, run_checks
from workbench.children import with_path
from workbench.errors import WorkbenchError
from workbench.scaffold.examples import Example, find_examples
from workbench.scaffold.keras_kinds import required_arguments
from workbench.scaffold.module_text import Module, moved_module, neighbour_module, neighbours
from workbench.scaffold.moving import Moved, what_moves
from workbench.scaffold.plugin_text import MovedEntry, plugin_text, readme_text, recipe_layers, recipe_text
from workbench.scaffold.requirements import distributions_of, imported_modules, optional_modules
from workbench.scaffold.source_file import LeftOut, SourceFile, read_source
from workbench.scaffold.writing import Names, check_empty, project_texts, write_files

_TRAINING_LIMIT = 300.0  # seconds for two epochs of the recipe
_LONGEST = 200  # characters of what is wrong with an entry, in plugin.py
# What `check.supervising` says of a check that had to be ended, or has ended its process.
_ENDS_PROCESS = re.compile(r"it (crashed the process|ended the process|took over|printed over)")


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


@dataclass(frozen=True)
class _Draft:
    """A project before it is written."""

    names: Names
    modules: tuple[Module, ...]
    entries: tuple[MovedEntry, ...]
    layers: tuple[dict[str, Any], ...] = ()
    to_do: tuple[str, ...] = ()

    def package(self) -> dict[Path, str]:
        """The files of its package."""
        folder = Path(self.names.package)
        texts = {folder / "__init__.py": '"""Layers for kwb."""\n'}
        texts[folder / "plugin.py"] = plugin_text(self.names, self.entries, recipe=bool(self.layers))
        for module in self.modules:
            texts[folder / f"{module.name}.py"] = module.text
        if self.layers:
            texts[folder / "recipes" / f"{self.names.distribution}.yaml"] = recipe_text(
                self.names, self.layers
            )
        return texts


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
    draft = _Draft(names, (main, *helpers), _entries(source, moved, main), (), moved.to_do)
    draft = _with_remarks(draft, helpers)
    draft, dependencies = _with_dependencies(draft)
    if tried:
        on_begin(len(draft.entries))
        draft = _tried(draft, source)
    else:
        draft = _with_to_do(
            draft, ("nothing was tried: `kwb check` says what there is to mend, once it is installed",)
        )
    draft = _with_to_do(draft, _of_entries(draft.entries))
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
    for statement, kind in moved.entries:
        node = statement.node
        assert isinstance(node, ast.ClassDef | ast.FunctionDef)
        summary = (ast.get_docstring(node) or "").partition("\n")[0].strip()
        required = (
            tuple(required_arguments(node)) if isinstance(node, ast.ClassDef) or kind is Kind.MODEL else ()
        )
        where = source.where(statement.line)
        found.append(MovedEntry(kind, node.name, module.name, summary, where, required))
    return tuple(found)


def _with_dependencies(draft: _Draft) -> tuple[_Draft, tuple[str, ...]]:
    """The distributions that the code needs, and the draft with remarks on them."""
    trees = [ast.parse(module.text) for module in draft.modules]
    optional = optional_modules(trees)
    modules = {name for name, _ in imported_modules(trees)}
    own = {name for name in modules if name.partition(".")[0] in (draft.names.package, "")}
    dependencies, remarks = distributions_of(modules - optional - own)
    others = sorted(set(distributions_of(optional)[0]) - set(dependencies))
    if others:
        remarks += (f"the code can do without {', '.join(others)}: pyproject.toml does not name it",)
    return _with_to_do(draft, remarks), dependencies


def _with_to_do(draft: _Draft, texts: Iterable[str]) -> _Draft:
    return replace(draft, to_do=tuple(dict.fromkeys([*draft.to_do, *texts])))


def _with_remarks(draft: _Draft, helpers: Sequence[Module]) -> _Draft:
    texts = [
        f"'{module.name}.py' stands beside the file and was moved along as a whole; what Keras can use of it has "
        "no entry yet: add that in plugin.py"
        for module in helpers
    ]
    return _with_to_do(draft, texts)


def _of_entries(entries: Sequence[MovedEntry]) -> list[str]:
    texts = []
    for entry in entries:
        if entry.required:
            names = ", ".join(entry.required)
            texts.append(f"'{entry.name}': its entry in plugin.py needs an example with values for {names}")
        for check, reason in entry.failures.items():
            texts.append(f"'{entry.name}' fails the check '{check}': {reason}")
    silent = [entry.name for entry in entries if not entry.summary]
    if silent:
        texts.append(f"say in a docstring, and as summary in plugin.py, what these do: {', '.join(silent)}")
    return texts


# --------------------------------------------------------------------------- trying it out


def _tried(draft: _Draft, source: SourceFile) -> _Draft:
    """The draft with examples, expected failures and a recipe that trains, where they can be found."""
    with tempfile.TemporaryDirectory(prefix="kwb-new-plugin-") as temporary:
        site = Path(temporary)
        _install(draft, site)
        names = [entry.name for entry in draft.entries]
        found = find_examples(site / draft.names.package / f"{draft.modules[0].name}.py", names, [site])
        if isinstance(found, str):
            return _with_to_do(
                draft, (f"nothing could be tried, as the code cannot be imported here: {found}",)
            )
        given = _given_examples(source)
        entries = [_with_example(each, found.get(each.name, Example()), given) for each in draft.entries]
        draft = replace(draft, entries=tuple(entries))
        draft = _checked(draft, site)
        return _with_recipe(draft, site)


def _install(draft: _Draft, site: Path) -> None:
    """Write the package as if pip had installed it in a folder."""
    names = draft.names
    info = f"{names.package}-0.1.0.dist-info"
    texts = draft.package() | {
        Path(info) / "METADATA": f"Metadata-Version: 2.1\nName: {names.distribution}\nVersion: 0.1.0\n",
        Path(info) / "entry_points.txt": f"[kwb]\n{names.package} = {names.package}.plugin\n",
    }
    for path, text in texts.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")


def _given_examples(source: SourceFile) -> dict[str, Any]:
    """The examples that the file gives itself, as a plugin file does, where they are plain values."""
    for node in source.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="KWB_EXAMPLES")], value=value):
                try:
                    found = ast.literal_eval(value)
                except ValueError:
                    return {}
                return found if isinstance(found, dict) else {}
    return {}


def _with_example(entry: MovedEntry, example: Example, given: dict[str, Any]) -> MovedEntry:
    arguments = given.get(entry.name, example.arguments)
    if not isinstance(arguments, dict):
        return entry
    return replace(
        entry,
        kind=example.kind or entry.kind,
        example=arguments,
        required=tuple(name for name in entry.required if name not in arguments),
        inputs=example.inputs or 1,
        outputs=example.outputs or 1,
        shape=example.shape,
        output_axes=example.output_axes,
        input_shapes=example.input_shapes,
    )


def _checked(draft: _Draft, site: Path) -> _Draft:
    """The draft with the checks that fail as expected failures. What a failed check kept from being made is made after
    it has been announced, as in the tests of the project."""
    known: dict[tuple[str, str], dict[str, Status]] = {}
    while True:
        _install(draft, site)
        order = Order([each.entry(draft.names) for each in draft.entries], known=known, path=[site])
        try:
            results = list(run_checks(order))
        except WorkbenchError as error:
            return _with_to_do(draft, (f"the checks could not be run: {error}",))
        failed = [result for result in results if result.status is Status.FAILED]
        for result in results:
            if not result.follows:
                status = Status.XFAIL if result.status is Status.FAILED else result.status
                known.setdefault((result.kind, result.entry), {})[result.check] = status
        if not failed:
            return draft
        crashed = [
            f"'{r.entry}', check '{r.check}': {_reason(r)}" for r in failed if _ENDS_PROCESS.match(r.detail)
        ]
        draft = _with_to_do(
            draft, (f"{each}; pytest, which runs all in one process, ends there" for each in crashed)
        )
        entries = tuple(_with_failures(entry, failed, draft.names) for entry in draft.entries)
        if entries == draft.entries:
            return draft
        draft = replace(draft, entries=entries)


def _with_failures(entry: MovedEntry, failed: Sequence[Result], names: Names) -> MovedEntry:
    own = [r for r in failed if (r.kind, r.entry) == (entry.kind.value, f"{names.package}.{entry.name}")]
    reasons = {result.check: _reason(result) for result in own}
    return replace(entry, failures={**entry.failures, **reasons})


def _reason(result: Result) -> str:
    text = " ".join(result.detail.split()).rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."


def _with_recipe(draft: _Draft, site: Path) -> _Draft:
    """The draft with a recipe of the first layer that trains in one."""
    fitting = [each for each in draft.entries if recipe_layers(each, draft.names) is not None]
    for entry in fitting[:3]:
        layers = recipe_layers(entry, draft.names) or []
        with_recipe = replace(draft, layers=tuple(layers))
        _install(with_recipe, site)
        if _trains(draft.names, site):
            return with_recipe
    return _with_to_do(draft, ("there is no recipe: none of the layers trains on a table of numbers",))


def _trains(names: Names, site: Path) -> bool:
    code = "import sys; from workbench.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["--batch", names.distribution, "--set", "train.epochs=2"]
    with tempfile.TemporaryDirectory(prefix="kwb-recipe-") as folder:
        environment = with_path([site]) | {"KWB_STATE_DIR": folder}  # the run is nobody's
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", code, *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TRAINING_LIMIT,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and (Path(folder) / "saved" / f"{names.distribution}.keras").is_file()
