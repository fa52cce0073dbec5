"""Data that ships inside scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.plugin import Source


def diabetes(scaled: bool = False) -> Source:
    """442 patients, ten measurements each; the target is the disease's progression one year on.

    Args:
        scaled: scikit-learn's own scaling (each column has mean 0 and length 1) instead of plain units.
    """
    from sklearn.datasets import load_diabetes

    return _table(load_diabetes(scaled=scaled), target="progression")


def iris() -> Source:
    """150 flowers of three species, four measurements each in centimetres."""
    from sklearn.datasets import load_iris

    return _table(load_iris(), target="species")


def wine() -> Source:
    """178 wines of three growers, thirteen chemical measurements each."""
    from sklearn.datasets import load_wine

    return _table(load_wine(), target="grower")


def breast_cancer() -> Source:
    """569 tumours, malignant or benign, thirty measurements each."""
    from sklearn.datasets import load_breast_cancer

    return _table(load_breast_cancer(), target="diagnosis")


def digits() -> Source:
    """1,797 handwritten digits as `image`, (8, 8, 1) from 0 to 1."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Source(
        columns={"image": (bunch.images[..., None] / 16.0).astype(np.float32), "digit": bunch.target},
        targets=("digit",),
        classes={"digit": tuple(str(name) for name in bunch.target_names)},
        origin="digits",
    )


def _table(bunch: Any, target: str) -> Source:
    names = [_column_name(name) for name in bunch.feature_names]
    columns = {name: bunch.data[:, at] for at, name in enumerate(names)}
    classes = getattr(bunch, "target_names", None)
    return Source(
        columns=columns | {target: bunch.target},
        targets=(target,),
        classes={} if classes is None else {target: tuple(str(name) for name in classes)},
    )


def _column_name(name: str) -> str:
    """`sepal length (cm)` as `sepal_length_cm`, to be written in a recipe without quotes."""
    return "_".join(name.replace("(", "").replace(")", "").replace("/", "_").split())
