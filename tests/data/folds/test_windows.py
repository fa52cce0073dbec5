"""Folds of windows: in the order of time."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from tests.data.folds.conftest import fold
from workbench.errors import DataError


class TestWindows:
    """Windows are divided in the order of time, however they are ordered in the file."""

    def test_the_rows_of_a_fold_are_those_of_timeseriessplit(self, prepare) -> None:
        rows, of, length = 100, 4, 5
        frame = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=rows), "y": np.arange(rows)})
        for more, columns in (({"time": "date"}, ["date", "y"]), ({}, ["y"])):
            for test in (0, 20):
                for number, (train, held) in enumerate(TimeSeriesSplit(of).split(range(rows - test))):
                    found = prepare(
                        frame[columns].to_csv(index=False),
                        targets=["y"],
                        scale="minmax",
                        windows={"length": length, **more},
                        split=fold(number, of, test=test / rows),
                    )
                    # A window ends at the row before its target.
                    assert found.train.index.tolist() == train[length - 1 : -1].tolist()
                    assert found.validation.index.tolist() == held[length - 1 : -1].tolist()
                    assert (found.test.targets["y"].min() >= rows - test) if test else found.test is None
                    (column,) = found.preparation.inputs[0].columns
                    assert (column.center, column.factor) == (train.min(), np.ptp(train))
                    later = rows - test - held[-1] - 1
                    assert any(remark.startswith(f"{later} rows") for remark in found.remarks) == (later > 0)

    def test_series_are_cut_at_one_moment_or_each_by_its_rows(self, prepare) -> None:
        days = pd.date_range("2024-01-01", periods=60)
        frame = pd.concat(
            [
                pd.DataFrame({"date": days, "area": "a", "y": range(60)}),
                pd.DataFrame({"date": days[20:50], "area": "b", "y": range(100, 130)}),
            ]
        )
        windows = {"length": 3, "group": "area", "time": "date"}
        for number in range(3):
            found = prepare(frame.to_csv(index=False), targets=["y"], windows=windows, split=fold(number, 3))
            assert max(found.train.beside["date"]) < min(found.validation.beside["date"])
        windows = {"length": 3, "group": "area"}
        for number in range(3):
            found = prepare(
                frame[["area", "y"]].to_csv(index=False),
                targets=["y"],
                windows=windows,
                split=fold(number, 3),
            )
            for first, rows in ((0, 60), (100, 30)):
                train, held = list(TimeSeriesSplit(3).split(range(rows)))[number]
                for part, own in ((found.train, train), (found.validation, held)):
                    targets = part.targets["y"][:, 0] - first
                    targets = targets[(targets >= 0) & (targets < rows)]
                    assert targets.tolist() == own[3:].tolist()

    def test_folds_of_groups_and_beside_a_column_of_parts(self, prepare) -> None:
        areas = [area for area in "abcdef" for _ in range(20)]
        frame = pd.DataFrame(
            {"area": areas, "y": range(120), "set": ["test" if area == "f" else "rest" for area in areas]}
        )
        windows = {"length": 4, "group": "area"}
        table = frame.to_csv(index=False)
        seen = []
        for number, (_, held) in enumerate(GroupKFold(3).split(frame, groups=frame["area"])):
            found = prepare(
                table, targets=["y"], ignore=["set"], windows=windows, split=fold(number, 3, group="area")
            )
            assert set(found.validation.beside["area"]) == set(frame["area"][held])
            assert not set(found.validation.beside["area"]) & set(found.train.beside["area"])
            seen += sorted(set(found.validation.beside["area"]))
        assert sorted(seen) == list("abcdef")
        found = prepare(table, targets=["y"], windows=windows, split=fold(1, 3, part="set", test=["test"]))
        assert set(found.test.beside["area"]) == {"f"}
        train, held = list(TimeSeriesSplit(3).split(range(20)))[1]
        assert found.train.targets["y"].reshape(5, -1)[0].tolist() == train[4:].tolist()
        assert found.validation.targets["y"].reshape(5, -1)[0].tolist() == held[4:].tolist()

    def test_too_few_rows_or_moments(self, prepare) -> None:
        frame = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=5), "y": range(5)})
        for windows, table, what in (
            ({"length": 1, "time": "date"}, frame, "5 different times, for 5 folds and the rows before"),
            ({"length": 1}, frame[["y"]], "the longest series has 5 rows, too few for 5 folds"),
        ):
            with pytest.raises(DataError, match=what) as caught:
                prepare(table.to_csv(index=False), targets=["y"], windows=windows, split=fold(0))
            assert caught.value.where == "data.split.fold"
