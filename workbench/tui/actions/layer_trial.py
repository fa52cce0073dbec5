"""Begin a layer trial from wherever one is: ask which layers, and hand it to the searches screen."""

from __future__ import annotations

from workbench.catalog import Kind
from workbench.errors import RecipeError
from workbench.recipe.document import Document
from workbench.recipe.outline import arguments_text
from workbench.search.layer_places import LayerPlace, places_of, shared_place
from workbench.search.layer_trial import item_of_text, trial_name
from workbench.search.opening import SEARCHES
from workbench.tui.actions.layer_trial_dialog import LayerTrialDialog
from workbench.tui.context import AppContext
from workbench.tui.messages import SearchWanted
from workbench.tui.widgets.pick import Pickable, PickDialog


async def ask_layer_trial(app: AppContext, key: str = "") -> None:
    """Ask for a trial of a layer of the open recipe, and begin it. Needs a worker's context.

    What is in the way is shown.

    Args:
        key: where the layer stands; without one the place is asked for too.
    """
    editor = app.editor
    if editor is None or editor.document is None:
        app.notice("open a recipe without errors first: two layers are compared in it.", "warning")
        return
    document = editor.document
    place = _place_at(app, document, key) if key else await _ask_place(app, document)
    if place is None:
        return
    own = str(place.item["use"])
    if not app.catalog.named(Kind.LAYER, own):
        app.notice(f"'{own}' is no layer of the catalog, so there is nothing to compare with.", "warning")
        return

    def wrong(text: str) -> str:
        try:
            item_of_text(text, app.catalog, "")
        except RecipeError as error:
            return " ".join(filter(None, (error.what, error.hint)))
        return ""

    def name_of(text: str) -> str:
        return trial_name(document, item_of_text(text, app.catalog, ""), place.item)

    layers = [Pickable(entry.name, entry.summary) for entry in app.catalog.of_kind(Kind.LAYER)]
    order = await app.push_screen_wait(
        LayerTrialDialog(
            f"{place.key} of {document.recipe.name}",
            f"{own} ({_arguments(place)})" if _arguments(place) else own,
            layers,
            check=wrong,
            name_of=name_of,
            taken=lambda name: (app.working_directory / SEARCHES / name).exists(),
        )
    )
    # The process reads the file.
    if order is None or ((editor.dirty or editor.path is None) and not await app.save_recipe()):
        return
    assert editor.path is not None
    words = ["trial", order.layer, str(editor.path.absolute()), "--against", own, "--at", place.key]
    words += ["--seeds", str(order.seeds), "--match", order.match, "--name", order.name]
    words += ["--vary", order.vary] if order.vary else []
    app.go("searches")
    app.share(SearchWanted(order.name, words))


def _place_at(app: AppContext, document: Document, key: str) -> LayerPlace | None:
    """The place of a key. Where there is none, that is said."""
    if (found := places_of(document).get(key)) is None:
        hint = shared_place(document, key) or "Go to a row with a layer of the model."
        app.notice(f"no other layer can be tried here. {hint}", "information")
    return found


async def _ask_place(app: AppContext, document: Document) -> LayerPlace | None:
    places = places_of(document)
    if not places:
        app.notice(f"the model of '{document.recipe.name}' has no layer in a place of its own.", "warning")
        return None
    options = [
        Pickable(place.key, f"{place.item['use']} {_arguments(place)}".rstrip()) for place in places.values()
    ]
    key = await app.push_screen_wait(
        PickDialog(
            "Which layer is compared with another one?",
            options=options,
            text=f"Layers of {document.recipe.name}",
            check=lambda text: "" if text in places else "there is no layer",
        )
    )
    return places[key] if key is not None else None


def _arguments(place: LayerPlace) -> str:
    named = {name: value for name, value in place.item.items() if name != "use"}
    return ", ".join(filter(None, [*map(str, place.unnamed), arguments_text(named)]))
