"""What `kwb probe --cost` says of a step, beside the step itself: `python -m tests.benchmarks.probing`.

For each model the time of one compiled step, the sum of its operations as the table has them, and their ratio. The rest
is what TensorFlow spends between operations, and on those too small to be measured.
"""

from __future__ import annotations

import os

from workbench.process import import_keras, run_one_at_a_time

import_keras()
run_one_at_a_time()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

from workbench.probing.cost import measure  # noqa: E402


def models() -> dict[str, tuple[keras.Model, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    pictures, classes = rng.random((32, 32, 32, 3), "float32"), rng.integers(0, 10, 32)
    table, steps = rng.random((256, 64), "float32"), rng.random((64, 20, 8), "float32")
    cnn = keras.Sequential(
        [
            *(
                layer
                for size in (16, 32)
                for layer in (layers.Conv2D(size, 3), layers.BatchNormalization(), layers.ReLU())
            ),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    cnn.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    mlp = keras.Sequential([*(layers.Dense(512, "relu") for _ in range(3)), layers.Dense(1)])
    mlp.compile("adam", "mse")
    lstm = keras.Sequential([layers.LSTM(128), layers.Dense(1)])
    lstm.compile("adam", "mse")
    given = keras.Input((32, 64))
    attended = layers.MultiHeadAttention(4, 32)(given, given)
    both = layers.LayerNormalization()(given + attended)
    attention = keras.Model(
        given, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Dense(256, "relu")(both)))
    )
    attention.compile("adam", "mse")
    small = keras.Sequential([layers.Dense(8, "relu"), layers.Dense(1)])
    small.compile("sgd", "mse")
    return {
        "CNN, 32 x 32 pictures": (cnn, pictures, classes),
        "MLP, 3 x 512": (mlp, table, rng.random((256, 1), "float32")),
        "LSTM of 128": (lstm, steps, rng.random((64, 1), "float32")),
        "attention, 32 x 64": (
            attention,
            rng.random((32, 32, 64), "float32"),
            rng.random((32, 1), "float32"),
        ),
        "MLP of 8 (tiny)": (small, table[:32], rng.random((32, 1), "float32")),
    }


def main() -> None:
    print(f"{'model':<24}{'step':>10}{'layers':>10}{'ratio':>8}")
    for name, (model, x, y) in models().items():
        model(x[:1])
        model.optimizer.build(model.trainable_variables)
        cost = measure(model, model.train_step, (tf.constant(x), tf.constant(y)), {})
        ratio = cost.measured / cost.seconds
        print(f"{name:<24}{1e3 * cost.seconds:>7.2f} ms{1e3 * cost.measured:>7.2f} ms{ratio:>8.2f}")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
