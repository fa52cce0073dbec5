"""Make optimizer, loss, metrics and callbacks of a recipe, and compile the model with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.assembly.compile_arguments import STANDARD, compile_arguments, refused
from workbench.assembly.make import Maker
from workbench.assembly.names import check_outputs
from workbench.assembly.structure import Structure
from workbench.catalog import Kind
from workbench.errors import RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.model_schema import Use
from workbench.recipe.names import METRIC_WORDS
from workbench.recipe.train_schema import Train
from workbench.sentence import short_message


def compile_model(model: Any, train: Train, structure: Structure, maker: Maker) -> None:
    """Compile in place.

    A model loaded compiled keeps its optimizer with its state, and its loss, where the recipe names none.

    Raises:
        RecipeError: a name is unknown, an argument is refused, or an output has no such name.
    """
    loaded = getattr(model, "compiled", False)
    if loaded and not train.model_fields_set & {*STANDARD, "compile"}:
        return
    if train.loss is not None:
        check_outputs(structure.outputs, "train.loss")
    keep_optimizer = loaded and "optimizer" not in train.model_fields_set
    optimizer = (
        model.optimizer if keep_optimizer else maker.make(Kind.OPTIMIZER, train.optimizer, "train.optimizer")
    )
    standard = {
        "optimizer": optimizer,
        "loss": _loss(train, structure, maker),
        "loss_weights": _loss_weights(train, structure),
        "metrics": _metrics(train.metrics, structure, maker, "train.metrics"),
        "weighted_metrics": _metrics(train.weighted_metrics, structure, maker, "train.weighted_metrics"),
        "run_eagerly": train.run_eagerly,
    }
    arguments = compile_arguments(model, train, standard, maker)
    try:
        model.compile(**arguments)
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except Exception as error:
        raise refused(model, train, error) or RecipeError(
            f"Keras cannot compile the model: {short_message(error)}.", where="train"
        ) from error
    if not model.compiled:
        name = type(model).__name__
        raise RecipeError(
            f"{name}.compile() does not compile the model.",
            where="train",
            hint=f"It must call super().compile(...), for {name} cannot be trained otherwise.",
        )
    if train.run_eagerly:  # a `compile()` of its own may not take it
        model.run_eagerly = True


def make_callbacks(train: Train, maker: Maker) -> list[Any]:
    """The recipe's callbacks, in order."""
    return [
        maker.make(Kind.CALLBACK, item, f"train.callbacks[{index}]")
        for index, item in enumerate(train.callbacks)
    ]


def _loss(train: Train, structure: Structure, maker: Maker) -> Any:
    if isinstance(train.loss, Use) and structure.output_form == "one":
        return _named(Kind.LOSS, train.loss, maker, "train.loss")
    if isinstance(train.loss, Use):  # one loss for several outputs means each of them
        each = {name: _named(Kind.LOSS, train.loss, maker, "train.loss") for name in structure.outputs}
        return _by_output(each, structure, "train.loss")
    if train.loss is None:
        return None
    made = {name: _named(Kind.LOSS, item, maker, f"train.loss.{name}") for name, item in train.loss.items()}
    return _by_output(made, structure, "train.loss")


def _loss_weights(train: Train, structure: Structure) -> Any:
    """A factor for each loss: Keras wants them all, the recipe may leave out those of 1."""
    if train.loss_weights is None:
        return None
    _known(train.loss_weights, structure.outputs, "train.loss_weights")
    with_loss = structure.outputs if isinstance(train.loss, Use) else tuple(train.loss or ())
    weights = {name: train.loss_weights.get(name, 1.0) for name in with_loss}
    return _by_output(weights, structure, "train.loss_weights")


def _metrics(
    asked: Sequence[Use] | Mapping[str, Sequence[Use]], structure: Structure, maker: Maker, where: str
) -> Any:
    if not asked:
        return None  # an empty list makes Keras expect that a train_step of the user's own updates metrics

    def made(items: Sequence[Use], where: str) -> list[Any]:
        return [_named(Kind.METRIC, item, maker, f"{where}[{i}]") for i, item in enumerate(items)]

    if isinstance(asked, Mapping):
        by_output = {name: made(items, f"{where}.{name}") for name, items in asked.items()}
    elif structure.output_form == "one":
        return made(asked, where)
    else:  # One list for a model of several outputs means each of them; Keras wants an instance for each.
        by_output = {name: made(asked, where) for name in structure.outputs}
    return _by_output(by_output, structure, where)


def _named(kind: Kind, item: Use, maker: Maker, where: str) -> Any:
    """A loss or metric. A short word of Keras' own stays a word, so that logs are called by it (`mae`)."""
    if not item.arguments:
        of_file = any(entry.from_file for entry in maker.catalog.named(kind, item.use))
        if kind is Kind.METRIC and item.use in METRIC_WORDS and not of_file:
            return item.use
        entry = maker.entry(kind, item, where)
        if item.use in entry.aliases and entry.target.startswith("keras."):
            return item.use
    return maker.make(kind, item, where)


def _by_output(values: Mapping[str, Any] | None, structure: Structure, where: str) -> Any:
    """Values by output name, in the form that Keras wants for this model's outputs."""
    if values is None:
        return None
    _known(values, structure.outputs, where)
    if structure.output_form == "one":
        return next(iter(values.values()))
    if structure.output_form == "dict":
        return dict(values)
    return [values.get(name) for name in structure.outputs]


def _known(names: Mapping[str, Any], outputs: Sequence[str], where: str) -> None:
    for name in names:
        if name not in outputs:
            hint = did_you_mean(name, outputs)
            if not hint and len(outputs) == 1:  # it is called like the data's target
                hint = f"Its one output is '{outputs[0]}'; with one output, no name is needed."
            hint = hint or f"The outputs are: {', '.join(outputs)}."
            raise RecipeError(f"the model has no output '{name}'.", where=f"{where}.{name}", hint=hint)
