"""`kwb new` of pictures and masks: a class for each pixel, found by an encoder and a decoder of convolutions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import Kwb
from workbench.catalog.discovery import discover
from workbench.catalog.folders import mask_folders
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.recipe.names import check_names
from workbench.recipe.suggestion.recipe import ColumnFacts, Facts, suggest
from workbench.recipe.suggestion.text import recipe_text
from workbench.scaffold.first_recipe import propose


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


def squares(folder: Path, values: tuple[int, ...], count: int = 40, size: int = 16) -> None:
    """Pictures of bright squares, the brighter the higher their class, with masks of these values."""
    random = np.random.default_rng(3)
    for name in ("pictures", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        picture = random.integers(0, 60, (size, size, 3)).astype(np.uint8)
        mask = np.full((size, size, 1), values[0], np.uint8)
        kind = 1 + number % (len(values) - 1)
        top, left = random.integers(0, size - 7, 2)
        picture[top : top + 7, left : left + 7] += np.uint8(90 * kind)
        mask[top : top + 7, left : left + 7] = values[kind]
        for name, pixels in (("pictures", picture), ("masks", mask)):
            (folder / name / f"{number}.png").write_bytes(tf.io.encode_png(pixels).numpy())


def test_a_folder_of_pictures_beside_their_masks_is_known(tmp_path: Path) -> None:
    squares(tmp_path / "a", (0, 255), 3)
    assert mask_folders(tmp_path / "a") == ("pictures", "masks")
    (tmp_path / "a" / "masks" / "1.png").unlink()  # a picture without one: these are two classes
    assert mask_folders(tmp_path / "a") is None
    squares(tmp_path / "b", (0, 255), 2)
    (tmp_path / "b" / "masks").rename(tmp_path / "b" / "cats")
    assert mask_folders(tmp_path / "b") is None
    assert mask_folders(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("values", "last", "loss"),
    [
        ((0, 255), {"filters": 1, "activation": "sigmoid"}, "binary_crossentropy"),
        ((0, 1), {"filters": 1, "activation": "sigmoid"}, "binary_crossentropy"),
        ((0, 1, 2), {"filters": 3, "activation": "softmax"}, "sparse_categorical_crossentropy"),
    ],
)
def test_the_loss_fits_the_masks(
    tmp_path: Path, catalog: Catalog, values: tuple[int, ...], last: dict[str, Any], loss: str
) -> None:
    squares(tmp_path, values, 6)
    recipe = propose(str(tmp_path), catalog).suggestion.recipe
    assert recipe["data"]["masks"] == "masks"
    assert "scale_targets" not in recipe["data"]
    assert recipe["train"]["loss"] == loss
    words = [
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value}" for name, value in last.items()
    ]
    assert all(each in recipe["model"]["graph"][-1] for each in words)


@pytest.mark.parametrize(("size", "halved"), [((64, 96), 3), ((24, 20), 2), ((15, 15), 0), ((8, 8), 1)])
def test_pictures_are_halved_as_often_as_is_even(
    catalog: Catalog, size: tuple[int, int], halved: int
) -> None:
    columns = (
        ColumnFacts("image", "picture", (*size, 3), high=255),
        ColumnFacts("mask", "picture", (*size, 1), distinct=4, high=3),
    )
    suggestion = suggest("m", {"use": "images", "path": "p", "masks": "m"}, Facts(50, columns, ("mask",)))
    check_names(parse(recipe_text(suggestion)), catalog)
    graph = "\n".join(suggestion.recipe["model"]["graph"])
    assert graph.count("MaxPooling2D") == graph.count("UpSampling2D") == graph.count("Concatenate") == halved


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "metric", "least"), [((0, 255), "binary_io_u", 0.7), ((0, 1, 2), "mean_io_u", 0.4)]
)
def test_what_is_proposed_learns(
    kwb: Kwb, tmp_path: Path, values: tuple[int, ...], metric: str, least: float
) -> None:
    squares(tmp_path / "squares", values)
    made = kwb("new", "squares", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    trained = kwb("--batch", "squares.yaml", "--json", cwd=tmp_path, timeout=300)
    assert trained.returncode == 0, trained.stderr
    finished = json.loads(trained.stdout.splitlines()[-1])
    # Where a mask of nothing but the commonest class comes to 0.22 and 0.27.
    assert finished["evaluation"][metric] > least
