"""Decide from the operations of a traced step how it may be run. Names are those of TensorFlow's operations."""

from __future__ import annotations

from collections.abc import Collection

# A loop inside the step (a recurrent layer) needs its arrays' sizes known when XLA compiles it.
_LOOPS = {"While", "StatelessWhile", "TensorListReserve"}

# On a CPU, XLA's convolutions were measured to be twenty times slower than TensorFlow's own.
_CONVOLUTIONS = (
    "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackprop", "Conv3DBackprop", "_FusedConv2D",
)  # fmt: skip

# Their state is inside the operation, where nobody can read it or put it back.
_HIDDEN_STATE = {
    "RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "ParameterizedTruncatedNormal",
    "Multinomial", "RandomShuffle", "RandomGamma", "RandomPoisson", "RandomPoissonV2", "RandomCrop",
    "SampleDistortedBoundingBox", "SampleDistortedBoundingBoxV2", "FractionalMaxPool", "FractionalAvgPool",
    "UniformCandidateSampler", "LogUniformCandidateSampler", "LearnedUnigramCandidateSampler",
    "FixedUnigramCandidateSampler", "AllCandidateSampler", "ThreadUnsafeUnigramCandidateSampler",
}  # fmt: skip

# They act outside the graph, or on what is no variable: once more for each step that is only measured.
_EFFECTS = (
    "PyFunc", "EagerPyFunc", "Print", "WriteFile", "Save", "MergeV2Checkpoints",
    "WriteSummary", "WriteScalarSummary", "WriteHistogramSummary", "WriteImageSummary", "WriteAudioSummary",
    "LookupTableInsert", "LookupTableRemove", "LookupTableImport", "Queue", "Stage", "Unstage", "Barrier",
    "IteratorGetNext",
)  # fmt: skip

# Their state is a variable or an argument. XLA has generators of its own, which give other numbers for the same state.
_STATELESS_RANDOM = (
    "StatelessRandom", "StatelessMultinomial", "StatelessParameterizedTruncatedNormal", "StatelessTruncatedNormal",
    "StatelessSampleDistortedBoundingBox", "RandomIndexShuffle", "StatefulUniform", "StatefulStandardNormal",
    "StatefulTruncatedNormal", "StatefulRandomBinomial", "RngReadAndSkip", "XlaRngBitGenerator",
)  # fmt: skip


def loops(operations: Collection[str]) -> bool:
    """True if there is a loop inside the step."""
    return not _LOOPS.isdisjoint(operations)


def convolutions(operations: Collection[str]) -> bool:
    """True if the step convolves images."""
    return any(name.startswith(_CONVOLUTIONS) for name in operations)


def unrepeatable(operations: Collection[str]) -> list[str]:
    """The operations that make it impossible to run a step and take it back."""
    return sorted(name for name in operations if name in _HIDDEN_STATE or name.startswith(_EFFECTS))


def hidden_state(operations: Collection[str]) -> list[str]:
    """The operations with a state that nobody can keep."""
    return sorted(_HIDDEN_STATE.intersection(operations))


def random(operations: Collection[str]) -> list[str]:
    """The operations that draw random numbers."""
    return sorted(name for name in operations if name in _HIDDEN_STATE or name.startswith(_STATELESS_RANDOM))
