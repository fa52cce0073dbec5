"""Save a model as `.keras`, `.h5` or `.weights.h5`, and load it again: the same model, to the last bit.

All three keep architecture, weights, compile arguments, optimizer state and the state Keras leaves out (seed
generators), and all three reload here, for sequential, functional and subclassed models. Plain Keras
opens what it can: `.keras` wholly, `.h5` of sequential and functional models (uncompiled), and the
weights of all three by `load_weights`.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from workbench.atomic import atomic_path, extension_of, is_of_the_place, keep_as
from workbench.errors import FileError
from workbench.sentence import short_message
from workbench.storage import (
    archive,
    container,
    draws,
    guard,
    keras2,
    layer_paths,
    layout,
    legacy,
    rebuild,
    structure,
    verify,
)
from workbench.storage.digests import sha256_of
from workbench.storage.keras_errors import keras_errors
from workbench.storage.writing import write

# Where Keras looks for a class that a legacy file names without its module.
_SPACES = (
    *(keras, keras.layers, keras.models, keras.initializers, keras.regularizers, keras.constraints),
    *(keras.losses, keras.metrics, keras.optimizers, keras.optimizers.schedules, keras.dtype_policies),
)
Build = Callable[[], Any]  # makes a model again
WEIGHTS_ONLY = "it holds weights only, no configuration"  # the warning of such a file
FORMATS = (".keras", ".h5", ".weights.h5")


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written completely. `warnings` says which parts of the model a reload does not restore."""

    path: Path
    format: str
    sha256: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A model from a file. `notes` is empty for a file that kwb did not make.

    `completed` marks a model that plain Keras would have reloaded without some weights (see `rebuild`).
    """

    model: Any
    notes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    completed: bool = False


class KerasRegistry:
    """The resolver for a process that has imported its custom classes already: what Keras has registered."""

    def registered_names(self) -> set[str]:
        return set(keras.saving.get_custom_objects())

    def resolve_registered(self, name: str) -> object | None:
        return keras.saving.get_registered_object(name)


def format_of(path: str | os.PathLike[str]) -> str:
    """`.keras`, `.h5` or `.weights.h5`, by the name of the file.

    Raises:
        FileError: the name ends otherwise.
    """
    extension = extension_of(path)
    extension = ".h5" if extension == ".hdf5" else extension
    if extension not in FORMATS:
        raise FileError(
            f"not a format of a model file: '{extension or Path(path).name}'.",
            where=os.fspath(path),
            hint="Let the name end in .keras, .h5 or .weights.h5.",
        )
    return extension


def save(
    model: Any,
    path: str | os.PathLike[str],
    notes: Mapping[str, Any],
    *,
    resolver: guard.KnownClasses | None = None,
    probe: Any = None,
    check: bool = True,
    keep: Path | None = None,
    build: Build | None = None,
) -> WrittenFile:
    """Save a built model in the format of the path's extension. An old file stays until the new is sound.

    Args:
        model: the Keras model, built; compiled or not.
        notes: JSON data kept beside the model (scaling, recipe, versions), given back by `load`.
        resolver: who knows the custom classes; by default what this process has registered with Keras.
        probe: a batch of inputs, in the structure that the model is called with; with it, predictions of the
            reloaded file are compared too. The model's own state is not moved by it.
        check: reload the file and compare it with the model before it replaces the old file.
        keep: another name that the old file gets when the new one replaces it.
        build: makes the model again, with other weights. With it a `.weights.h5` file needs no configuration: of a
            model that cannot be rebuilt from one it holds the weights only.

    Raises:
        FileError: the file cannot be written, or would not give this model back. The old file is untouched.
    """
    kind = format_of(path)
    if not model.built:
        raise FileError(
            "the model has no weights yet, so there is nothing to save.",
            where=os.fspath(path),
            hint="Train it, or call it once on data.",
        )
    if build is not None and kind == ".weights.h5":
        try:
            return save(model, path, notes, resolver=resolver, probe=probe, check=check, keep=keep)
        except FileError as error:
            if is_of_the_place(error):
                raise
        return save_weights(model, path, build, notes, probe=probe, keep=keep)
    found: tuple[str, ...] = ()
    with atomic_path(path) as temporary:
        try:
            with keras_errors(Path(path), "saved", []):
                write(model, temporary, kind, notes)
        except FileError as error:
            error.hint = error.hint or verify.missing_config(model)
            raise
        if check:
            try:
                with draws.kept():
                    reloaded = load(temporary, resolver or KerasRegistry())
                found = verify.compare(model, reloaded.model, probe) + reloaded.warnings
                if reloaded.completed:
                    builder = f"{type(model).__name__}.build()"
                    found += (
                        f"{builder} does not build every layer: kwb reloads it, plain Keras only in part",
                    )
            except FileError as error:
                raise verify.explain(error, model).at(os.fspath(path)) from error
        digest = sha256_of(temporary)
        if keep is not None:
            keep_as(path, keep)
    return WrittenFile(Path(path), kind, digest, found)


def save_weights(
    model: Any,
    path: str | os.PathLike[str],
    build: Build,
    notes: Mapping[str, Any],
    *,
    probe: Any = None,
    keep: Path | None = None,
) -> WrittenFile:
    """Save the weights alone, of a model that cannot be rebuilt from a configuration.

    Args:
        path: a `.weights.h5` file.
        build: makes the model again, with other weights; it must accept those of the file before the file is kept.
        notes, probe, keep: as for `save`. `weights_notes` gives the notes back.

    Raises:
        FileError: the file cannot be written, or would not give the weights back. An old file is untouched.
    """
    with atomic_path(path) as temporary:
        with keras_errors(Path(path), "saved", []):
            model.save_weights(temporary)
            names, layers = layout.weight_names(model, temporary), layout.layer_table(model)
            archive.write_notes(temporary, {"format": 1, "notes": notes, "weights": names, "layers": layers})
        try:
            with draws.kept():
                again = build()
                load_weights(again, temporary)
                found = verify.compare_weights(model, again, probe)
        except FileError as error:
            raise error.at(os.fspath(path)) from error
        digest = sha256_of(temporary)
        if keep is not None:
            keep_as(path, keep)
    return WrittenFile(Path(path), ".weights.h5", digest, (WEIGHTS_ONLY, *found))


def weights_notes(path: str | os.PathLike[str]) -> Mapping[str, Any] | None:
    """The notes of a file that holds weights only, empty for one of plain Keras; None for a file of a whole model.

    Raises:
        FileError: the file is missing, damaged or refused.
    """
    found = container.read(path)
    return None if found.config is not None else found.record.get("notes", {})


def check_weights(model: Any, build: Build, probe: Any = None) -> None:
    """Save the weights of a built model in a temporary folder, and load them into one that was made again.

    Raises:
        FileError: they do not come back.
    """
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        try:
            save_weights(model, Path(folder) / "model.weights.h5", build, {}, probe=probe)
        except FileError as error:
            raise error.at(f"model '{model.name}'") from error


def check_saveable(
    model: Any, *, resolver: guard.KnownClasses | None = None, probe: Any = None
) -> tuple[str, ...]:
    """Save and reload a built model in a temporary folder: what cannot be saved is known before training.

    Returns:
        The warnings from saving it.

    Raises:
        FileError: as `save`; a layer built only by training shows only after it.
    """
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        try:
            return save(model, Path(folder) / "model.keras", {}, resolver=resolver, probe=probe).warnings
        except FileError as error:
            raise error.at(f"model '{model.name}'") from error


def load(path: str | os.PathLike[str], resolver: guard.KnownClasses, *, compile: bool = True) -> Loaded:
    """Load a model from a file of any of the three formats, made by kwb or by plain Keras.

    The file is checked before Keras touches it (see `guard`). A file of unknown origin is passed to
    `reader_client.check` first, which reads it where that can be ended.

    Raises:
        FileError: the file is missing, damaged, refused, needs a plugin that is not installed, or holds
            weights only.
    """
    path = Path(path)
    checked = guard.check_file(path, resolver)
    if checked.config is None:
        raise FileError(
            "holds weights only, no model.",
            where=str(path),
            hint="Give a recipe for the model, and this file as its 'weights'.",
        )
    for name in checked.bare:
        if checked.legacy and not any(hasattr(space, name) for space in _SPACES):
            resolver.resolve_registered(name)
    compile = compile and not checked.uncompilable
    found = [
        *checked.notes,
        *([f"loaded uncompiled: {checked.uncompilable}"] if checked.uncompilable else []),
    ]
    with keras_errors(path, "loaded", found), keras.saving.custom_object_scope(dict(checked.objects)):
        if checked.legacy:
            with container.errors(path):
                config = keras2.translated(checked.config)
            with keras2.with_config(path, checked.config, config) as file:
                model = keras.saving.load_model(file, compile=False)
            if compile and (error := legacy.compile_model(model, path)):
                found.append(error)
            return Loaded(model, {}, tuple(found))
        with archive.as_archive(path) as whole:
            if whole != path:
                container.read(whole)  # what was unpacked from HDF5 is checked like an archive
            record = archive.parse_notes(archive.read_notes(whole))
            try:
                model, completed = _load_archive(whole, record, str(path), compile)
            except Exception as error:
                model, completed = _legacy_model(whole, path, compile=compile), False
                if model is None and not compile:
                    raise
                if model is None:
                    model, completed = _load_archive(whole, record, str(path), False)
                    found.append(f"loaded uncompiled: {short_message(error, typed=False)}")
            found += _restore_state(model, record["state"])
    if model.compiled and getattr(model, "optimizer", None) is None:
        model.compiled = False  # Keras says so of a class with a compile() of its own, which it did not call
    return Loaded(model, record["notes"], tuple(dict.fromkeys(found)), completed)


def load_weights(model: Any, path: str | os.PathLike[str], *, optimizer: bool = False) -> tuple[str, ...]:
    """Give a built model the weights of a file of any of the three formats, by the names of its layers.

    Args:
        optimizer: restore the optimizer's state and that of seed generators too, to go on as if nothing had
            been between; the model must be compiled as it was. Else both stay as they are, to start from these
            weights.

    Returns:
        Warnings of layers whose weights were found by position, under another name.

    Raises:
        FileError: the file cannot be read, or its weights do not fit: the first that does not, both shapes;
            or the optimizer's state was asked for and does not fit.
    """
    path = Path(path)
    given = container.read(path)
    own = getattr(model, "optimizer", None)
    unfit: list[str] = []
    with keras_errors(path, "loaded", unfit):
        if optimizer and own is not None and not own.built:
            own.build(model.trainable_variables)
        if given.legacy:
            with layout.legacy_in_order(model, path) as matched:
                model.load_weights(matched.path)
            if optimizer and (error := legacy.restore_optimizer(model, path)):
                unfit.append(error)
        else:
            with archive.as_weights(path) as weights, layout.in_order(model, weights, path) as matched:
                skip = [own] if own is not None and not optimizer else []
                keras.saving.load_weights(model, matched.path, objects_to_skip=skip)
        if optimizer and given.record:
            unfit += _restore_state(model, given.record["state"])
    if optimizer and matched.moved:
        unfit.insert(0, "its layers are in another order, and the optimizer's state goes by order")
    if optimizer and unfit:
        raise FileError(f"does not fit: {unfit[0]}", where=str(path), hint="Compile the model as it was.")
    return matched.warnings


def _load_archive(whole: Path, record: Mapping[str, Any], where: str, compile: bool) -> tuple[Any, bool]:
    """The model of a `.keras` file, and whether Keras alone would have left weights out.

    Args:
        record: what kwb keeps in the file.
    """
    names = record["weights"]
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        model = keras.saving.load_model(whole, compile=compile)
    layer_paths.restore_names(model, record["layers"])
    if rebuild.lacks_weights(model, whole, names):
        return rebuild.complete(whole, names, where, compile=compile), True
    if not model.built and rebuild.mark_built(model):
        # Keras gives only a built model's optimizer its state.
        raised = [
            each for each in raised if not str(each.message).startswith("Skipping variable loading for")
        ]
        model.load_weights(whole)
    for warning in raised:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return model, False


def _legacy_model(whole: Path, path: Path, *, compile: bool) -> Any | None:
    """See `rebuild.by_legacy_groups`; None where that does not load the file either."""
    try:
        return rebuild.by_legacy_groups(whole, path, compile=compile)
    except Exception:  # the first error says what is wrong
        return None


def _restore_state(model: Any, rows: list[dict[str, Any]]) -> list[str]:
    variables = layer_paths.state_by_path(model)
    unplaced: list[str] = []
    for row in rows:
        if (variable := variables.get(row["path"])) is not None:
            value = np.array(row["value"], dtype=structure.value_of(variable).dtype)
            if value.shape == tuple(variable.shape):
                variable.assign(value)
                continue
        unplaced.append(f"the state '{row['path']}' of the file has no place in the model")
    return unplaced
