import numpy as np
import pytest

from workbench.data.splitting.split import FewRowsError, split_rows
from workbench.errors import DataError
from workbench.recipe.options.split import Split


def test_every_row_is_in_one_part() -> None:
    parts = split_rows(97, Split(validation=0.2, test=0.1), seed=3)
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(97))
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (68, 19, 10)


def test_the_seed_decides() -> None:
    split = Split(validation=0.5)
    one, same, other = (split_rows(50, split, seed).validation.tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_without_shuffle_the_parts_follow_each_other() -> None:
    parts = split_rows(10, Split(validation=0.2, test=0.1, shuffle=False), seed=5)
    assert parts.train.tolist() == list(range(7))
    assert parts.validation.tolist() == [7, 8]
    assert parts.test.tolist() == [9]


def test_without_shares_the_order_stays() -> None:
    parts = split_rows(5, Split(), seed=9)
    assert parts.train.tolist() == [0, 1, 2, 3, 4]
    assert not len(parts.validation)
    assert not len(parts.test)


def test_a_stratified_split_keeps_each_class_share() -> None:
    strata = np.repeat([0, 1, 2], [600, 300, 100])
    parts = split_rows(1000, Split(validation=0.2, test=0.1, stratify=True), 4, strata)
    assert np.bincount(strata[parts.train]).tolist() == [420, 210, 70]
    assert np.bincount(strata[parts.validation]).tolist() == [120, 60, 20]
    assert np.bincount(strata[parts.test]).tolist() == [60, 30, 10]
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(1000))
    assert parts.train.tolist() != sorted(parts.train.tolist())


def test_a_rare_class_is_in_every_part() -> None:
    strata = np.repeat([0, 1], [97, 3])
    parts = split_rows(100, Split(validation=0.1, test=0.1), 0, strata)
    for rows in (parts.train, parts.validation, parts.test):
        assert np.bincount(strata[rows], minlength=2)[1] == 1
    assert len(parts.validation) == len(parts.test) == 10


def test_odd_class_sizes_sum_to_the_share() -> None:
    strata = np.repeat(np.arange(7), 15)
    parts = split_rows(105, Split(validation=0.1), 0, strata)
    assert len(parts.validation) == 11
    assert set(np.bincount(strata[parts.validation])) == {1, 2}


def test_too_few_rows_of_a_class_are_reported() -> None:
    with pytest.raises(FewRowsError) as error:
        split_rows(12, Split(validation=0.2, test=0.2), 0, np.repeat([0, 1], [10, 2]))
    assert (error.value.stratum, error.value.rows, error.value.parts) == (1, 2, 3)


@pytest.mark.parametrize(
    ("rows", "split", "where"),
    [
        (10, {"validation": 0.01}, "data.split.validation"),
        (10, {"test": 0.04}, "data.split.test"),
        (3, {"validation": 0.45, "test": 0.5}, "data.split"),
    ],
)
def test_a_part_without_rows_is_refused(rows: int, split: dict, where: str) -> None:
    with pytest.raises(DataError) as error:
        split_rows(rows, Split(**split), 0)
    assert error.value.where == where


def test_a_share_too_small_for_its_classes_is_refused() -> None:
    with pytest.raises(DataError, match="3 rows, fewer than the 10 classes"):
        split_rows(30, Split(validation=0.1), 0, np.repeat(np.arange(10), 3))
