"""Try out a draft in child processes, from a temporary folder: which arguments make an instance, which checks fail,
whether a first recipe trains.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.catalog import Kind
from workbench.check.results import Result, Status
from workbench.check.supervising import Order, run_checks
from workbench.children import with_path
from workbench.errors import WorkbenchError
from workbench.scaffold.draft import ProjectDraft
from workbench.scaffold.examples import Example, find_examples
from workbench.scaffold.plugin_text import MovedEntry, recipe_layers
from workbench.scaffold.source_file import SourceFile
from workbench.scaffold.writing import Names

_TRAINING_LIMIT = 300.0  # seconds for two epochs of the recipe
_LONGEST = 200  # characters of what is wrong with an entry, in plugin.py
# What `check.supervising` says of a check that had to be ended, or has ended its process.
_ENDS_PROCESS = re.compile(r"it (crashed the process|ended the process|took over|printed over)")


def tried_out(draft: ProjectDraft, sources: Sequence[SourceFile]) -> ProjectDraft:
    """The draft with examples, expected failures and a recipe that trains, where they can be found.

    Args:
        sources: the files that its code is from, which may give examples of their own.
    """
    with tempfile.TemporaryDirectory(prefix="kwb-new-plugin-") as temporary:
        site = Path(temporary)
        _install(draft, site)
        found: dict[str, Example] = {}
        untried: dict[str, str] = {}  # modules that cannot be imported here, and why
        modules = {entry.module: None for entry in draft.entries}
        for module in modules:
            names = [entry.name for entry in draft.entries if entry.module == module]
            examples = find_examples(site / draft.names.package / f"{module}.py", names, [site])
            if isinstance(examples, str):
                untried[module] = examples.replace(f"{site.resolve()}/", "src/").rstrip(".")
            else:
                found |= examples
        draft = draft.with_to_do(
            f"nothing of '{module}.py' could be tried, as it cannot be imported here: {reason}"
            for module, reason in untried.items()
        )
        if len(untried) == len(modules):
            return draft
        given = {name: example for source in sources for name, example in _given_examples(source).items()}
        entries = [_with_example(each, found.get(each.name, Example()), given) for each in draft.entries]
        draft = replace(draft, entries=tuple(entries))
        draft = _checked(draft, site, untried)
        return _with_recipe(draft, site)


def _install(draft: ProjectDraft, site: Path) -> None:
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
        kind=entry.kind if entry.kind is Kind.METRIC else example.kind or entry.kind,  # a function is both
        example=arguments,
        required=tuple(name for name in entry.required if name not in arguments),
        inputs=example.inputs or 1,
        outputs=example.outputs or 1,
        shape=example.shape,
        output_axes=example.output_axes,
        input_shapes=example.input_shapes,
    )


def _checked(draft: ProjectDraft, site: Path, untried: Collection[str]) -> ProjectDraft:
    """The draft with the checks that fail as expected failures. What a failed check kept from being made is made after
    it has been announced, as in the tests of the project.

    Args:
        untried: the modules whose entries are not checked.
    """
    known: dict[tuple[str, str], dict[str, Status]] = {}
    while True:
        _install(draft, site)
        entries = [each.entry(draft.names) for each in draft.entries if each.module not in untried]
        order = Order(entries, known=known, path=[site])
        try:
            results = list(run_checks(order))
        except WorkbenchError as error:
            return draft.with_to_do((f"the checks could not be run: {error}",))
        failed = [result for result in results if result.status is Status.FAILED]
        for result in results:
            if not result.follows:
                status = Status.XFAIL if result.status is Status.FAILED else result.status
                known.setdefault((result.kind, result.entry), {})[result.check] = status
        if not failed:
            return draft
        before = draft
        draft = _without_crashing(draft, [each for each in failed if _ENDS_PROCESS.match(each.detail)])
        announced = tuple(_with_failures(entry, failed, draft.names) for entry in draft.entries)
        if announced == before.entries:
            return draft
        draft = replace(draft, entries=announced)


def _without_crashing(draft: ProjectDraft, ended: Sequence[Result]) -> ProjectDraft:
    """The draft without the entries that end the process that checks them: pytest would end with it."""
    reasons = {result.entry.rpartition(".")[2]: result for result in reversed(ended)}
    kept = tuple(entry for entry in draft.entries if entry.name not in reasons)
    if not reasons or not kept:
        return draft
    texts = (
        f"'{name}' is in the module and has no entry, as its check '{each.check}' cannot be made: {_reason(each)}. "
        "Mend it, and add it in plugin.py"
        for name, each in reasons.items()
    )
    return replace(draft, entries=kept).with_to_do(texts)


def _with_failures(entry: MovedEntry, failed: Sequence[Result], names: Names) -> MovedEntry:
    own = [r for r in failed if (r.kind, r.entry) == (entry.kind.value, f"{names.package}.{entry.name}")]
    reasons = {result.check: _reason(result) for result in own}
    return replace(entry, failures={**entry.failures, **reasons})


def _reason(result: Result) -> str:
    text = " ".join(result.detail.split()).rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."


def _with_recipe(draft: ProjectDraft, site: Path) -> ProjectDraft:
    """The draft with a recipe of the first layer that trains in one."""
    fitting = [each for each in draft.entries if recipe_layers(each, draft.names) is not None]
    for entry in fitting[:3]:
        layers = recipe_layers(entry, draft.names) or []
        with_recipe = replace(draft, layers=tuple(layers))
        _install(with_recipe, site)
        if _trains(draft.names, site):
            return with_recipe
    return draft.with_to_do(("there is no recipe: none of the layers trains on a table of numbers",))


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
