"""What a recipe can build beyond one tensor in and one out: several, nested, loaded, shared, compiled."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from workbench.storage import formats

TWO = {"left": (8,), "right": (8,)}
BOTH = "{left: [8], right: [8]}"


def test_a_recipes_name_may_hold_what_a_models_name_may_not(build, stack):
    model = build(stack("{use: Dense, units: 1}"), name="größe.von-m2").model
    model.fit(np.ones((4, 8)), np.ones((4, 1)), verbose=0)
    assert model.name == "gr__e_von_m2"


def test_a_train_step_that_updates_no_metric_trains_as_in_plain_keras(build):
    """Keras asks metrics for a result wherever it was given a list of them, be it empty."""

    def train_step(data):
        x, y = data
        return {"loss": model.compute_loss(x, y, model(x, training=True))}

    model = build("{use: ResidualRegressor, output_dim: 1}").model
    model.train_step = train_step
    history = model.fit(np.ones((4, 8)), np.ones((4, 1)), verbose=0).history
    assert history.keys() == {"loss"}


class TestArguments:
    """Things named by `use` inside another thing's arguments."""

    def test_a_regularizer_an_initializer_and_a_constraint(self, build, stack):
        layer = build(
            stack(
                "{use: Dense, units: 3, kernel_regularizer: {use: L2, l2: 0.5}, "
                "bias_initializer: {use: Constant, value: 2.0}, kernel_constraint: {use: MaxNorm, max_value: 1}}"
            )
        ).model.layers[0]
        assert float(layer.kernel_regularizer.l2) == 0.5
        assert layer.bias.numpy().tolist() == [2.0, 2.0, 2.0]
        assert layer.kernel_constraint.max_value == 1

    def test_an_initializer_that_is_called_like_a_layer(self, build, stack, graph):
        layer = build(
            stack("{use: Dense, units: 3, kernel_initializer: {use: Identity, gain: 2.0}}")
        ).model.layers[0]
        assert layer.kernel.numpy()[:2, :2].tolist() == [[2.0, 0.0], [0.0, 2.0]]
        line = "y = Dense(3, kernel_initializer=Identity(gain=2.0))(x)"
        assert isinstance(build(graph(line)).model.layers[-1].kernel_initializer, keras.initializers.Identity)

    def test_the_same_in_a_graph_line(self, build, graph):
        line = "y = Dense(3, 'relu', kernel_regularizer=L2(0.5), bias_initializer=Constant(value=2.0))(x)"
        layer = build(graph(line)).model.layers[-1]
        assert float(layer.kernel_regularizer.l2) == 0.5
        assert layer.activation is keras.activations.relu

    def test_a_layer_in_a_layer(self, build, stack):
        built = build(stack("{use: Bidirectional, layer: {use: LSTM, units: 3}}"), {"x": (5, 2)})
        assert built.predict().shape == (4, 6)

    def test_a_list_of_layers(self, build, stack):
        cells = "{use: RNN, cell: [{use: GRUCell, units: 3}, {use: LSTMCell, units: 2}]}"
        assert build(stack(cells), {"x": (5, 2)}).predict().shape == (4, 2)

    def test_a_schedule_in_the_optimizer(self, build, stack):
        schedule = "{use: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.5}"
        train = f"{{loss: mse, optimizer: {{use: SGD, learning_rate: {schedule}}}}}"
        optimizer = build(stack("Flatten"), train=train).model.optimizer
        assert isinstance(optimizer, keras.optimizers.SGD)
        assert float(optimizer.learning_rate) == pytest.approx(0.1)
        assert optimizer.get_config()["learning_rate"]["class_name"] == "ExponentialDecay"


class TestInputsAndOutputs:
    """Several inputs, several outputs, in each of the forms."""

    def test_a_class_of_several_inputs_is_called_with_a_tuple_and_gives_outputs_by_target(self, build):
        built = build("{use: TwoSided, units: 2}", TWO, ("sum", "difference"))
        assert built.structure.input_form == "tuple"
        assert (built.structure.output_form, built.structure.outputs) == ("tuple", ("sum", "difference"))
        total, difference = built.predict()
        assert total.shape == difference.shape == (4, 2)
        assert list(built.structure.unpack_outputs([total, difference])) == ["sum", "difference"]

    def test_a_layer_whose_call_takes_two_arguments(self, build, graph):
        built = build(graph("y = Mix()(left, right)", inputs=BOTH), TWO)
        batch = built.batch()
        np.testing.assert_allclose(built.predict(), (batch["left"] + batch["right"]) / 2, rtol=1e-6)

    def test_a_layer_whose_call_takes_a_list(self, build, graph):
        for call in ("(left, right)", "([left, right])", "((left, right))"):
            assert build(graph(f"y = Concatenate(){call}", inputs=BOTH), TWO).predict().shape == (4, 16)

    def test_call_arguments_beside_the_inputs(self, build, graph):
        lines = ["z, h, c = LSTM(3, return_state=True)(x)", "y = LSTM(3)(x, initial_state=[h, c])"]
        built = build(graph(*lines, inputs="{x: [5, 2]}"), {"x": (5, 2)})
        assert built.predict().shape == (4, 3)
        lines = ["y = MultiHeadAttention(2, 4)(x, value=x)"]
        assert build(graph(*lines, inputs="{x: [5, 2]}"), {"x": (5, 2)}).predict().shape == (4, 5, 2)

    def test_a_graphs_outputs_are_a_dict_by_name(self, build, graph):
        text = graph("a = Dense(1)(x)", "b = Dense(2)(x)", outputs="[a, b]")
        built = build(text, targets=("b", "a"))
        assert built.structure.output_form == "dict"
        assert {name: array.shape for name, array in built.predict().items()} == {"a": (4, 1), "b": (4, 2)}

    @pytest.mark.parametrize("form", ["tuple", "dict"])
    @pytest.mark.parametrize(
        ("train", "wanted"),
        [
            ("{loss: mse}", lambda a, b: a + b),
            ("{losses: {a: mse, b: mse}}", lambda a, b: a + b),
            ("{losses: {a: mse, b: mse}, weights: {a: 3}}", lambda a, b: 3 * a + b),
            ("{losses: {a: mse, b: mse}, weights: {b: 0.5, a: 3}}", lambda a, b: 3 * a + 0.5 * b),
            ("{loss: mse, weights: {b: 0.5}}", lambda a, b: a + 0.5 * b),
            ("{losses: {a: mse}}", lambda a, b: a),
            ("{losses: {b: mse}, weights: {b: 2}}", lambda a, b: 2 * b),
        ],
    )
    def test_losses_and_their_weights_by_output(self, build, graph, form, train, wanted):
        if form == "dict":
            lines = ["a = Dense(2)(left)", "b = Dense(2)(right)"]
            built = build(graph(*lines, inputs=BOTH, outputs="[a, b]"), TWO, ("a", "b"), train)
        else:
            built = build("{use: TwoSided, units: 2}", TWO, ("a", "b"), train)
        batch = built.batch()
        outputs = built.structure.unpack_outputs(built.model(batch))
        a, b = (float(np.mean(np.square(outputs[name]))) for name in ("a", "b"))
        zeros = built.structure.pack_targets({"a": np.zeros((4, 2)), "b": np.zeros((4, 2))})
        loss = built.model.evaluate(batch, zeros, verbose=0, return_dict=True)["loss"]
        assert loss == pytest.approx(wanted(a, b), rel=1e-5)

    @pytest.mark.parametrize(
        ("metrics", "names"),
        [
            ("[mae]", {"a_mae", "b_mae"}),
            ("{a: mae}", {"a_mae"}),
            (
                "{a: [mae, {use: RootMeanSquaredError}], b: mse}",
                {"a_mae", "a_root_mean_squared_error", "b_mse"},
            ),
        ],
    )
    def test_metrics_by_output(self, build, graph, metrics, names):
        text = graph("a = Dense(2)(left)", "b = Dense(2)(right)", inputs=BOTH, outputs="[a, b]")
        built = build(text, TWO, ("a", "b"), f"{{loss: mse, metrics: {metrics}}}")
        zeros = built.structure.pack_targets({"a": np.zeros((4, 2)), "b": np.zeros((4, 2))})
        logs = built.model.evaluate(built.batch(), zeros, verbose=0, return_dict=True)
        assert {name for name in logs if "loss" not in name} == names


class TestNames:
    """Each layer has a name of its own, whatever Keras would number it."""

    def test_layers_are_called_as_the_recipe_says(self, build, graph):
        lines = ["z = first(x)", "z = Dense(4, name='second')(z)", "y = Dense(1)(z)"]
        built = build(graph(*lines, layers="{first: {use: Dense, units: 4}}"))
        assert list(built.rows()) == ["first", "second", "dense"]

    def test_a_name_of_the_recipe_goes_before_one_that_keras_numbers(self, build, graph, stack):
        built = build(graph("z = dense(x)", "y = Dense(1)(z)", layers="{dense: {use: Dense, units: 4}}"))
        assert list(built.rows()) == ["dense", "dense_1"]
        assert built.rows()["dense"].parameters == 36
        built = build(stack("{use: Dense, units: 4}", "{use: Dense, units: 1, name: dense}"))
        assert built.rows()["dense"].parameters == 5
        assert len({weight.path for weight in built.model.weights}) == 4


class TestLoaded:
    """A saved file as a model and as a layer."""

    @pytest.fixture(scope="class")
    def folder(self, build, tmp_path_factory):
        folder = tmp_path_factory.mktemp("saved")
        built = build("{use: ResidualRegressor, output_dim: 8}")
        formats.save(built.model, folder / "m.keras", {})
        formats.save(built.model, folder / "m.weights.h5", {})
        return folder

    def test_as_a_model_it_predicts_as_it_did(self, build, folder):
        fresh = build("{use: ResidualRegressor, output_dim: 8}")
        loaded = build("{load: m.keras}", folder=folder)
        np.testing.assert_array_equal(loaded.predict(), fresh.predict())

    def test_its_optimizer_and_loss_stay_unless_the_recipe_names_others(self, build, folder):
        kept = build("{load: m.keras}", folder=folder, train="{epochs: 2}")
        assert kept.model.compiled
        assert kept.model.loss == "mse"
        changed = build("{load: m.keras}", folder=folder, train="{loss: mae, optimizer: SGD}")
        assert changed.model.loss == "mae"
        assert isinstance(changed.model.optimizer, keras.optimizers.SGD)

    def test_as_a_layer_of_a_stack_and_frozen(self, build, stack, folder):
        text = stack("{load: m.keras, name: base, trainable: false}", "{use: Dense, units: 1}")
        built = build(text, folder=folder)
        rows = built.rows()
        assert rows["base"].layer_class == "ResidualRegressor"
        assert rows["base/block1"].parameters == 1860
        assert [tuple(weight.shape) for weight in built.model.trainable_weights] == [(8, 1), (1,)]
        assert not built.model.layers[0].compiled  # its optimizer would go into every file of the new model

    def test_as_a_layer_of_a_graph_called_twice(self, build, graph, folder):
        text = graph("z = base(x)", "y = base(z)", layers="{base: {load: m.keras}}")
        built = build(text, folder=folder)
        once = build("{load: m.keras}", folder=folder).model
        batch = built.batch()
        np.testing.assert_allclose(built.model(batch), once(once(batch)), rtol=1e-5)
        assert built.model.count_params() == once.count_params()

    def test_twice_in_one_model_the_copies_have_names_of_their_own(self, build, stack, folder):
        built = build(stack("{load: m.keras}", "{load: m.keras}"), folder=folder)
        first, second = (path for path in built.rows() if "/" not in path)
        assert first != second

    def test_weights_to_start_from(self, build, folder):
        fresh = build("{use: ResidualRegressor, output_dim: 8}")
        started = build(
            "{use: ResidualRegressor, output_dim: 8}", folder=folder, extra="weights: m.weights.h5"
        )
        np.testing.assert_array_equal(started.predict(), fresh.predict())

    def test_a_missing_file_is_reported(self, error, stack):
        assert error("{load: gone.keras}") == "model.load: there is no file 'gone.keras'."
        assert (
            error(stack("{load: gone.keras}")) == "model.sequential[0].load: there is no file 'gone.keras'."
        )
        assert error("{use: ResidualRegressor, output_dim: 1}", extra="weights: gone.h5") == (
            "weights: there is no file 'gone.h5'."
        )


class TestCompiling:
    """Losses, metrics, optimizers, callbacks, dtypes."""

    MODEL = "{use: ResidualRegressor, output_dim: 1}"

    @pytest.mark.parametrize(
        ("metrics", "names"),
        [
            ("[mae]", ["mae"]),
            ("mse", ["mse"]),
            ("[{use: mae, name: error}]", ["error"]),
            ("[RootMeanSquaredError, accuracy]", ["root_mean_squared_error", "accuracy"]),
            ("[Huber]", ["huber_loss"]),
            ("{y: [mae]}", ["mae"]),
        ],
    )
    def test_metrics_are_logged_by_the_name_they_were_asked_by(self, build, metrics, names):
        built = build(self.MODEL, train=f"{{loss: mse, metrics: {metrics}}}")
        logs = built.model.evaluate(built.batch(), np.zeros((4, 1)), verbose=0, return_dict=True)
        assert logs.keys() - {"loss"} == set(names)

    def test_a_loss_with_arguments(self, build):
        built = build(self.MODEL, train="{loss: {use: Huber, delta: 0.25, reduction: sum}}")
        assert isinstance(built.model.loss, keras.losses.Huber)
        assert built.model.loss.reduction == "sum"

    def test_callbacks_in_order_with_arguments(self, build):
        built = build(
            self.MODEL,
            train="{loss: mse, callbacks: [{use: EarlyStopping, patience: 7}, TerminateOnNaN]}",
        )
        stopping, nan = built.callbacks()
        assert isinstance(stopping, keras.callbacks.EarlyStopping)
        assert stopping.patience == 7
        assert isinstance(nan, keras.callbacks.TerminateOnNaN)

    def test_a_dtype_policy_holds_for_this_model_only(self, build, stack):
        mixed = build(stack("{use: Dense, units: 1}"), train="{loss: mse, dtype: mixed_bfloat16}")
        layer = mixed.model.layers[0]
        assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
        assert build(stack("{use: Dense, units: 1}")).model.layers[0].compute_dtype == "float32"

    def test_running_eagerly(self, build):
        assert build(self.MODEL, train="{loss: mse, run_eagerly: true}").model.run_eagerly
        assert not build(self.MODEL).model.run_eagerly
