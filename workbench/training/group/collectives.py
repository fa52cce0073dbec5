"""Sums over the processes of a training, by TensorFlow's own collective operations.

TensorFlow's server, which carries them, has no password and listens on every interface of its network, whatever address
it is given. So it is started in a network of its own (`workbench.group.network`) unless the user wants otherwise.
"""

from __future__ import annotations

import json
import os
import signal
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import tensorflow as tf

from workbench.devices.cores import CoreShare, keep_to_cores
from workbench.training.engines.shares import Share

_MANY_NUMBERS = 1_000_000  # of so many a sum takes tens of milliseconds,
_FEW, _OFTEN = 3, 7  # and it is measured so often, else so often
_GROUP = 1  # the number of our group of processes; there is no other in a process


def start_server(share: Share, addresses: Sequence[str], core_share: CoreShare) -> None:
    """Start TensorFlow's server and wait for those of the other processes; before the first operation of this one.

    Args:
        addresses: `host:port` of each process, by rank.
        core_share: the cores that run the operations of this process.
    """
    os.environ["TF_CONFIG"] = json.dumps(
        {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": share.rank}}
    )
    keep_to_cores(core_share)
    # As many operations at a time as there are cores, too: more would run where another process computes.
    tf.config.threading.set_intra_op_parallelism_threads(core_share.threads)
    tf.config.threading.set_inter_op_parallelism_threads(core_share.threads)
    at_end = signal.getsignal(signal.SIGTERM)
    # Made for its server only. Its scope is never entered: in it every variable, also that of a plugin, is of another
    # kind, and Keras 3 cannot fit.
    tf.distribute.MultiWorkerMirroredStrategy()
    # The server has put a handler of its own in this one's place, which knows nothing of a training.
    signal.signal(signal.SIGTERM, at_end)


LOST = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
)
"""What a sum raises when another process has gone."""


class Collectives:
    """Sums of tensors over the processes. Every process must ask for the same sums in the same order.

    Attributes:
        share: of this process.
        alone: whether every process has the same rows at this moment (see `Share`), so that one of them has them all.
        waited: seconds that the sums of steps have taken up to now, from where this process had its own numbers.
    """

    def __init__(self, share: Share) -> None:
        self.share = share
        self.alone = tf.Variable(False, trainable=False)
        with tf.device("CPU"):
            self.waited = tf.Variable(0.0, trainable=False, dtype=tf.float64)
        self._before: WeakKeyDictionary[Any, _Before] = WeakKeyDictionary()
        self._in_graphs: list[tuple[tf.DType, int]] = []  # type and length of each sum that was traced

    def sum(
        self, tensors: Sequence[tf.Tensor], name: str, sent_as: tf.DType | None = None
    ) -> list[tf.Tensor]:
        """The sums of tensors over all processes, equal to the last bit in each; in a graph or outside.

        Args:
            tensors: of the same shapes and types in each process. Half precision is added up in single precision.
            name: what they are. Sums of one name and one form come one after the other.
            sent_as: the type in which they are added up, if not that.
        """
        results: dict[int, tf.Tensor] = {}
        by_type: dict[tf.DType, list[int]] = {}
        for index, tensor in enumerate(tensors):
            by_type.setdefault(sent_as or _wide(tensor.dtype), []).append(index)
        for dtype, indices in by_type.items():
            flat = [tf.reshape(tf.cast(tensors[index], dtype), [-1]) for index in indices]
            sizes = [tf.size(each) for each in flat]
            total = self._sum(tf.concat(flat, axis=0), name)
            for index, part in zip(indices, tf.split(total, sizes), strict=True):
                given = tensors[index]
                results[index] = tf.cast(tf.reshape(part, tf.shape(given)), given.dtype)
                results[index].set_shape(given.shape)
        return [results[index] for index in range(len(tensors))]

    def traced(self) -> str:
        """The sums that were traced up to now: what the chief sends, for another process may have traced others."""
        return " ".join(f"{dtype.name}:{length}" for dtype, length in self._in_graphs)

    def seconds_of(self, traced: str) -> float:
        """How long these sums take. Every process must ask for the same."""
        pairs = [each.split(":") for each in traced.split()]
        vectors = [tf.zeros([int(length)], name) for name, length in pairs]
        sums = tf.function(lambda given: [self._sum(each, "measured")[:1] for each in given], autograph=False)
        many = sum(int(length) for _, length in pairs) > _MANY_NUMBERS
        took = []
        for _ in range(_FEW if many else _OFTEN):
            began = time.perf_counter()
            for each in sums(vectors):
                each.numpy()
            took.append(time.perf_counter() - began)
        # The median: a training meets the usual time, not the shortest.
        return median(took)

    def from_first(self, tensors: Sequence[tf.Tensor], name: str) -> list[tf.Tensor]:
        """The tensors of process 0, in each process."""
        mine = tensors if self.share.rank == 0 else [tf.zeros_like(tensor) for tensor in tensors]
        return self.sum(mine, name)

    def concatenated(self, rows: tf.Tensor, name: str, sent_as: tf.DType | None = None) -> tf.Tensor:
        """The rows of a tensor of each process one below the other, in the order of the processes.

        Args:
            rows: shape (rows, ...), of another number of rows in each process; their order is that of the whole batch.
            name, sent_as: as for `sum`.
        """
        place = tf.one_hot(self.share.rank, self.share.size, dtype=tf.int64)
        (counts,) = self.sum([place * tf.shape(rows, out_type=tf.int64)[0]], f"rows of {name}")
        before = tf.reduce_sum(counts[: self.share.rank])
        behind = tf.reduce_sum(counts[self.share.rank + 1 :])
        flat = tf.reshape(rows, [tf.shape(rows)[0], -1])
        (joined,) = self.sum([tf.pad(flat, [[before, behind], [0, 0]])], name, sent_as)
        return tf.reshape(joined, tf.concat([[-1], tf.shape(rows)[1:]], axis=0))

    def _sum(self, vector: tf.Tensor, name: str) -> tf.Tensor:
        form = f"{name} {vector.dtype.name} {vector.shape}"
        if tf.executing_eagerly():
            return self._reduce(vector, form)
        # Of rows of an embedding nobody knows here how many they will be; what each sum takes at least is counted.
        self._in_graphs.append((vector.dtype, vector.shape[0] or 1))
        graph = tf.compat.v1.get_default_graph()
        before = self._before.get(graph)
        number = before.forms[form] if before else 0
        # TensorFlow orders no collective operations by itself: two processes could begin with different ones.
        with tf.control_dependencies([before.last] if before else []):
            total = self._timed_sum(vector, f"{form} {number}")
        forms = before.forms if before else Counter()
        forms[form] += 1
        self._before[graph] = _Before(total.op, forms)
        return total

    def _timed_sum(self, vector: tf.Tensor, key: str) -> tf.Tensor:
        """A sum inside a graph; what it takes is added to `waited`."""
        # A number of each vector, not their order alone: only one that can be read has been computed, on a GPU as well.
        with tf.device("CPU"), tf.control_dependencies([tf.identity(vector[:1])]):
            began = tf.timestamp()
        with tf.control_dependencies([began]):
            total = self._reduce(vector, key)
        with tf.device("CPU"), tf.control_dependencies([tf.identity(total[:1])]):
            self.waited.assign_add(tf.timestamp() - began)
        return total

    def _reduce(self, vector: tf.Tensor, key: str) -> tf.Tensor:
        return tf.raw_ops.CollectiveReduceV2(
            input=vector,
            group_size=self.share.size,
            group_key=_GROUP,
            instance_key=_instance_key(key, vector),
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
            communication_hint="auto",
            timeout_seconds=0.0,  # none: each would hold two threads until it ends. The parent sees who is gone.
        )


def _instance_key(form: str, vector: tf.Tensor) -> tf.Tensor:
    """The number of a sum, of its own for each length: TensorFlow remembers the length of each."""
    number = tf.constant(zlib.crc32(form.encode()), tf.int64)
    if vector.shape[0] is None:
        number += 7919 * tf.size(vector, out_type=tf.int64)
    return tf.cast(number % 2**31, tf.int32)


class _Before(NamedTuple):
    """The sums of a graph up to now.

    Attributes:
        last: the operation of the last of them.
        forms: how many there are of each form.
    """

    last: tf.Operation
    forms: Counter[str]


def _wide(dtype: tf.DType) -> tf.DType:
    """The type that tensors of a type are added up in."""
    if dtype == tf.float64:
        return tf.float64
    return tf.float32 if dtype.is_floating else tf.int64


def fingerprint(tensor: tf.Tensor) -> tf.Tensor:
    """A whole number (float64) for the bits of a tensor and their places: another tensor has another number. It has 40
    bits, so double precision adds up those of many processes exactly."""
    found = _on_gpu(tensor) if tf.config.list_logical_devices("GPU") else _on_cpu(tensor)
    folded = tf.bitwise.bitwise_xor(found, tf.bitwise.right_shift(found, tf.constant(24, tf.int64)))
    return tf.cast(tf.bitwise.bitwise_and(folded, 2**40 - 1), tf.float64)


def _on_cpu(tensor: tf.Tensor) -> tf.Tensor:
    return tf.bitcast(tf.fingerprint(tf.reshape(tensor, [1, -1]))[0], tf.int64)


def _on_gpu(tensor: tf.Tensor) -> tf.Tensor:
    """TensorFlow's own fingerprint runs on the CPU only: each tensor would be fetched for it."""
    dtype = tensor.dtype
    bits = {1: tf.uint8, 2: tf.uint16, 4: tf.uint32, 8: tf.uint32}[dtype.size]
    if dtype == tf.bool:
        tensor = tf.cast(tensor, tf.uint8)
    elif dtype != bits:
        tensor = tf.bitcast(tensor, bits)
    numbers = tf.cast(tf.reshape(tensor, [-1]), tf.int64)
    return tf.reduce_sum(numbers * (2 * tf.range(tf.size(numbers, out_type=tf.int64), dtype=tf.int64) + 1))
