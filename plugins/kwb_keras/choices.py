"""What Keras' public API does not say: which classes to leave out and why, and arguments for an example of each.

An example's arguments are looked up by parameter name, so most classes need no line here. A layer's example
comes with the shapes (without the batch axis) of tensors it can be called on.
"""

from __future__ import annotations

import re
from typing import Any

_BASE = "a base to subclass"
_CODE = "needs Python code, which a recipe cannot contain"
_FRAMEWORK = "wraps an object of another framework"
_LABELS = "changes labels together with images; a layer of a model sees only its inputs"
_FILES = "writes files; a run's folder already holds its checkpoints, its logs and its state for resuming"

# What every architecture of keras.applications accepts: InceptionV3 needs 75 pixels.
IMAGE = [75, 75, 3]

_STRINGS = "its inputs are strings; the checks call with numbers"

OMITTED: dict[str, dict[str, str]] = {
    "layers": {
        "Layer": _BASE,
        "Wrapper": _BASE,
        "InputLayer": "a recipe names its inputs instead",
        "Lambda": f"{_CODE}; register a function as a layer",
        "FlaxLayer": _FRAMEWORK,
        "JaxLayer": _FRAMEWORK,
        "TorchModuleWrapper": _FRAMEWORK,
        "TFSMLayer": "runs whatever a SavedModel folder holds",
        "StackedRNNCells": "RNN accepts a list of cells",
        "Pipeline": "a stack in the recipe does the same",
        "CutMix": _LABELS,
        "MixUp": _LABELS,
        "MaxNumBoundingBoxes": "its inputs are bounding boxes, not a tensor",
        "Equalization": "cannot be part of a model: in Keras 3.15 its symbolic output is its input",
    },
    "models": {},
    "losses": {"Loss": _BASE},
    "metrics": {
        "Metric": _BASE,
        "MeanMetricWrapper": _CODE,
        "Mean": "is for values, not for targets and predictions",
        "Sum": "is for values, not for targets and predictions",
    },
    "optimizers": {
        "Optimizer": _BASE,
        "LossScaleOptimizer": "compile() puts it around the optimizer where the dtype policy asks for it",
        "MultiOptimizer": "needs layer objects, which do not exist yet when a recipe is read",
    },
    "schedules": {"LearningRateSchedule": _BASE},
    "callbacks": {
        "Callback": _BASE,
        "CallbackList": "holds callbacks; Keras makes it",
        "History": "fit() makes it",
        "ProgbarLogger": "fit() makes it",
        "LambdaCallback": _CODE,
        "LearningRateScheduler": f"{_CODE}; use a schedule as the learning rate",
        "RemoteMonitor": "sends the logs to a server",
        "BackupAndRestore": _FILES,
        "CSVLogger": _FILES,
        "ModelCheckpoint": _FILES,
        "OrbaxCheckpoint": _FILES,
        "TensorBoard": _FILES,
    },
    "initializers": {"Initializer": _BASE},
    "regularizers": {"Regularizer": _BASE},
    "constraints": {"Constraint": _BASE},
}

_LORA = "Keras keeps lora_alpha only together with lora_rank"
_CUDNN = "Keras does not keep use_cudnn; a reloaded layer chooses by itself"
_INITIAL = "initial weights are not kept as an argument: a file has the weights themselves"
_FORGOTTEN = "Keras forgets it"

# What `kwb check` finds in Keras itself, by kind, class and check, with the reason. An upgrade that mends one fails
# the check until its line is taken out.
EXPECTED_FAILURES: dict[str, dict[str, dict[str, str]]] = {
    "layers": {
        "Bidirectional": {"config_keeps_arguments": _INITIAL},
        "CategoryEncoding": {
            "constructor_defaults": "num_tokens has the default None and cannot be left out",
            "config_keeps_arguments": _FORGOTTEN,
        },
        "Dense": {"config_keeps_arguments": _LORA},
        "Discretization": {"constructor_defaults": "it needs either num_bins or bin_boundaries"},
        "EinsumDense": {"config_keeps_arguments": _LORA},
        "Embedding": {"config_keeps_arguments": _INITIAL},
        "GRU": {"config_keeps_arguments": _CUDNN},
        "LSTM": {"config_keeps_arguments": _CUDNN},
        "MelSpectrogram": {"output_dtype": "it has constants of float32, and fails in double precision"},
        "MultiHeadAttention": {
            "config_keeps_arguments": "Keras does not keep flash_attention, a means of speed"
        },
        "Normalization": {
            "subclassed": "with mean and variance given, it keeps tensors of the graph in which a model class builds it"
        },
        "RandomCrop": {
            "output_shape": "in inference it gives the image as it is, and says that it is cropped",
            "output_dtype": "it returns float32 in double precision",
        },
        "RandomGrayscale": {"config_keeps_arguments": _FORGOTTEN},
        "RandomShear": {
            "from_config": "one factor is kept as a range from minus to plus, which it then refuses"
        },
        "StringLookup": {"call": _STRINGS},
        "TextVectorization": {"call": _STRINGS},
        "SimpleRNN": {"config_keeps_arguments": _FORGOTTEN},
    },
    "losses": {
        "CosineSimilarity": {"config_keeps_arguments": _FORGOTTEN},
        "Huber": {"config_keeps_arguments": _FORGOTTEN},
        "SparseCategoricalCrossentropy": {"config_keeps_arguments": _FORGOTTEN},
    },
    "metrics": {"CosineSimilarity": {"config_keeps_arguments": _FORGOTTEN}},
    "initializers": {"Identity": {"config_keeps_arguments": _FORGOTTEN}},
}

# Short names that Keras accepts for a loss, a metric or an initializer; each is tried.
SHORT_WORDS = ("mse", "mae", "mape", "msle", "bce", "kld", "normal", "uniform", "one", "zero")

# As a metric, compile() chooses the class for this word by the shapes, and not the class of that name.
CHOSEN_BY_SHAPE = frozenset({"accuracy"})

# Arguments by parameter name, for parameters without a default.
ARGUMENTS: dict[str, Any] = {
    "activation": "relu",
    "decay_rate": 0.9,
    "decay_steps": 100,
    "factor": 0.2,
    "filters": 4,
    "first_decay_steps": 100,
    "height": 4,
    "height_factor": 0.2,
    "initial_learning_rate": 0.01,
    "kernel_size": 3,
    "n": 3,
    "num_bins": 5,
    "num_classes": 2,
    "output_size": 2,
    "pool_size": 2,
    "precision": 0.5,
    "rate": 0.25,
    "recall": 0.5,
    "scale": 0.5,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "stddev": 0.1,
    "target_class_ids": [0],
    "units": 4,
    "width": 4,
    "width_factor": 0.2,
}

# Arguments of one class, where a parameter's name does not say enough or its default does not work.
ARGUMENTS_OF: dict[str, dict[str, Any]] = {
    "Bidirectional": {"layer": {"use": "LSTM", "units": 4}},
    "CategoryEncoding": {"num_tokens": 5},
    "Discretization": {"bin_boundaries": [-0.5, 0.5]},
    "Dot": {"axes": 1},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 4},
    "Embedding": {"input_dim": 10, "output_dim": 4},
    "GroupNormalization": {"groups": 2},
    "GroupQueryAttention": {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2},
    "IntegerLookup": {"vocabulary": [1, 2, 3]},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 4},
    "Normalization": {"mean": 0.5, "variance": 4.0},
    "Permute": {"dims": [2, 1]},
    "PiecewiseConstantDecay": {"boundaries": [100, 200], "values": [0.1, 0.01, 0.001]},
    "L1L2": {"l1": 0.01, "l2": 0.01},
    "RNN": {"cell": {"use": "LSTMCell", "units": 4}},
    "RandomPosterization": {"factor": 4},
    "Reshape": {"target_shape": [2, 4]},
    "ReversibleEmbedding": {"input_dim": 10, "output_dim": 4},
    "StringLookup": {"vocabulary": ["a", "b", "c"]},
    "TextVectorization": {"vocabulary": ["a", "b", "c"], "output_sequence_length": 4},
    "SpectralNormalization": {"layer": {"use": "Dense", "units": 4}},
    "TimeDistributed": {"layer": {"use": "Dense", "units": 4}},
}

# Layers called on more than one tensor: how many, or None where it may be two or more.
INPUTS: dict[str, int | None] = {
    "Add": None,
    "AdditiveAttention": None,
    "Attention": None,
    "Average": None,
    "Concatenate": None,
    "Dot": 2,
    "GRUCell": 2,
    "GroupQueryAttention": None,
    "HashedCrossing": None,
    "LSTMCell": 2,
    "Maximum": None,
    "Minimum": None,
    "MultiHeadAttention": None,
    "Multiply": None,
    "SimpleRNNCell": 2,
    "Subtract": 2,
}

_SHAPES_OF: dict[str, list[list[int]]] = {
    "EinsumDense": [[8]],
    "Embedding": [[5]],
    "GRUCell": [[3], [4]],
    "LSTMCell": [[3], [4], [4]],
    "MelSpectrogram": [[4096]],
    "Permute": [[3, 4]],
    "ReversibleEmbedding": [[5]],
    "STFTSpectrogram": [[1024, 1]],
    "SimpleRNNCell": [[3], [4]],
}

# The value range of example tensors, for layers that look things up by whole numbers.
INDEX_INPUTS = frozenset(
    {"CategoryEncoding", "Embedding", "HashedCrossing", "Hashing", "IntegerLookup", "ReversibleEmbedding"}
)


# Layers called on strings.
STRING_INPUTS = frozenset({"StringLookup", "TextVectorization"})


def example_shapes(name: str, tags: list[str]) -> list[list[int]]:
    """Shapes, without the batch axis, of the tensors that a layer's example can be called on."""
    if name in _SHAPES_OF:
        return _SHAPES_OF[name]
    if match := re.search(r"([123])D(?![a-z])", name):
        space = [8] * int(match[1]) + [4]
        return [[3, *space] if name.startswith("ConvLSTM") else space]
    if "image_preprocessing" in tags:
        return [[8, 8, 3]]
    if "rnn" in tags:
        return [[5, 3]]
    if "attention" in tags:
        return [[5, 8], [6, 8]]
    if name in STRING_INPUTS:
        return [[1]]
    if name == "HashedCrossing":
        return [[1], [1]]
    return [[8]] * (INPUTS.get(name, 1) or 2)
