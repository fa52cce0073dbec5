"""Which pixels of masks stand for which classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kwb_datasets.image_decoding import MaskValues, gray_classes, native
from workbench.plugin import DataError, FileError, import_keras, near

import_keras()  # quietly
import tensorflow as tf  # noqa: E402

_LOOKED_AT = 64
_MOST = 64  # values: more are blurred edges, or a picture
_WHITE = 128
_HINT = "`mask_values: [0, 255]` takes two gray values, and each pixel for the nearer one."


def find_values(paths: Sequence[str]) -> MaskValues:
    """What the pixels of masks stand for, from a look at some of them: black and white are 0 and 1, other gray values
    are the classes themselves.

    Raises:
        DataError: they have colours, too many values, or more than 8 bits.
    """
    found: set[int] = set()
    for row in range(0, len(paths), max(1, len(paths) // _LOOKED_AT)):
        try:
            data = tf.io.read_file(paths[row])
            mask = native(data).numpy()
        except (OSError, tf.errors.OpError):
            continue  # it is named where all are read
        own = set(_packed(mask).tolist())
        start = data.numpy()[:26]
        if start[:4] == b"\x89PNG" and start[24] == 16:
            raise DataError(
                "this mask has 16 bits a pixel.",
                where=near(paths[row]),
                hint="Write masks with 8 bits, a number a class.",
            )
        if len(own) > 2 and start[:2] == b"\xff\xd8":
            raise DataError(
                f"this mask is a JPEG, which changes values: there are {len(own):,} different ones.",
                where=near(paths[row]),
                hint=f"Masks of several classes need PNG. {_HINT}",
            )
        found |= own
        if any(value > 255 for value in own):
            raise _coloured(found, near(paths[row]))
        if len(found) > _MOST:
            raise DataError(
                f"the masks have more than {_MOST} different values: edges may be blurred, or these are no masks.",
                where=near(paths[row]),
                hint=_HINT,
            )
    low, high = min(found, default=0), max(found, default=0)
    if len(found) <= 2 and high >= _WHITE:
        return (low if low < high else 0, high)
    return ()


def mask_error(mask: np.ndarray, values: MaskValues, name: str) -> DataError | FileError | None:
    """Why a decoded mask has no classes, or None."""
    found = np.unique(_packed(mask)).tolist()
    if values and isinstance(values[0], tuple):
        known = {_number(value) for value in values if isinstance(value, tuple)}
        unknown = [_shown(value) for value in found if value not in known]
    elif any(value > 255 for value in found):
        return _coloured(set(found), name)
    else:
        classes = gray_classes(values)
        unknown = [str(value) for value in found if classes[value] < 0]
    if not unknown:
        return None
    return DataError(
        f"the mask holds {unknown[0]}, which stands for no class"
        + (f", as {len(unknown) - 1} more do." if len(unknown) > 1 else "."),
        where=name,
        hint=f"The values are: {', '.join(map(str, values[:20]))}. `mask_values` says which they are, class by class.",
    )


def about(values: MaskValues) -> str:
    """How pixels become classes, for people."""
    if not values:
        return "The pixels of the masks are the numbers of their classes as they stand."
    shown = ", ".join(str(value) for value in values[:8])
    return f"The pixels of the masks that are {shown}{' …' if len(values) > 8 else ''} become the classes 0, 1 ..."


def _packed(mask: np.ndarray) -> np.ndarray:
    """A number for each pixel: its gray value, or one over 255 for a colour."""
    first = mask[..., 0].astype(np.int64)
    if mask.shape[-1] < 3:
        return np.unique(first)
    colours = np.unique(mask[..., :3].reshape(-1, 3), axis=0).astype(np.int64)
    gray = (colours == colours[:, :1]).all(axis=1)
    return np.unique(np.where(gray, colours[:, 0], 256 + colours @ np.array([65536, 256, 1])))


def _number(colour: tuple[int, int, int]) -> int:
    red, green, blue = colour
    return red if red == green == blue else 256 + red * 65536 + green * 256 + blue


def _colour(number: int) -> list[int]:
    if number < 256:
        return [number] * 3
    return [(number - 256) // 65536, (number - 256) // 256 % 256, (number - 256) % 256]


def _shown(number: int) -> str:
    return f"the colour {_colour(number)}"


def _coloured(found: set[int], name: str) -> DataError:
    some = ", ".join(str(_colour(value)) for value in sorted(found)[:6])
    more = "" if len(found) <= 6 else ", ..."
    return DataError(
        "this mask has colours, and which class each is for is not known.",
        where=name,
        hint=f"Say it: `mask_values: [{some}{more}]`.",
    )
