"""Errors in building a model are reported in the user's terms, with the recipe's key."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from workbench.assembly.structure import InputSpec
from workbench.sentence import short_message

TWO = {"left": (8,), "right": (8,)}
BOTH = "{left: [8], right: [8]}"


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        ("{use: MyDens, units: 3}", "[1]: no layer 'MyDens'. Did you mean 'MyDense' (kwb_custom)?"),
        ("{use: Dense, unit: 3}", "[1]: Dense has no argument 'unit'. Did you mean 'units'?"),
        (
            "{use: MyGaussianNoise, zebra: 3}",
            "[1]: MyGaussianNoise has no argument 'zebra'. Its arguments: stddev, seed",
        ),
        ("{use: Exponential, power: 2}", "[1]: Exponential has no argument 'power'. Its arguments: none."),
        ("MyDense", "[1]: MyDense needs the argument 'units'. For example {use: MyDense, units: 8}."),
        ("ResidualBlock", "[1]: ResidualBlock needs the argument 'n_layers', 'n_neurons'. For example"),
        (
            "{use: Dense, units: many}",
            "[1]: Dense refuses its arguments: Received an invalid value for `units`,",
        ),
        (
            "{use: MyDense, units: 1.5}",
            "[1]: MyDense refuses its arguments: MyDense: units must be a whole number",
        ),
        (
            "{use: Dense, units: 3, activation: rellu}",
            "[1]: Dense refuses its arguments: Could not interpret act",
        ),
        (
            "{use: Dropout, rate: 2}",
            "[1]: Dropout refuses its arguments: Invalid value received for argument `rate`",
        ),
        ("{use: Bidirectional, layer: LSTM}", "To make a layer for it write `layer: {use: LSTM}`."),
        (
            "MyMultiLayer",
            "[1]: MyMultiLayer expects 2 inputs; a layer in a stack gets 1. Write the model as a graph",
        ),
        ("TwoSided", "[1]: TwoSided expects 2 inputs; a layer in a stack gets 1. Write the model as a graph"),
        ("{use: Unstack, axis: 1}", "[1]: no layer 'Unstack'."),
        ("mse", "[1]: no layer 'mse'. 'mse' is a loss (kwb_keras), not a layer."),
        ("Adam", "[1]: no layer 'Adam'. 'Adam' is an optimizer (kwb_keras), not a layer."),
        (
            "gone.Dense",
            "The plugin 'gone' is not installed (see `kwb plugins`). Did you mean 'kwb_keras.Dense'?",
        ),
        (
            "{use: Dense, units: 3, kernel_regularizer: {use: L9, l2: 1}}",
            "[1].kernel_regularizer: no regularizer 'L9'.",
        ),
        (
            "{use: Dense, units: 3, kernel_regularizer: {use: L2, l3: 1}}",
            "[1].kernel_regularizer: L2 has no argument",
        ),
        (
            "{use: Dense, units: 3, name: first}",
            "[1].name: 'first' is the name of another layer already. Each",
        ),
        (
            "{use: Dense, units: 3, name: x}",
            "[1].name: 'x' is the name of an input already. Each layer of a model",
        ),
        (
            "{use: Dense, units: 3, name: a/b}",
            "[1]: Dense refuses its arguments: Argument `name` must be a string",
        ),
        (
            "{use: Dense, units: 3, name: größe}",
            "[1].name: TensorFlow accepts no layer with the name 'größe'. Letters a-z,",
        ),
    ],
)
def test_a_layer_of_a_stack_that_cannot_be_made(error, stack, layer, shown):
    text = error(stack("{use: Dense, units: 4, name: first}", layer))
    assert text.startswith("model.sequential[1]")
    assert shown in text


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (
            "{use: ResidualBlock, n_layers: 1, n_neurons: 3}",
            "(batch, 4): ResidualBlock adds its input to its output",
        ),
        ("{use: Conv2D, filters: 3, kernel_size: 3}", "(batch, 4): expected min_ndim=4, found ndim=2."),
        ("{use: LSTM, units: 3}", "(batch, 4): expected ndim=3, found ndim=2."),
        (
            "{use: Reshape, target_shape: [3, 3]}",
            "(batch, 4): The total size of the tensor must be unchanged.",
        ),
        ("Concatenate", "(batch, 4): A `Concatenate` layer should be called on a list"),
    ],
)
def test_a_layer_of_a_stack_that_cannot_take_what_it_is_given(error, stack, layer, shown):
    text = error(stack("{use: Dense, units: 4}", layer, "{use: Dense, units: 1}"))
    assert text.startswith("model.sequential[1]: ")
    assert f"cannot take an input of shape {shown}" in text


def test_a_layers_own_exception_is_reported_and_not_keras_words_around_it():
    class Unlucky(keras.layers.Layer):
        def call(self, inputs):
            raise ValueError("the moon is in the wrong house")

    with pytest.raises(ValueError, match="Could not automatically infer") as caught:
        Unlucky()(keras.Input((4,)))
    assert short_message(caught.value) == "the moon is in the wrong house"


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_of_a_graph_that_fails_only_the_reason_is_reported(run_eagerly):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", run_eagerly=run_eagerly)
    with pytest.raises(Exception, match="label value") as caught:
        model.fit(np.ones((1, 3)), np.array([3]), verbose=0)
    assert short_message(caught.value) == (
        "InvalidArgumentError: Received a label value of 3 which is outside the valid range of [0, 2). Label values: 3"
    )


def test_the_error_names_file_and_line(build, stack):
    with pytest.raises(Exception, match=r"^r\.yaml:8: model\.sequential\[1\]: MyDense needs the argument"):
        build(stack("{use: Dense, units: 4}", "MyDense"))


def test_a_layer_of_several_outputs_cannot_stand_in_a_stack(error, stack):
    text = stack("{use: LSTM, units: 3, return_state: true}")
    assert error(text, {"x": (5, 2)}) == (
        "model.sequential[0]: LSTM has 3 outputs; a stack passes on 1. "
        "Write the model as a graph ('graph:' instead of 'sequential:')."
    )


def test_a_stack_has_one_input(error, stack):
    assert error(stack("{use: Dense, units: 4}"), TWO).startswith(
        "model.sequential: a stack has 1 input; the data has 2 (left, right). Write the model as a graph"
    )


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("y = Dens(3)(x)", "no layer 'Dens'. Did you mean 'Dense' (kwb_keras)?"),
        ("y = Dense(3)(xx)", "no tensor is called 'xx' here. Did you mean 'x'?"),
        ("y = Dense(3)(zebra)", "no tensor is called 'zebra' here. So far there are: x."),
        ("y = blok(x)", "no layer is named 'blok' here. Did you mean 'block'?"),
        ("y = zebra(x)", "no layer is named 'zebra' here. Name it under `model.layers`."),
        ("y = Dense(x)", "'Dense' must be made before it is called. As in `y = Dense(...)(x)`."),
        ("y = x(x)", "'x' is a tensor and cannot be called."),
        ("y = Dense(1)(block)", "'block' is a layer; call it on a tensor: `y = block(x)`."),
        ("block = block(x)", "'block' is the name of a layer already."),
        ("y = Dense(unit=3)(x)", "Dense has no argument 'unit'. Did you mean 'units'?"),
        ("y = Dense()(x)", "Dense needs the argument 'units'."),
        ("y = Dense(3, units=4)(x)", "Dense is given the argument 'units' twice."),
        (
            "y = Flatten('channels_last', 3)(x)",
            "Flatten accepts at most 1 of its arguments by position; 2 are given.",
        ),
        ("y = Dense('many')(x)", "Dense refuses its arguments: "),
        ("y = Dense(1, name='block')(x)", "'block' is the name of another layer already."),
        ("y = Dense(1, name='x')(x)", "'x' is the name of an input already."),
        ("y = MyMultiLayer()(x)", "MyMultiLayer expects 2 inputs; 1 is given."),
        ("y = MyMultiLayer()(x, x, x)", "MyMultiLayer expects 2 inputs; 3 are given."),
        ("y = Dense(1)(x, x)", "Dense expects 1 input; 2 are given."),
        ("y = Dense(1)([x, x])", "Dense expects 1 input; 2 are given."),
        ("y = Mix()(x)", "Mix expects 2 inputs; 1 is given."),
        (
            "y = MyMultiLayer()(x, x)",
            "MyMultiLayer has 3 outputs; 1 name is given. Name them all, as in `a, b, c",
        ),
        ("y, z = MyMultiLayer()(x, x)", "MyMultiLayer has 3 outputs; 2 names are given."),
        ("y, z = Dense(3)(x)", "Dense has 1 output; 2 names are given."),
        ("y = Dense(1)(x, zebra=3)", "Dense is called with 'zebra', which it does not take."),
        ("y = MultiHeadAttention(2, 4)(x)", "MultiHeadAttention is called without its argument 'value'."),
        ("y = LSTM(3)(x)", "LSTM cannot take an input of shape (batch, 8): expected ndim=3, found ndim=2."),
        ("y = Dense(3", "this is not a graph line: '(' was never closed"),
        ("y = x + x", "a graph line calls layers and does no arithmetic"),
    ],
)
def test_a_graph_line_that_cannot_be_carried_out(error, graph, line, shown):
    text = error(graph(line, layers="{block: {use: Dense, units: 1}}"))
    assert text.startswith(f"model.graph[0]: {shown}")


def test_shapes_that_do_not_fit_are_both_reported(error, graph):
    inputs, given = "{left: [8], right: [7]}", {"left": (8,), "right": (7,)}
    shown = error(graph("a, b, y = MyMultiLayer()(left, right)", inputs=inputs), given)
    assert shown.startswith(
        "model.graph[0]: MyMultiLayer cannot take inputs of shapes (batch, 8) and (batch, 7): MyMultiLayer expects"
    )
    shown = error(graph("y = Add()(left, right)", inputs=inputs), given)
    assert shown.startswith("model.graph[0]: Add cannot take inputs of shapes (batch, 8) and (batch, 7): ")


def test_a_shared_layer_that_cannot_take_its_second_input(error, graph):
    text = graph("z = block(x)", "y = block(z)", layers="{block: {use: Dense, units: 1}}")
    assert error(text) == (
        "model.graph[1]: block (Dense) cannot take an input of shape (batch, 1): expected axis -1 of input "
        "shape to have value 8, but received input with shape (None, 1)."
    )


@pytest.mark.parametrize(
    ("lines", "layers", "shown"),
    [
        (["y = Dense(1)(left)"], "{}", "model.inputs.right: no line of the graph uses 'right'."),
        (
            ["z = Dense(1)(left)", "y = Add()(left, right)"],
            "{}",
            "model.graph[0]: nothing uses the output of this line ('z'). Use it, or leave it out.",
        ),
        (
            ["z = Dense(1)(left)", "z = Dense(1)(right)", "y = Add()(z, left)"],
            "{}",
            "model.graph[0]: nothing uses the output of this line ('z'). Use it, or leave it out.",
        ),
        (
            ["y = Add()(left, right)"],
            "{block: {use: Dense, units: 1}}",
            "model.layers.block: no line of the graph uses 'block'.",
        ),
    ],
)
def test_what_leads_nowhere_is_refused(error, graph, lines, layers, shown):
    assert error(graph(*lines, inputs=BOTH, layers=layers), TWO) == shown


def test_of_several_results_one_is_enough(build, graph):
    assert build(graph("a, y, c = MyMultiLayer()(left, right)", inputs=BOTH), TWO).predict().shape == (4, 8)


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        (
            "{x: [5]}",
            "model.inputs.x: the graph says [5], the data has [8]. `x: data` takes the data's shape. Shapes are ",
        ),
        ("{x: [8, 1]}", "model.inputs.x: the graph says [8, 1], the data has [8]."),
        ("{xx: [8]}", "model.inputs.xx: the data has no input 'xx' (x). Did you mean 'x'?"),
        (
            "{zebra: [8]}",
            "model.inputs.zebra: the data has no input 'zebra' (x). Name the data's inputs like",
        ),
    ],
)
def test_inputs_that_are_not_the_datas(error, graph, inputs, shown):
    name = inputs[1:].partition(":")[0]
    assert error(graph(f"y = Dense(1)({name})", inputs=inputs)).startswith(shown)


def test_an_input_has_the_shape_that_the_data_gives(build, error, graph):
    for width in (3, 5):  # as where a column is left out
        built = build(graph("y = Dense(1)(x)", inputs="{x: data}"), {"x": InputSpec((width,))})
        assert built.predict().shape == (4, 1)
    numbers = {"x": InputSpec((1,), "int32")}
    assert build(graph("y = Dense(1)(Flatten()(Embedding(9, 2)(x)))", inputs="{x: data}"), numbers)
    assert "model.inputs.z: the data has no input 'z'" in error(graph("y = Dense(1)(z)", inputs="{z: data}"))
    inner = "{sequential: [{inputs: {a: data}, graph: [b = Dense(2)(a)], outputs: b}]}"
    assert "model.sequential[0].inputs.a: only the inputs of the whole model" in error(inner)


def test_an_input_of_the_data_that_the_graph_does_not_have(error, graph):
    shown = error(graph("y = Dense(1)(left)", inputs="{left: [8]}"), TWO)
    assert shown.startswith(
        "model.inputs: the data's input 'right' is no input of the graph (left). Add `right: data` there"
    )


def test_a_layer_named_like_an_input(error, graph):
    shown = error(graph("y = x(x)", layers="{x: {use: Dense, units: 1}}"))
    assert shown.startswith("model.layers.x: 'x' is the name of an input already.")


def test_an_output_that_is_not_there(error, graph):
    shown = error(graph("z = Dense(1)(x)"))
    assert shown == "model.outputs: no tensor is called 'y' here. So far there are: x, z."


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (
            "{use: ResidualRegresor, output_dim: 1}",
            "model: no model 'ResidualRegresor'. Did you mean 'ResidualReg",
        ),
        (
            "{use: MyDense, units: 1}",
            "model: no model 'MyDense'. 'MyDense' is a layer (kwb_custom), not a model.",
        ),
        (
            "{use: ResidualRegressor, output: 1}",
            "model: ResidualRegressor has no argument 'output'. Did you mean 'ou",
        ),
        ("ResidualRegressor", "model: ResidualRegressor needs the argument 'output_dim'. For example"),
        (
            "{use: ReconstructingRegressor, output_dim: 1, reconstruction_weight: -1}",
            "must be a finite number of at",
        ),
    ],
)
def test_a_model_class_that_cannot_be_made(error, model, shown):
    assert shown in error(model)


def test_a_model_class_that_cannot_take_the_datas_inputs(error):
    shown = error("{use: ResidualRegressor, output_dim: 1}", TWO)
    assert shown.startswith("model: ResidualRegressor expects 1 input; the data has 2 (left, right).")
    shown = error("{use: TwoSided, units: 1}", targets=("a", "b"))
    assert shown.startswith("model: TwoSided expects 2 inputs; the data has 1 (x).")


@pytest.mark.parametrize(
    ("model", "targets", "shown"),
    [
        (
            "{use: ResidualRegressor, output_dim: 1}",
            ("a", "b"),
            "model: the model has 1 output; the data has 2 targ",
        ),
        ("{use: TwoSided, units: 1}", ("a",), "model: the model has 2 outputs; the data has 1 target (a)."),
    ],
)
def test_as_many_targets_as_outputs(error, model, targets, shown):
    inputs = TWO if "TwoSided" in model else None
    assert error(model, inputs, targets).startswith(shown)


def test_a_graphs_outputs_are_the_targets_by_name(error, graph):
    text = graph("price = Dense(1)(x)", "kind = Dense(2)(x)", outputs="[price, kind]")
    shown = error(text, targets=("prize", "kind"))
    assert shown.startswith(
        "model: the model's output 'price' has no target of that name in the data (prize, kind)."
    )
    assert shown.endswith("Did you mean 'prize'?")


@pytest.mark.parametrize(
    ("train", "shown"),
    [
        ("{loss: msse}", "train.loss: no loss 'msse'. Did you mean 'mse' (kwb_keras)?"),
        ("{loss: Adam}", "train.loss: no loss 'Adam'. 'Adam' is an optimizer (kwb_keras), not a loss."),
        (
            "{loss: {zebra: mse}}",
            "train.loss.zebra: the model has no output 'zebra'. Its one output is 'y'; with",
        ),
        (
            "{loss: mse, loss_weights: {yy: 2}}",
            "train.loss_weights.yy: the model has no output 'yy'. Did you mean 'y'?",
        ),
        (
            "{loss: mse, metrics: [mae, AUCC]}",
            "train.metrics[1]: no metric 'AUCC'. Did you mean 'AUC' (kwb_keras)?",
        ),
        ("{loss: mse, metrics: {z: [mae]}}", "train.metrics.z: the model has no output 'z'."),
        (
            "{loss: mse, metrics: [{use: AUC, zebra: 1}]}",
            "train.metrics[0]: AUC has no argument 'zebra'. Its arguments: ",
        ),
        (
            "{loss: mse, optimizer: Adm}",
            "train.optimizer: no optimizer 'Adm'. Did you mean 'Adam' (kwb_keras)?",
        ),
        (
            "{loss: mse, optimizer: {use: Adam, lerning_rate: 1}}",
            "train.optimizer: Adam has no argument 'lerning_rate'.",
        ),
        (
            "{loss: mse, optimizer: {use: Adam, learning_rate: -1}}",
            "train.optimizer: Adam refuses its arguments: ",
        ),
        (
            "{loss: mse, optimizer: {use: Adam, learning_rate: {use: ExponentialDecay, decay_rate: 1}}}",
            "train.optimizer.learning_rate: ExponentialDecay needs the argument 'initial_learning_rate', ",
        ),
        (
            "{loss: mse, callbacks: [EarlyStoping]}",
            "train.callbacks[0]: no callback 'EarlyStoping'. Did you mean",
        ),
        (
            "{loss: mse, callbacks: [{use: EarlyStopping, patienc: 1}]}",
            "train.callbacks[0]: EarlyStopping has no arg",
        ),
        (
            "{loss: mse, dtype: float3}",
            "train.dtype: there is no dtype policy 'float3'. float32, mixed_bfloat16, ",
        ),
    ],
)
def test_what_cannot_be_compiled(error, train, shown):
    assert error("{use: ResidualRegressor, output_dim: 1}", train=train).startswith(shown)
