"""Windows and the parts of the data: what is filled, forecast by hand, cut by groups and files, and known ahead."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_windows import Prepare, days, table
from workbench.catalog.lookup import Catalog
from workbench.data import apply_to
from workbench.data.naive import find_season
from workbench.errors import DataError
from workbench.recipe.schema import Data


def test_a_policy_that_fills_a_past_value_leaves_the_target_missing(prepare: Prepare) -> None:
    rows = [*range(6), "", *range(7, 20)]
    section = {"targets": {"a": ["y"], "b": ["x"]}, "windows": {"length": 3}, "split": {"validation": 0.2}}
    text = table(x=rows, y=range(20))
    with pytest.raises(DataError, match=r"'x' has no value.*targets: drop") as error:
        prepare(text, missing={"x": "mean"}, **section)
    assert error.value.where == "table.csv:8"
    found = prepare(text, missing={"x": "mean", "targets": "drop"}, **section)
    mean = np.mean([row for row in rows[:16] if row != ""])
    filled = np.array([mean if row == "" else row for row in rows])
    lasts = [last for last in range(2, 15) if rows[last + 1] != ""]
    assert sorted(found.train.index.tolist()) == lasts
    windows = np.stack([filled[last - 2 : last + 1] for last in lasts])
    inputs = found.train.inputs["features"][np.argsort(found.train.index)]
    assert any(np.allclose(inputs[..., at], windows) for at in range(inputs.shape[-1]))


def test_naive_forecasts_are_the_last_value_and_that_of_a_season_before(prepare: Prepare) -> None:
    y = [[3, 5, 9, 2, 7, 1, 4][at % 7] + at / 100 for at in range(140)]
    y[60] = ""  # type: ignore[call-overload]
    found = prepare(
        table(date=days(140), y=y),
        targets=["y"],
        inputs={"features": ["date"]},
        dates={"date": ["weekday"]},
        missing={"targets": "drop"},
        windows={"length": 5, "ahead": [2, 9], "time": "date"},
        split={"test": 0.2},
    )
    spec = found.preparation.windows
    assert spec is not None
    assert spec.season == 7
    for part in (found.train, found.test):
        assert part is not None
        for at, last in enumerate(part.index):
            naive, season = (
                part.naive["the last value"]["y"][at],
                part.naive["the value 7 rows before"]["y"][at],
            )
            known = y[last] if y[last] != "" else y[last - 1]
            np.testing.assert_allclose(naive, [known, known], atol=1e-5)
            before = [
                y[last + 2 - 7] if last + 2 >= 7 else known,
                y[last + 9 - 14] if last + 9 >= 14 else known,
            ]
            np.testing.assert_allclose(season, [known if each == "" else each for each in before], atol=1e-5)


@pytest.mark.parametrize(
    ("values", "season"),
    [
        (lambda at, noise: np.sin(at * 2 * np.pi / 24) + 0.1 * noise, 24),
        (lambda at, noise: 0.1 * at + np.sin(at * 2 * np.pi / 12) + 0.1 * noise, 12),
        (lambda at, noise: (at % 7 < 5) + 0.2 * noise, 7),
        (lambda at, noise: np.cumsum(noise), None),
        (lambda at, noise: noise, None),
        (lambda at, noise: at * 1.0, None),
    ],
)
def test_a_season_is_found_where_there_is_one(
    values: Callable[[np.ndarray, np.ndarray], np.ndarray], season: int | None
) -> None:
    noise = np.random.default_rng(1).normal(size=600)
    assert find_season(values(np.arange(600), noise)) == season


def test_an_unknown_category_costs_the_windows_that_hold_it(
    prepare: Prepare, catalog: Catalog, tmp_path: Path
) -> None:
    found = prepare(
        table(y=range(20), sky=["sun", "rain"] * 10),
        targets=["y"],
        unknown="drop",
        windows={"length": 3, "ahead": 2},
    )
    sky = ["sun", "rain"] * 10
    sky[10] = "snow"
    (tmp_path / "new.csv").write_text(table(y=range(20), sky=sky))
    new = apply_to(found.preparation, Data(use="csv", path="new.csv"), catalog, folder=tmp_path, seed=0)
    assert new.index.tolist() == [at for at in range(2, 18) if not 10 <= at <= 12]


def test_parts_may_be_those_of_groups_of_a_column_or_of_files(prepare: Prepare, tmp_path: Path) -> None:
    areas = [area for area in "abcde" for _ in range(20)]
    columns = {"date": days(20) * 5, "area": areas, "y": range(100), "set": ["train"] * 70 + ["test"] * 30}
    windows = {"length": 4, "time": "date", "group": "area"}
    by_group = prepare(
        table(**columns),
        targets=["y"],
        ignore=["set"],
        windows=windows,
        split={"group": "area", "test": 0.2},
    )
    assert by_group.test is not None
    assert not set(by_group.train.beside["area"]) & set(by_group.test.beside["area"])
    assert (by_group.train.rows, by_group.test.rows) == (64, 16)
    by_column = prepare(
        table(**columns),
        targets=["y"],
        ignore=["set"],
        windows=windows,
        split={"part": "set", "test": ["test"], "validation": 0.2},
    )
    # The last 30 rows are half of d and all of e; of the others the last moments are for validation.
    assert by_column.test is not None
    assert by_column.validation is not None
    assert by_column.test.index.tolist() == [*range(73, 79), *range(83, 99)]
    assert max(by_column.train.beside["date"]) < min(by_column.validation.beside["date"])
    (tmp_path / "later.csv").write_text(table(date=days(9, "2024-03-01"), y=range(200, 209)))
    by_file = prepare(
        table(date=days(30), y=range(30)),
        test="later.csv",
        targets=["y"],
        windows={"length": 4, "time": "date"},
        split={"validation": 0.3},
    )
    assert by_file.test is not None
    assert by_file.validation is not None
    assert by_file.test.targets["y"][:, 0].tolist() == [204, 205, 206, 207, 208]
    assert (by_file.train.rows, by_file.validation.rows) == (17, 5)


def test_what_is_known_ahead_is_used_for_rows_whose_target_is_not_there_yet(
    prepare: Prepare, catalog: Catalog, tmp_path: Path
) -> None:
    found = prepare(
        table(y=range(30), holiday=[at % 5 for at in range(30)]),
        targets=["y"],
        windows={"length": 3, "ahead": [1, 2], "known": ["holiday"]},
    )
    (tmp_path / "new.csv").write_text(table(y=[5, 6, 7, 8, "", ""], holiday=[0, 1, 2, 3, 4, 0]))
    new = apply_to(
        found.preparation,
        Data(use="csv", path="new.csv"),
        catalog,
        folder=tmp_path,
        seed=0,
        with_targets=False,
    )
    assert new.index.tolist() == [2, 3]
    assert new.inputs["known"][:, :, 0].tolist() == [[3, 4], [4, 0]]
    assert new.inputs["features"][1, :, 0].tolist() == [6, 7, 8]
