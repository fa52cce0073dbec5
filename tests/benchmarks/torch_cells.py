"""The column of PyTorch, eager, written by hand: the loop that its users write, with the data in tensors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.benchmarks.timing import Clock, Measured, orders
from tests.benchmarks.workloads import WORKLOADS


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(30, 30), nn.Linear(30, 30)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + F.elu(self.second(F.elu(self.first(x))))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.block1, self.block2, self.out = nn.Linear(8, 30), Block(), Block(), nn.Linear(30, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = F.elu(self.hidden(x))
        for _ in range(4):
            z = self.block1(z)
        return self.out(self.block2(z))


class Reconstructing(nn.Module):
    """Keeps the loss of its reconstruction in `extra_loss`."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(8 if i == 0 else 30, 30) for i in range(5)])
        self.out, self.reconstruct = nn.Linear(30, 1), nn.Linear(30, 8)
        self.extra_loss: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = x
        for layer in self.hidden:
            z = F.selu(layer(z))
        self.extra_loss = 0.05 * F.mse_loss(self.reconstruct(z), x)
        return self.out(z)


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.block, self.out = nn.Linear(8, 30), Block(), nn.Linear(30, 1)

    def forward(self, x: dict[str, torch.Tensor]) -> torch.Tensor:
        left, right = (self.block(F.elu(self.hidden(x[name]))) for name in ("left", "right"))
        return self.out(self.block(left + right))


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(16, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.lstm(x)[0][:, -1])


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def _relu_stack(*widths: int) -> nn.Module:
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


MODELS: dict[str, Callable[[], nn.Module]] = {
    "residual-regressor": Residual,
    "reconstructing-regressor": Reconstructing,
    "my-dense": lambda: _relu_stack(8, 30, 30, 1),
    "two-inputs": TwoInputs,
    "mlp": lambda: _relu_stack(784, 512, 512, 10),
    "cnn": _cnn,
    "lstm": Lstm,
}


def eager(workload: str, rows: int, epochs: int) -> Measured:
    """Train for so many epochs, summing the loss and the metric as Keras does."""
    found = WORKLOADS[workload]
    inputs, targets = found.data(rows)
    classes = workload in ("mlp", "cnn")
    x = (
        {name: torch.from_numpy(array.copy()) for name, array in inputs.items()}
        if isinstance(inputs, dict)
        else torch.from_numpy(inputs)
    )
    if workload == "cnn":
        x = x.permute(0, 3, 1, 2).contiguous()
    y = torch.from_numpy(targets)
    y = y.long() if classes else y
    torch.manual_seed(0)
    model = MODELS[workload]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    clock = Clock()
    for order in orders(rows, epochs):
        clock.epoch_begins()
        shuffled = torch.from_numpy(order).long()
        loss_sum, metric_sum = torch.zeros(()), torch.zeros(())
        for start in range(0, rows, found.batch_size):
            taken = shuffled[start : start + found.batch_size]
            batch = {name: array[taken] for name, array in x.items()} if isinstance(x, dict) else x[taken]
            wanted = y[taken]
            optimizer.zero_grad(set_to_none=True)
            found_values = model(batch)
            loss = F.cross_entropy(found_values, wanted) if classes else F.mse_loss(found_values, wanted)
            loss = loss + getattr(model, "extra_loss", 0.0)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                loss_sum += loss
                right = (
                    (found_values.argmax(1) == wanted).float() if classes else (found_values - wanted).abs()
                )
                metric_sum += right.mean()
        loss_sum.item()
        clock.epoch_ends()
    return clock.measured(-(-rows // found.batch_size), torch.__version__)
