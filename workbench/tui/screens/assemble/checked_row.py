"""What a row of the recipe, or an entry of the catalog beside it, is for the check screen."""

from __future__ import annotations

from workbench.catalog import Entry
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.outline import RecipeRow, Role
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.context import AppContext, CheckTarget


def check_here(app: AppContext, row: RecipeRow | None, found: Entry | None) -> None:
    """Check what is under the cursor; see `check_target`."""
    target = check_target(row, found, app.catalog)
    if target is not None:
        begin_check(app, target)
    else:
        app.notice("nothing can be checked here: go to a row that names an entry.", "information")


def check_target(row: RecipeRow | None, found: Entry | None, catalog: Catalog) -> CheckTarget | None:
    """The entry to check; the whole recipe from the row of its model as a stack or graph; None where there is nothing.

    Args:
        row: the row under the cursor.
        found: the entry that the catalog highlights, if the cursor is there.
        catalog: where a row's name is looked up.
    """
    if found is not None:
        return _of(found) if found.target else None  # a stack is no entry
    if row is None:
        return None
    if row.role is Role.MODEL and not row.use:
        return CheckTarget("recipe")
    if row.kind is None or not row.use:
        return None
    try:
        return _of(catalog.find(row.kind, row.use))
    except RecipeError:
        return None


def _of(entry: Entry) -> CheckTarget:
    return CheckTarget("entry", entry.qualified_name, entry.kind.value)
