"""Recipe files: YAML as people write it, and errors that say file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import RecipeError
from workbench.recipe.document import parse, read

RECIPE = """\
kwb: 1
name: price            # a comment
data:
  use: csv
  path: t.csv
  split: {validation: 0.2}
model:
  sequential:
    - {use: Dense, units: 3}
    - Flatten
train:
  epochs: 5
  optimizer: {use: Adam, learning_rate: 0.1}
  loss: mse
"""


def error(text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        parse(text, name="r.yaml", overrides=overrides)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert RECIPE.count(old) == 1
    return RECIPE.replace(old, new)


class TestYaml:
    """YAML 1.2, with the traps of 1.1 left out."""

    def optimizer(self, values: str) -> dict:
        text = changed("{use: Adam, learning_rate: 0.1}", f"{{use: Adam, {values}}}")
        return parse(text).recipe.train.optimizer.arguments

    @pytest.mark.parametrize(
        ("yaml", "value"),
        [
            ("1e-3", 0.001),
            ("1.0e-3", 0.001),
            ("1_000", 1000),
            ("010", 10),
            (".inf", float("inf")),
            ("no", "no"),
            ("yes", "yes"),
            ("on", "on"),
            ("true", True),
            ("~", None),
            ("12:30", "12:30"),
            ("2024-01-31", "2024-01-31"),
            ("'5'", "5"),
            ("[1, [2]]", [1, [2]]),
        ],
    )
    def test_values_are_what_they_look_like(self, yaml, value):
        (read_value,) = self.optimizer(f"x: {yaml}").values()
        assert read_value == value
        assert type(read_value) is type(value)  # not one of ruamel's own number types

    def test_anchors_and_aliases_are_allowed(self):
        recipe = parse(changed("- Flatten", "- &d {use: Dense, units: 4}\n    - *d")).recipe
        assert recipe.model.sequential[1] == recipe.model.sequential[2]

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (RECIPE + "name: again\n", "r.yaml:15: the key 'name' stands here a second time."),
            (RECIPE + "\tseed: 3\n", "r.yaml:15: this is not valid YAML: found character '\\t'"),
            (changed("  use: csv", "    use: csv"), "r.yaml:5: this is not valid YAML: "),
            (changed("loss: mse", "loss: 'mse"), "r.yaml:14: this is not valid YAML: "),
            (changed("loss: mse", "loss: *gone"), "r.yaml:14: this is not valid YAML: found undefined alias"),
            (RECIPE + "---\n" + RECIPE, "r.yaml:15: this is not valid YAML: "),
            ("a: \x00", "r.yaml: this is not valid YAML: unacceptable character"),
            ("", "this is empty."),
            ("# a comment\n", "this is empty."),
            ("- kwb: 1\n", "this is a list."),
            ("kwb", "this is a single value."),
            ("? [kwb, 1]\n: 2\n" + RECIPE, "r.yaml: a key must be a text, not ['kwb', 1]."),
            ("save: " + "{a: " * 3000 + "\n" + RECIPE, "r.yaml: this is not valid YAML: it is nested too"),
        ],
        ids=[
            "duplicate key",
            "tab",
            "indentation",
            "open quote",
            "undefined alias",
            "two documents",
            "NUL",
            "empty",
            "only a comment",
            "list",
            "word",
            "list as a key",
            "deep nesting",
        ],
    )
    def test_what_is_no_recipe_is_reported_with_its_line(self, text, shown):
        assert shown in error(text)

    def test_the_values_of_one_reading_are_not_those_of_the_next(self):
        """Who gets a list of a recipe, such as the code of a plugin, may change it."""
        text = changed("path: t.csv", "path: [t.csv]")
        parse(text).recipe.data.model_extra["path"].append("another.csv")
        assert parse(text).recipe.data.model_extra["path"] == ["t.csv"]

    def test_an_alias_bomb_is_refused(self):
        rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
        bomb = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *rows, RECIPE])
        assert error(bomb) == "r.yaml: a recipe of over 100,000 values is not read."

    def test_a_python_tag_makes_nothing(self):
        text = RECIPE + "save: !!python/object/apply:os.mkdir [made-by-yaml]\n"
        assert parse(text).recipe.save == ("made-by-yaml",)
        assert not Path("made-by-yaml").exists()


class TestFile:
    """Reading the file itself."""

    def read(self, tmp_path: Path, content: bytes) -> str:
        (tmp_path / "r.yaml").write_bytes(content)
        with pytest.raises(RecipeError) as caught:
            read(tmp_path / "r.yaml")
        return str(caught.value).replace(str(tmp_path), "DIR")

    def test_a_byte_order_mark_is_skipped(self, tmp_path):
        (tmp_path / "r.yaml").write_bytes(b"\xef\xbb\xbf" + RECIPE.encode())
        assert read(tmp_path / "r.yaml").recipe.name == "price"

    def test_windows_line_ends_are_fine(self, tmp_path):
        (tmp_path / "r.yaml").write_bytes(RECIPE.replace("\n", "\r\n").encode())
        assert read(tmp_path / "r.yaml").place("train.loss").endswith("r.yaml:14: train.loss")

    def test_another_encoding_is_refused(self, tmp_path):
        shown = self.read(tmp_path, changed("price", "preis_f\u00fcr").encode("latin-1"))
        assert shown == "DIR/r.yaml: this is not a text file in UTF-8."

    def test_over_a_megabyte_is_refused(self, tmp_path):
        shown = self.read(tmp_path, RECIPE.encode() + b"# " + b"x" * 1_000_000)
        assert shown == "DIR/r.yaml: a recipe of over 200 KB is not read."

    def test_a_missing_file_and_a_folder_are_reported(self, tmp_path):
        with pytest.raises(RecipeError, match=r"gone\.yaml: there is no such recipe file"):
            read(tmp_path / "gone.yaml")
        with pytest.raises(RecipeError, match="cannot read it: Is a directory"):
            read(tmp_path)


WRONG = [
    ("kwb: 1\n", "", "r.yaml: the key 'kwb' is missing. A recipe begins with `kwb: 1`."),
    ("kwb: 1\n", "kwb: 2\n", "r.yaml:1: kwb: this kwb reads recipes with `kwb: 1`, not 2."),
    ("train:", "trian:", "r.yaml:11: trian: unknown key 'trian'. Did you mean 'train'?"),
    ("epochs: 5", "epoch: 5", "r.yaml:12: train.epoch: unknown key 'epoch'. Did you mean 'epochs'?"),
    (
        "epochs: 5",
        "zebra: 5",
        "r.yaml:12: train.zebra: unknown key 'zebra'. Known here: epochs, batch_size, ",
    ),
    ("epochs: 5", "epochs: many", "r.yaml:12: train.epochs: must be a whole number, not 'many'."),
    ("epochs: 5", "epochs: 1.5", "r.yaml:12: train.epochs: must be a whole number, not 1.5."),
    ("epochs: 5", "epochs:", "r.yaml:12: train.epochs: must be a whole number, not empty."),
    ("epochs: 5", "epochs: 0", "r.yaml:12: train.epochs: must be greater than or equal to 1, not 0."),
    ("epochs: 5", "shuffle: 7", "r.yaml:12: train.shuffle: must be true or false, not 7."),
    (
        "epochs: 5",
        "engine: fast",
        "train.engine: 'fast' is not one of 'auto', 'measure', 'plain', 'steps', 'chunk' or 'chunk-xla'.",
    ),
    ("epochs: 5", "5: epochs", "r.yaml:12: train[5]: a key must be a text, not 5. Put it in quotes."),
    ("epochs: 5", "callbacks: {use: A}", "r.yaml:12: train.callbacks: must be a list, not {'use': 'A'}."),
    ("epochs: 5", "callbacks: [3]", "train.callbacks[0]: must be a name, or a map with 'use', not 3."),
    ("epochs: 5", "metrics: [mae, 3]", "train.metrics[1]: must be a name, or a map with 'use', not 3."),
    ("epochs: 5", "metrics: {a: [3]}", "train.metrics.a[0]: must be a name, or a map with 'use', not 3."),
    ("epochs: 5", "metrics: 3", "train.metrics: must be a list, not 3."),
    ("epochs: 5", "class_weight: even", "train.class_weight: 'even' is not one of 'balanced'."),
    ("epochs: 5", "class_weight: {a: b}", "train.class_weight.a: must be a number, not 'b'."),
    ("loss: mse", "loss: 3", "r.yaml:14: train.loss: must be a name, or a map with 'use', not 3."),
    ("loss: mse", "loss: {a: 3}", "r.yaml:14: train.loss.a: must be a name, or a map with 'use', not 3."),
    ("loss: mse", "weights: {a: x}", "r.yaml:14: train.weights.a: must be a number, not 'x'."),
    ("{use: Adam, learning_rate: 0.1}", "{learning_rate: 0.1}", "train.optimizer: the key 'use' is missing."),
    ("{use: Adam, learning_rate: 0.1}", "3", "train.optimizer: must be a name, or a map with 'use', not 3."),
    ("{validation: 0.2}", "{validaton: 0.2}", "r.yaml:6: data.split.validaton: unknown key 'validaton'. Did"),
    ("{validation: 0.2}", "{validation: 1.0}", "data.split.validation: must be less than 1, not 1.0."),
    (
        "{validation: 0.2}",
        "{validation: 0.5, test: 0.5}",
        "data.split: validation and test together take every",
    ),
    ("{validation: 0.2}", "0.2", "r.yaml:6: data.split: must be a map, not 0.2."),
    ("path: t.csv", "scale: standart", "data.scale: 'standart' is not one of 'standard', 'minmax', "),
    ("path: t.csv", "scale: {a: standart}", "data.scale.a: 'standart' is not one of 'standard', "),
    ("path: t.csv", "inputs: [a]", "r.yaml:5: data.inputs: must be a map, not ['a']."),
    (
        "path: t.csv",
        "missing: skip",
        "data.missing: 'skip' is not one of 'error', 'drop', 'mean', 'median' or 'most_frequent'.",
    ),
    (
        "path: t.csv",
        "missing: {targets: mean}",
        "data.missing.targets: 'mean' is not one of 'error' or 'drop'.",
    ),
    (
        "path: t.csv",
        "missing: {age: {fill: 3, fil: 3}}",
        "data.missing.age.fil: unknown key 'fil'. Did you mean 'fill'?",
    ),
    (
        "path: t.csv",
        "dates: {when: {parts: [year, mouth]}}",
        "data.dates.when.parts[1]: 'mouth' is not one of 'year', 'quarter', 'month'",
    ),
    (
        "path: t.csv",
        "numbers: {price: {stripe: $}}",
        "data.numbers.price.stripe: unknown key 'stripe'. Did you mean 'strip'?",
    ),
    ("  use: csv\n", "", "r.yaml:3: data: the key 'use' is missing."),
    (
        "  use: csv\n",
        "  use: csv\n  windows: {lenth: 3}\n",
        "r.yaml:5: data.windows.lenth: unknown key 'lenth'. Did you mean 'length'?",
    ),
    (
        "- Flatten",
        "- 3",
        "r.yaml:10: model.sequential[1]: must be a layer's name, or a map with 'use', 'load', 'sequential' or 'graph',",
    ),
    (
        "- Flatten",
        "- {units: 3}",
        "r.yaml:10: model.sequential[1]: must be a layer's name, or a map with 'use'",
    ),
    ("- Flatten", "- {use: 3}", "r.yaml:10: model.sequential[1].use: must be a text, not 3."),
    (
        "- Flatten",
        "- {load: f, nam: a}",
        "r.yaml:10: model.sequential[1].nam: unknown key 'nam'. Did you mean",
    ),
    ("name: price ", "name: my price ", "r.yaml:2: name: must begin with a letter or digit and hold only"),
    ("name: price ", "seed: -1 ", "r.yaml:2: seed: must be greater than or equal to 0, not -1."),
    ("name: price ", "save: [a, 3] ", "r.yaml:2: save[1]: must be a text, not 3."),
]


@pytest.mark.parametrize(
    ("old", "new", "shown"), WRONG, ids=[new.strip() or f"no {old}" for old, new, _ in WRONG]
)
def test_a_wrong_key_or_type_is_reported_with_file_line_and_key(old, new, shown):
    text = error(changed(old, new))
    assert shown in text
    assert "more to mend" not in text  # one mistake is one error
    assert "pydantic" not in text
    assert "valid dictionary" not in text


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("{}", "model: must hold one of 'use', 'load' (a saved file), 'sequential', 'graph', not {}."),
        ("", "model: must hold one of 'use', 'load' (a saved file), 'sequential', 'graph', not empty."),
        ("{sequential: []}", "model.sequential: must not be empty."),
        ("{sequential: A}", "model.sequential: must be a list, not 'A'."),
        (
            "{sequential: [A], layers: {}}",
            "model.layers: unknown key 'layers'. Known here: sequential, name, trainable.",
        ),
        ("{load: f, use: M}", "model.use: unknown key 'use'. Known here: load, name, trainable."),
        ("{graph: [y = A()(x)], inputs: {x: [3]}}", "model: the key 'outputs' is missing."),
        ("{graph: [y = A()(x)], outputs: y}", "model: the key 'inputs' is missing."),
        (
            "{graph: y = A()(x), inputs: {x: [3]}, outputs: y}",
            "model.graph: must be a list, not 'y = A()(x)'.",
        ),
        ("{graph: [y = A()(x)], inputs: {x: 3}, outputs: y}", "model.inputs.x: must be a list, not 3."),
        ("{graph: [y = A()(x)], inputs: {x: [0]}, outputs: y}", "model.inputs.x[0]: must be greater than or"),
        ("{graph: [y = A()(x)], inputs: {x: [3]}, outputs: y, layer: {}}", "Did you mean 'layers'?"),
    ],
)
def test_a_wrong_model_is_reported_in_the_terms_of_its_own_form(model, shown):
    text = error(f"kwb: 1\ndata: d\nmodel: {model}\n")
    assert text.startswith("r.yaml:3: model")
    assert shown in text
    assert "more to mend" not in text


def test_several_errors_are_counted():
    assert error(changed("epochs: 5", "epochs: x\n  batch_size: y")).endswith("(1 more to mend.)")


def test_short_forms_mean_their_long_ones():
    short = parse(
        "kwb: 1\ndata: d\nmodel: M\nsave: a.keras\ntrain: {loss: mse, metrics: mae, optimizer: SGD}\n"
    )
    long = parse(
        "kwb: 1\ndata: {use: d}\nmodel: {use: M}\nsave: [a.keras]\n"
        "train: {loss: {use: mse}, metrics: [{use: mae}], optimizer: {use: SGD}}\n"
    )
    assert short.recipe == long.recipe


def test_a_loss_whose_arguments_are_all_texts_is_one_loss_not_a_map_by_output():
    text = "kwb: 1\ndata: d\nmodel: M\ntrain: {loss: {use: Huber, reduction: sum}}\n"
    loss = parse(text).recipe.train.loss
    assert (loss.use, loss.arguments) == ("Huber", {"reduction": "sum"})


def test_losses_and_weights_are_other_names_for_loss_and_loss_weights():
    text = "kwb: 1\ndata: d\nmodel: M\ntrain: {losses: {a: mse}, weights: {a: 2}}\n"
    train = parse(text).recipe.train
    assert train.loss["a"].use == "mse"
    assert train.loss_weights == {"a": 2.0}
