"""What is said before training of targets that are learned scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.data.cells.target_scaling import TargetScale, of_outputs
from workbench.data.preparation import Preparation
from workbench.errors import FileError, RecipeWarning

_FAR = 1.0  # deviations: a model whose outputs are moved by so much begins as one that has learned nothing
_WHERE = "data.scale_targets"


def about_units(preparation: Preparation) -> list[str]:
    """In which units the loss, the metrics and the predictions of each scaled target are."""
    return [
        f"{scale.description(name)}, and so is the loss; metrics and predictions are in its own units"
        for name, scale in preparation.scales().items()
    ]


def unit_warnings(
    preparation: Preparation, outputs: Mapping[str, Any], notes: Mapping[str, Any], path: str
) -> Iterator[RecipeWarning]:
    """Outputs that cannot be brought to their target's units, and a loaded model that has learned in others.

    Args:
        preparation: of the training data.
        outputs: the model's outputs by name, symbolic where their shapes are known.
        notes: kwb's notes in the file that the model comes from; empty where there is none.
        path: that file.
    """
    scales = preparation.scales()
    for name, scale in of_outputs(scales, len(preparation.targets), outputs).items():
        shape = getattr(outputs[name], "shape", None)
        if shape is not None and not scale.fits(tuple(shape)):
            yield RecipeWarning(
                f"the output '{name}' has other numbers than its target, which is scaled: its metrics and predictions "
                "stay in scaled units.",
                _WHERE,
            )
    try:
        before = Preparation.from_record(notes["preparation"]).scales() if notes else None
    except (FileError, KeyError):
        return
    if before is None:
        return
    for spec in preparation.targets:
        if not hasattr(spec, "scale"):  # classes have none
            continue
        new, old = scales.get(spec.name), before.get(spec.name)
        if _far_apart(new, old):
            yield RecipeWarning(
                f"{path} has learned '{spec.name}' {_shown(old)}, and here it is learned {_shown(new)}: its outputs "
                "begin as those of a model that has learned nothing.",
                _WHERE,
            )


def _far_apart(one: TargetScale | None, other: TargetScale | None) -> bool:
    if one is None or other is None or one.kind != other.kind or len(one.center) != len(other.center):
        return (one is None) != (other is None) or (one is not None and other is not None)
    return any(
        abs(center - before) > _FAR * min(factor, width) or not 0.5 < factor / width < 2.0
        for center, before, factor, width in zip(
            one.center, other.center, one.factor, other.factor, strict=True
        )
    )


def _shown(scale: TargetScale | None) -> str:
    if scale is None:
        return "as it is"
    if len(scale.center) > 1:
        return f"scaled ({scale.kind})"
    return (
        f"scaled ({scale.kind}: {scale.center[0]:,.6g} becomes 0, {scale.center[0] + scale.factor[0]:,.6g} 1)"
    )
