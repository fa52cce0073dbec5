"""The contract: every check by its id, with its requirement, the kinds of entries it is for, and what it depends on.

Strings only, so that ids can be listed and selected without importing keras. What each check does is in the modules
`constructing`, `calling`, `behaving`, `dtypes`, `masks`, `placing`, `weights`, `training`, `storing` and `other_kinds`.

`needs` keeps one error from being reported many times: a layer whose `get_config` forgets an argument fails one check,
and those that reload it are skipped, saying so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from workbench.catalog import Kind


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        id: its name, by which it is selected and expected to fail.
        asks: what must be true, in a sentence.
        kinds: the kinds of entries it is made on.
        needs: ids of checks that must have passed before, or not apply, or fail as announced.
        method: the method of the class that a failure is about, where no exception leads to the line.
    """

    id: str
    asks: str
    kinds: frozenset[Kind]
    needs: tuple[str, ...] = ()
    method: str = "call"


_ALL = frozenset(Kind)
_CODE = _ALL - {Kind.RECIPE}
_MADE = _CODE - {Kind.DATASET}
_CONFIGURED = _MADE - {Kind.CALLBACK}
_LAYERS = frozenset({Kind.LAYER, Kind.MODEL})


def _only(kind: Kind) -> frozenset[Kind]:
    return frozenset({kind})


_RELOADS = ("from_config", "functional", "no_hidden_layers", "weights_in_build")

CONTRACT: tuple[Check, ...] = (
    Check("expected_failures", "each announced failure names a check of this kind of entry", _ALL),
    Check("resolves", "its target can be imported and is what its kind needs", _CODE),
    Check(
        "registered_name",
        "it is registered with Keras under its own name and its distribution's, so that files say what they need",
        _CONFIGURED,
        ("resolves",),
        method="",
    ),
    # Making it
    Check(
        "constructor",
        "its example makes an instance; no argument is needed that the example does not give",
        _MADE,
        ("resolves",),
        method="__init__",
    ),
    Check(
        "constructor_defaults",
        "where no argument is required, none is needed",
        _MADE,
        ("constructor",),
        method="__init__",
    ),
    Check(
        "config_serializable",
        "its configuration can be written as JSON",
        _CONFIGURED,
        ("constructor",),
        method="get_config",
    ),
    Check(
        "config_keeps_arguments",
        "get_config returns every argument of the constructor, other values than the defaults too",
        _CONFIGURED,
        ("config_serializable",),
        method="get_config",
    ),
    Check(
        "from_config",
        "from_config(get_config()) makes one with the same configuration",
        _CONFIGURED,
        ("config_keeps_arguments",),
        method="__init__",
    ),
    # Calling it
    Check("call", "it can be called on a batch", _LAYERS, ("constructor",)),
    Check(
        "weights_in_build",
        "weights are made when it is built, none by a call of what is built",
        _LAYERS,
        ("call",),
    ),
    Check("declared_inputs", "it has as many inputs as its entry says", _LAYERS, ("weights_in_build",)),
    Check("declared_outputs", "it has as many outputs as its entry says", _LAYERS, ("weights_in_build",)),
    Check("finite", "small finite inputs give finite outputs", _LAYERS, ("weights_in_build",)),
    Check(
        "deterministic",
        "in inference, the same input has the same output twice",
        _LAYERS,
        ("weights_in_build",),
    ),
    Check(
        "training_argument",
        "an argument `training` of its call is used",
        _LAYERS,
        ("deterministic",),
    ),
    Check(
        "keeps_nothing",
        "a call in inference changes no variable, and keeps nothing that grows",
        _LAYERS,
        ("deterministic",),
    ),
    Check("inputs_unchanged", "a call leaves its inputs as they are", _LAYERS, ("weights_in_build",)),
    Check(
        "built_once",
        "a second build() leaves the weights as they are",
        _LAYERS,
        ("weights_in_build",),
        method="build",
    ),
    Check("batch_sizes", "a batch may have any size, 1 too", _LAYERS, ("weights_in_build",)),
    Check(
        "independent_rows",
        "in inference, the output of a row does not depend on the other rows of its batch",
        _LAYERS,
        ("deterministic", "batch_sizes"),
    ),
    Check(
        "output_shape",
        "compute_output_shape agrees with the shape of its output",
        _LAYERS,
        ("weights_in_build",),
        method="compute_output_shape",
    ),
    Check(
        "no_hidden_layers",
        "Keras sees every layer and weight inside it, so that all are trained and saved",
        _LAYERS,
        ("weights_in_build",),
        method="build",
    ),
    Check(
        "functional",
        "a functional model of it has the same weights and returns the same outputs",
        _LAYERS,
        ("deterministic", "output_shape", "no_hidden_layers"),
    ),
    Check(
        "sequential",
        "with one input and one output, it works in a stack",
        _LAYERS,
        ("functional", "declared_inputs", "declared_outputs"),
    ),
    Check(
        "subclassed",
        "inside a model class it has the same weights and returns the same outputs",
        _LAYERS,
        ("deterministic", "no_hidden_layers"),
    ),
    Check("shared", "used twice in a model, it has its weights once", _LAYERS, ("functional",)),
    Check(
        "graph",
        "in a compiled graph (tf.function) it returns the same outputs",
        _LAYERS,
        ("deterministic", "no_hidden_layers"),
    ),
    Check("xla", "compiled by XLA it returns the same outputs", _LAYERS, ("graph",)),
    Check(
        "mixed_precision", "it works under the policy mixed_float16", _LAYERS, ("finite", "no_hidden_layers")
    ),
    Check(
        "output_dtype",
        "it returns the dtype of its policy: float32, float64 and mixed_float16",
        _LAYERS,
        ("mixed_precision",),
    ),
    Check(
        "masking",
        "where it says that it supports masks, it accepts a masked input, or refuses it with a clear error",
        _LAYERS,
        ("weights_in_build",),
    ),
    Check(
        "mask_used",
        "where its call accepts a mask, masked steps change nothing at the others, and steps keep their mask",
        _LAYERS,
        ("deterministic", "masking"),
    ),
    # Training it
    Check(
        "training_mode",
        "in training it takes any batch, returns finite outputs and makes no weights that inference does not have",
        _LAYERS,
        ("deterministic", "batch_sizes", "finite"),
    ),
    Check("added_losses", "each loss that it adds is one number", _LAYERS, ("training_mode",)),
    Check(
        "gradients",
        "gradients reach every trainable weight",
        _LAYERS,
        ("training_mode", "no_hidden_layers"),
    ),
    Check(
        "engines",
        "trained step by step, in a compiled graph and by XLA, it ends with the same weights",
        _LAYERS,
        ("gradients", "xla"),
    ),
    # Saving it
    Check(
        "saves_keras",
        "saved as .keras and reloaded, weights and outputs are equal",
        _LAYERS,
        _RELOADS,
        method="get_config",
    ),
    Check(
        "saves_h5",
        "saved as .h5 and reloaded, weights and outputs are equal",
        _LAYERS,
        _RELOADS,
        method="get_config",
    ),
    Check(
        "saves_weights_h5",
        "a new one that reads its .weights.h5 has equal weights and returns equal outputs",
        _LAYERS,
        _RELOADS,
        method="build",
    ),
    # The other kinds
    Check("loss_value", "it returns a finite loss", _only(Kind.LOSS), ("constructor",)),
    Check(
        "metric_value",
        "it returns finite values, and starts again after reset_state",
        _only(Kind.METRIC),
        ("constructor",),
    ),
    Check(
        "optimizer_step", "a step moves a weight to a finite value", _only(Kind.OPTIMIZER), ("constructor",)
    ),
    Check(
        "schedule_value",
        "it returns a finite learning rate at any step",
        _only(Kind.SCHEDULE),
        ("constructor",),
    ),
    Check("callback_fit", "a short training goes through with it", _only(Kind.CALLBACK), ("constructor",)),
    Check(
        "initializer_values",
        "it returns finite values of the shape and type asked for",
        _only(Kind.INITIALIZER),
        ("constructor",),
    ),
    Check(
        "regularizer_value",
        "it returns one finite number for a weight",
        _only(Kind.REGULARIZER),
        ("constructor",),
    ),
    Check(
        "constraint_weights",
        "it returns a finite weight of the same shape",
        _only(Kind.CONSTRAINT),
        ("constructor",),
    ),
    Check(
        "dataset_rows",
        "it loads, its columns are usable and hold its targets",
        _only(Kind.DATASET),
        ("resolves",),
    ),
    Check("recipe_reads", "its file is there and is a recipe", _only(Kind.RECIPE)),
    Check("recipe_names", "every name in it is in the catalog", _only(Kind.RECIPE), ("recipe_reads",)),
)

BY_ID = {check.id: check for check in CONTRACT}


def checks_of(kind: Kind) -> tuple[Check, ...]:
    """The checks of a kind of entry, each behind those that it needs."""
    return tuple(check for check in CONTRACT if kind in check.kinds)


def with_needs(ids: Collection[str]) -> frozenset[str]:
    """Checks with all that must be known before them."""
    found: set[str] = set()

    def visit(names: Collection[str]) -> Iterator[str]:
        for name in names:
            yield name
            yield from visit(BY_ID[name].needs)

    found.update(visit(ids))
    return frozenset(found)
