"""What the recipes that *New* proposes learn, on public tables that ship in packages.

    python -m tests.benchmarks.first_recipes            every table that is found
    python -m tests.benchmarks.first_recipes Boston OJ

For each table a recipe is proposed as by *New* with one Enter (the target is the proposed one), trained unchanged, and
judged on its test part beside a constant guess (the mean, or the commonest class) and a linear or logistic model of
scikit-learn, fitted on the same training rows. Where the table is known for another target, that is learned as well.
Tables that are absent are left out: `pip install --no-deps ISLP statsmodels plotly palmerpenguins`.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("ISLP", "statsmodels", "plotly", "palmerpenguins")
TOLERANCE = 1.05  # an error so many times that of the linear model is not worse


@dataclass(frozen=True)
class Table:
    """A table and the column that it is known for; a dataset of kwb's own has no path, and knows its target."""

    name: str
    package: str = ""
    path: str = ""
    target: str = ""

    def data(self) -> str:
        """What names its data; empty where its package is not installed."""
        if not self.package:
            return self.name
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        path = Path(folders[0]) / self.path if folders else None
        return str(path) if path and path.is_file() else ""


def _islp(name: str, target: str) -> Table:
    return Table(name, "ISLP", f"data/{name}.csv", target)


def _statsmodels(name: str, target: str) -> Table:
    return Table(name, "statsmodels", f"datasets/{name}/{name}.csv", target)


TABLES = (
    Table("diabetes"),
    Table("iris"),
    Table("wine"),
    Table("breast_cancer"),
    _islp("Auto", "mpg"),
    _islp("Bikeshare", "bikers"),
    _islp("Boston", "medv"),
    _islp("Carseats", "Sales"),
    _islp("College", "Apps"),
    _islp("Credit", "Balance"),
    _islp("Default", "default"),
    _islp("Hitters", "Salary"),
    _islp("OJ", "Purchase"),
    _islp("Wage", "wage"),
    _islp("Smarket", "Direction"),
    _statsmodels("engel", "foodexp"),
    _statsmodels("fair", "rate_marriage"),
    _statsmodels("randhie", "mdvis"),
    _statsmodels("star98", "MATHTOT"),
    Table("tips", "plotly", "package_data/datasets/tips.csv.gz", "tip"),
    Table("gapminder", "plotly", "package_data/datasets/gapminder.csv.gz", "lifeExp"),
    Table("election", "plotly", "package_data/datasets/election.csv.gz", "winner"),
    Table("penguins", "palmerpenguins", "data/penguins.csv", "species"),
    Table("penguin mass", "palmerpenguins", "data/penguins.csv", "body_mass_g"),
)


@dataclass(frozen=True)
class Result:
    """Scores on the test part. Of numbers the mean absolute error; of classes the share of wrong ones."""

    name: str
    rows: int
    metric: str
    kwb: float
    constant: float
    linear: float
    seconds: float
    cross_entropy: tuple[float, float] | None = None

    @property
    def beats_guessing(self) -> bool:
        """Where the classes are so unequal that both err alike, the probabilities decide."""
        if self.kwb == self.constant and self.cross_entropy is not None:
            return self.cross_entropy[0] < self.cross_entropy[1]
        return self.kwb < self.constant

    @property
    def holds_against_linear(self) -> bool:
        if self.metric == "accuracy":
            return 1 - self.kwb >= (1 - self.linear) / TOLERANCE
        return self.kwb <= TOLERANCE * self.linear

    def line(self) -> str:
        shown = [1 - e if self.metric == "accuracy" else e for e in (self.kwb, self.constant, self.linear)]
        marks = f"{'' if self.beats_guessing else ' NOT LEARNED'}{'' if self.holds_against_linear else ' BELOW LINEAR'}"
        numbers = "  ".join(f"{value:>10.4g}" for value in shown)
        return f"{self.name:<28} {self.rows:>6} {self.metric:<8} {numbers}  {self.seconds:5.1f} s{marks}"


def train(table: Table, catalog: Any, folder: Path, target: str = "") -> Result:
    """Train the proposed recipe without an edit, and compare.

    Args:
        target: what to learn; empty for what is proposed.
    """
    from workbench.recipe.document import parse
    from workbench.scaffold.first_recipe import propose
    from workbench.training.preparing import load_data
    from workbench.training.session import Session

    proposal = propose(table.data(), catalog, [target] if target else [])
    document = parse(proposal.text, folder=folder, overrides=("save=[]",))
    began = time.perf_counter()
    finished = Session(document, catalog, lambda event, line: None, runs_folder=folder / "runs").run()
    seconds = time.perf_counter() - began
    data = load_data(document, catalog)
    return compared(f"{table.name}: {', '.join(data.train.targets)}", finished.evaluation, data, seconds)


def compared(name: str, evaluation: Any, data: Any, seconds: float) -> Result:
    """A run's scores beside those of the constant and of the linear model."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    train, test = data.train, data.test
    (target,) = train.targets
    known, asked = (part.targets[target].reshape(part.rows, -1)[:, 0] for part in (train, test))
    x, asked_x = (
        np.concatenate([array.reshape(part.rows, -1) for array in part.inputs.values()], axis=1)
        for part in (train, test)
    )
    rows = data.rows_read - data.rows_dropped
    if data.preparation.classes():
        values, counts = np.unique(known, return_counts=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            linear = LogisticRegression(max_iter=500).fit(x, known)
        shares = dict(zip(values.tolist(), (counts / len(known)).tolist(), strict=True))
        guess = -np.mean([np.log(shares.get(value, 1e-7)) for value in asked.tolist()])
        errors = (
            1 - evaluation["accuracy"],
            float(np.mean(asked != values[counts.argmax()])),
            float(np.mean(linear.predict(asked_x) != asked)),
        )
        return Result(
            name, rows, "accuracy", *(round(error, 9) for error in errors), seconds,
            (evaluation["loss"], float(guess)),
        )  # fmt: skip
    linear = LinearRegression().fit(x, known)
    errors = (
        evaluation["mae"],
        float(np.abs(asked - known.mean()).mean()),
        float(np.abs(linear.predict(asked_x) - asked).mean()),
    )
    return Result(name, rows, "mae", *errors, seconds)


def results(names: Sequence[str] = (), *, typed: bool = False) -> Iterator[Result]:
    """The results of every table that is there, or of those named.

    Args:
        typed: of those that are known for another target than is proposed, with that one.
    """
    from workbench.catalog.discovery import discover
    from workbench.catalog.lookup import Catalog
    from workbench.scaffold.first_recipe import propose

    catalog = Catalog(tuple(plugin for plugin in discover() if plugin.distribution == "kwb"))
    seen: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for table in TABLES:
            if (names and table.name not in names) or not table.data():
                continue
            if not typed:
                if table.data() not in seen:  # one file may be known for two targets
                    yield train(table, catalog, Path(folder))
                seen.add(table.data())
            elif table.target and propose(table.data(), catalog).targets != (table.target,):
                yield train(table, catalog, Path(folder), table.target)


def _show(found: Sequence[Result]) -> None:
    print(f"{sum(each.beats_guessing for each in found)} of {len(found)} beat the constant guess,")
    print(f"{sum(each.holds_against_linear for each in found)} are not worse than the linear model by 5 %.")


def main() -> None:
    print(f"{'table: target':<28} {'rows':>6} {'metric':<8} {'kwb':>10}  {'constant':>10}  {'linear':>10}")
    for typed in (False, True):
        if typed:
            print("With the target typed, where another was proposed:")
        found = []
        for result in results(sys.argv[1:], typed=typed):
            print(result.line(), flush=True)
            found.append(result)
        _show(found)


if __name__ == "__main__":
    main()
