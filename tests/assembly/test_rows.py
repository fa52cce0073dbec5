"""The table of an assembled model: each layer's path, class, plugin, output shape and parameters."""

from __future__ import annotations

import pytest

from workbench.assembly.structure import InputSpec


def test_a_class_shows_the_layers_inside_it_with_the_shapes_they_gave(build):
    rows = build("{use: ResidualRegressor, output_dim: 1}", {"x": (10,)}).rows()
    reported = [(r.path, r.layer_class, r.plugin, r.output_shape, r.parameters) for r in rows.values()]
    assert reported == [
        ("hidden", "Dense", "kwb_keras", [None, 30], 330),
        ("block1", "ResidualBlock", "kwb_custom", [None, 30], 1860),
        ("block1/hidden/0", "Dense", "kwb_keras", [None, 30], 930),
        ("block1/hidden/1", "Dense", "kwb_keras", [None, 30], 930),
        ("block2", "ResidualBlock", "kwb_custom", [None, 30], 1860),
        ("block2/hidden/0", "Dense", "kwb_keras", [None, 30], 930),
        ("block2/hidden/1", "Dense", "kwb_keras", [None, 30], 930),
        ("out", "Dense", "kwb_keras", [None, 1], 31),
    ]


def test_a_function_layer_belongs_to_the_plugin_of_its_function(build, stack):
    rows = build(stack("Exponential", "{use: Halve, name: half}", "{use: Dense, units: 1}")).rows()
    assert {path: (row.layer_class, row.plugin) for path, row in rows.items()} == {
        "exponential": ("Lambda", "kwb_custom"),
        "half": ("Lambda", "acme"),
        "dense": ("Dense", "kwb_keras"),
    }


def test_a_layer_of_several_outputs_has_several_shapes(build, graph):
    text = graph("a, b, y = MyMultiLayer()(l, r)", inputs="{l: [8], r: [8]}")
    (row,) = build(text, {"l": (8,), "r": (8,)}).rows().values()
    assert row.output_shape == [[None, 8]] * 3
    assert row.parameters == 0


def test_a_shared_layer_has_one_row_and_its_parameters_count_once(build, graph):
    lines = ["z = Dense(6)(x)", "z = block(z)", "y = block(z)"]
    built = build(graph(*lines, layers="{block: {use: ResidualBlock, n_layers: 2, n_neurons: 6}}"))
    rows = built.rows()
    assert list(rows) == ["dense", "block", "block/hidden/0", "block/hidden/1"]
    top = sum(row.parameters for path, row in rows.items() if "/" not in path)
    assert top == built.model.count_params()


def test_wrapped_layers_and_free_lengths(build, stack):
    text = stack("{use: Bidirectional, layer: {use: LSTM, units: 3, return_sequences: true}}")
    rows = build(text, {"x": (None, 2)}).rows()
    assert rows["bidirectional"].output_shape == [None, None, 6]
    assert rows["bidirectional/forward_layer"].parameters * 2 == rows["bidirectional"].parameters == 144


def test_the_record_of_a_row_is_what_the_assembled_event_holds(build, stack):
    (row,) = build(stack("{use: Dense, units: 3}")).rows().values()
    assert row.as_record() == {
        "path": "dense",
        "class": "Dense",
        "plugin": "kwb_keras",
        "output_shape": [None, 3],
        "parameters": 27,
    }


def test_reading_the_shapes_leaves_the_model_as_it_was(build):
    built = build("{use: ReconstructingRegressor, output_dim: 1}")
    before = built.predict()
    built.rows()
    assert (built.predict() == before).all()
    assert all("call" not in vars(layer) for layer in built.model._flatten_layers())


def test_a_model_of_whole_numbers_has_rows_too(build, stack):
    text = stack("{use: Embedding, input_dim: 10, output_dim: 4}", "Flatten", "{use: Dense, units: 1}")
    built = build(text, {"x": InputSpec((5,), "int32")})
    assert [row.output_shape for row in built.rows().values()] == [[None, 5, 4], [None, 20], [None, 1]]


@pytest.mark.parametrize("units", [1, 7])
def test_a_strangers_model_has_rows_like_our_own(build, units):
    rows = build(f"{{use: GatedRegressor, units: {units}}}").rows()
    assert {path: (row.plugin, row.parameters) for path, row in rows.items()} == {
        "gate": ("acme", 8),
        "hidden": ("kwb_keras", 9 * units),
        "out": ("kwb_keras", units + 1),
    }
