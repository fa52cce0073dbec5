"""Class weights go to the classes of their names; what is no class is refused."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data import loading
from workbench.data.weights import class_weights
from workbench.errors import RecipeError
from workbench.recipe.document import parse


def weights(catalog, folder, labels, section, weight, stream=False):
    rows = "".join(f"{n},{label}\n" for n, label in enumerate(labels))
    (folder / "t.csv").write_text(f"x,y\n{rows}")
    text = (
        f"kwb: 1\ndata: {{use: csv, path: t.csv, targets: y, stream: {str(stream).lower()}{section}}}\n"
        f"model: {{sequential: [Dense]}}\ntrain: {{class_weight: {weight}}}\n"
    )
    recipe = parse(text, name="r.yaml", folder=folder).recipe
    prepared = loading.load_or_stream(recipe.data, catalog, folder=folder, seed=0)
    found = class_weights(recipe, prepared)
    part = prepared.train.read_all() if stream else prepared.train
    return found, part.targets["y"].reshape(-1)[np.argsort(part.index)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("labels", "weight", "of_label"),
    [
        ([3, 5, 7] * 4, "{3: 1, 5: 2, 7: 20}", {"3": 1, "5": 2, "7": 20}),
        ([1, 2, 3] * 4, "{1: 1, 2: 20, 3: 1}", {"1": 1, "2": 20, "3": 1}),
        (["cat", "dog", "eel"] * 4, "{eel: 3, cat: 20}", {"cat": 20, "eel": 3}),
        (["cat", "dog", "eel"] * 4, "{0: 20, 2: 3}", {"cat": 20, "eel": 3}),
        (["true", "false"] * 4, "{true: 5}", {"true": 5}),
        (["01", "1"] * 4, "{'01': 5, 1: 7}", {"01": 5, "1": 7}),
    ],
)
def test_a_weight_goes_to_the_rows_of_its_class(catalog, tmp_path, labels, weight, of_label, stream) -> None:
    found, numbers = weights(catalog, tmp_path, labels, ", classes: y", weight, stream)
    given = [found.get(int(number), 1) for number in numbers]
    assert given == [of_label.get(str(label), 1) for label in labels]


def test_a_class_that_only_later_rows_of_a_stream_have_takes_its_weight(catalog, tmp_path) -> None:
    labels = [0] * 1_500 + [1] * 1_500 + [2] * 50
    found, numbers = weights(catalog, tmp_path, labels, "", "{0: 1, 2: 5}", stream=True)
    assert found == {0: 1, 2: 5}
    assert numbers.tolist() == labels


@pytest.mark.parametrize(
    ("columns", "weight", "wanted"),
    [
        (["cat", "dog", "eel"], "{eel: 3, cat: 20}", {2: 3, 0: 20}),
        (["cat", "dog", "eel"], "{0: 20, 2: 3}", {0: 20, 2: 3}),
        (["3", "5", "7"], "{7: 3}", {2: 3}),
    ],
)
@pytest.mark.parametrize("stream", ["false", "true"])
def test_columns_of_one_hot_rows_are_classes(catalog, tmp_path, columns, weight, wanted, stream) -> None:
    rows = "".join(f"{n},{int(n % 3 == 0)},{int(n % 3 == 1)},{int(n % 3 == 2)}\n" for n in range(12))
    (tmp_path / "t.csv").write_text(f"x,{','.join(columns)}\n{rows}")
    text = (
        f"kwb: 1\ndata: {{use: csv, path: t.csv, targets: {{kind: {columns}}}, stream: {stream}}}\n"
        f"model: {{sequential: [Dense]}}\ntrain: {{class_weight: {weight}}}\n"
    )
    recipe = parse(text, name="r.yaml", folder=tmp_path).recipe
    assert (
        class_weights(recipe, loading.load_or_stream(recipe.data, catalog, folder=tmp_path, seed=0)) == wanted
    )
    wrong = parse(text.replace(weight, "{cow: 2}"), name="r.yaml", folder=tmp_path).recipe
    with pytest.raises(RecipeError, match="'kind' has no class 'cow'"):
        class_weights(wrong, loading.load_or_stream(wrong.data, catalog, folder=tmp_path, seed=0))


@pytest.mark.parametrize(
    ("labels", "section", "weight", "what"),
    [
        (["cat", "dog"] * 4, ", classes: y", "{cart: 2}", "'y' has no class 'cart'.*Did you mean 'cat'"),
        (["cat", "dog"] * 4, ", classes: y", "{2: 2}", "'y' has no class '2'. Its classes are: cat, dog"),
        ([3, 5] * 4, ", classes: y", "{0: 2}", "'y' has no class '0'. Its classes are: 3, 5"),
        ([0, 1] * 4, "", "{99: 1000, -4: 5}", "'y' has no class '99'"),
        ([0.5, 17.25] * 4, "", "{0: 100}", "'y' has no classes to weigh.*`classes: .y.`"),
        ([-1, 1] * 4, "", "{1: 100}", "no classes to weigh"),
        ([0, 90_000] * 4, "", "{0: 100}", "no classes to weigh"),
    ],
)
def test_what_is_no_class_is_refused(catalog, tmp_path, labels, section, weight, what) -> None:
    with pytest.raises(RecipeError, match=what) as error:
        weights(catalog, tmp_path, labels, section, weight)
    assert error.value.where.startswith("train.class_weight")


def test_whole_numbers_without_names_are_classes_as_in_keras(catalog, tmp_path) -> None:
    found, numbers = weights(catalog, tmp_path, [0, 1, 1, 0], "", "{1: 4}")
    assert [found.get(int(number), 1) for number in numbers] == [1, 4, 4, 1]
