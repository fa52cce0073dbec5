"""What can be checked, and the order of checks that it means now."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from workbench.catalog import Entry
from workbench.check.choosing import choose_entries
from workbench.check.supervising import CHECK_LIMIT, Key, Order
from workbench.errors import WorkbenchError
from workbench.tui.context import AppContext, CheckTarget
from workbench.tui.views.check_states import key_of
from workbench.tui.widgets.pick import Pickable

THE_RECIPE = "the open recipe"


def title_of(target: CheckTarget) -> str:
    """A target in words: `layer gate.Gate`."""
    if target.what == "recipe":
        return THE_RECIPE
    return f"{target.kind or 'plugin'} {target.name}"


def order_of(target: CheckTarget, app: AppContext) -> Order:
    """The checks that a target means, with the code and the recipe as they are now.

    Raises:
        WorkbenchError: there is no such thing (any more), its plugin cannot be used, or no recipe is open.
    """
    files = [path.resolve() for path in app.plugins.files]
    order = Order((), plugin_files=files, blocked=app.plugins.blocked, limit=CHECK_LIMIT)
    if target.what == "recipe":
        editor = app.editor
        if editor is None:
            raise WorkbenchError("no recipe is open.", hint="1 shows the recipes.")
        path = editor.path or editor.folder / editor.name
        return replace(order, recipe=path, recipe_text=editor.text)
    if target.what == "plugin":
        return replace(order, entries=choose_entries([target.name], app.catalog))
    found = [
        entry
        for entry in app.catalog.entries
        if (entry.kind.value, entry.qualified_name) == (target.kind, target.name)
    ]
    if not found:
        plugin = target.name.partition(".")[0]
        if any(each.name == plugin and each.error for each in app.catalog.plugins):
            choose_entries([plugin], app.catalog)  # raises why the plugin cannot be used
        raise WorkbenchError(
            f"there is no {target.kind} '{target.name}' (any more).", hint="o chooses something else."
        )
    return replace(order, entries=found)


def codes_of(entries: Iterable[Entry]) -> dict[Key, str]:
    """What the code of each entry of a plugin file says, without importing it. Files that cannot be read are left out;
    so is what a file has from elsewhere."""
    targets = {key_of(entry): entry.target.rpartition(":") for entry in entries if entry.from_file}
    texts = {file: _texts_in(Path(file)) for file, _, _ in set(targets.values())}
    return {key: texts[file][name] for key, (file, _, name) in targets.items() if name in texts[file]}


def _texts_in(path: Path) -> dict[str, str]:
    """The text of each class and function of a file, by its name."""
    try:
        text = path.read_text()
        parts = ast.parse(text).body
    except (OSError, ValueError, SyntaxError, RecursionError):
        return {}
    lines = text.splitlines()
    found = {}
    for part in parts:
        if isinstance(part, ast.ClassDef | ast.FunctionDef):
            first = min([part.lineno, *(each.lineno for each in part.decorator_list)])
            found[part.name] = "\n".join(lines[first - 1 : part.end_lineno])
    return found


def choices(app: AppContext) -> list[Pickable]:
    """All that can be checked, by the text that `chosen` understands."""
    recipe = [Pickable(THE_RECIPE, app.editor.name)] if app.editor is not None else []
    plugins = [
        Pickable(plugin.name, f"plugin, {len(plugin.entries)} entries")
        for plugin in sorted(app.catalog.plugins, key=lambda plugin: not plugin.is_file)
        if plugin.entries or plugin.error
    ]
    entries = [Pickable(_text(entry), entry.summary) for entry in app.catalog.entries]
    return [*recipe, *plugins, *entries]


def chosen(text: str, app: AppContext) -> CheckTarget | None:
    """The target of a choice; None for a text that is none."""
    if text == THE_RECIPE and app.editor is not None:
        return CheckTarget("recipe")
    if any(plugin.name == text for plugin in app.catalog.plugins):
        return CheckTarget("plugin", text)
    for entry in app.catalog.entries:
        if text == _text(entry):
            return CheckTarget("entry", entry.qualified_name, entry.kind.value)
    return None


def _text(entry: Entry) -> str:
    return f"{entry.qualified_name} {entry.kind.value}"


def source_files(entries: Iterable[Entry]) -> Iterator[Path]:
    """The files that the entries' code is in. Packages are located, not imported. It reads the disk."""
    for module in dict.fromkeys(entry.target.rpartition(":")[0] for entry in entries):
        if module.endswith(".py"):
            yield Path(module)
            continue
        top, *rest = module.split(".")
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            continue
        if spec is None:
            continue
        if not rest and spec.origin:
            yield Path(spec.origin)
        for folder in spec.submodule_search_locations or ():
            inside = Path(folder, *rest)
            yield from (
                path for path in (inside.with_suffix(".py"), inside / "__init__.py") if path.is_file()
            )
