"""Models of columns of every kind: trained from raw rows, saved, and used on raw rows again in another process."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import keras
import numpy as np
import pandas
import pytest

from tests.conftest import Kwb

RECIPE = """
kwb: 1
name: shop
data:
  use: csv
  path: shop.csv
  stream: {stream}
  targets: sales
  dates: {{when: {{parts: [year, hour], cyclic: true}}}}
  numbers: {{price: {{strip: $, thousands: ","}}, discount: percent}}
  missing: {{inputs: mean, age: {{fill: median, indicator: true}}, deck: none}}
  categories: [deck]
  embed: [zip]
  unknown: other
  scale: standard
  split: {{validation: 0.1, test: 0.1, shuffle: false}}
model:
  inputs: {{features: [{width}], zip: [1]}}
  graph:
    - z = Embedding(input_dim=40, output_dim=3)(zip)
    - z = Flatten()(z)
    - x = Concatenate()(features, z)
    - x = Dense(8, activation="relu")(x)
    - sales = Dense(1, name="sales")(x)
  outputs: [sales]
train: {{epochs: 2, loss: mse, watch: none}}
save: [m.keras]
"""


def shop(rows: int, seed: int) -> pandas.DataFrame:
    random = np.random.default_rng(seed)
    when = pandas.Timestamp("2019-12-30") + pandas.to_timedelta(random.integers(0, 9000, rows), unit="h")
    frame = pandas.DataFrame(
        {
            "when": when.strftime("%d.%m.%Y %H:%M"),
            "price": [f"${value:,.2f}" for value in random.uniform(5, 4000, rows)],
            "discount": [f"{value}%" for value in random.integers(0, 60, rows)],
            "age": random.normal(40, 9, rows).round(1),
            "deck": random.choice(list("ABC"), rows),
            "zip": [f"{value:02}" for value in random.integers(1, 30, rows)],
            "sales": random.normal(0, 1, rows).round(3),
        }
    )
    frame.loc[random.random(rows) < 0.1, "age"] = None
    frame.loc[random.random(rows) < 0.2, "deck"] = None
    return frame


def by_hand(frame: pandas.DataFrame, train: pandas.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The inputs of the rows of `frame`, fitted on those of `train`."""

    def columns(of: pandas.DataFrame) -> pandas.DataFrame:
        when = pandas.to_datetime(of["when"], format="%d.%m.%Y %H:%M")
        price = of["price"].str.replace("[$,]", "", regex=True).astype(float)
        discount = of["discount"].str.rstrip("%").astype(float) / 100
        age = of["age"].fillna(train["age"].median())
        return pandas.DataFrame({"year": when.dt.year, "price": price, "discount": discount, "age": age})

    fitted, numbers = columns(train), columns(frame)
    scaled = (numbers - fitted.mean()) / fitted.std(ddof=0)
    hour = 2 * np.pi * pandas.to_datetime(frame["when"], format="%d.%m.%Y %H:%M").dt.hour / 24
    decks = [(frame["deck"].fillna("none") == deck).astype(float) for deck in ("A", "B", "C", "none")]
    table = [scaled["year"], np.sin(hour), np.cos(hour), scaled["price"], scaled["discount"], scaled["age"]]
    features = np.stack([*table, frame["age"].isna().astype(float), *decks], axis=1)
    counts = train["zip"].value_counts()
    known = {zip_: at + 1 for at, zip_ in enumerate(sorted(counts[counts >= 2].index))}
    return features, frame["zip"].map(known).fillna(0).to_numpy(int)[:, None]


@pytest.mark.parametrize("stream", ["false", "true"])
def test_predictions_from_raw_rows(stream: str, kwb: Kwb, tmp_path: Path) -> None:
    frame = shop(300, 1)
    frame.to_csv(tmp_path / "shop.csv", index=False)
    (tmp_path / "shop.yaml").write_text(RECIPE.format(stream=stream, width=11))
    done = kwb("--batch", "shop.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        "'zip' has 29 categories to embed, and 0 for any other: an Embedding of input_dim 30." in done.stdout
    )

    new = shop(40, 2)
    new["zip"] = [f"{at % 3:02}" for at in range(40)]  # only numbers, and 00 was never seen
    new.loc[3, "deck"] = "Z"  # never seen either, and no deck was rare
    features, zips = by_hand(new, frame.iloc[:240])
    assert features[3, -4:].sum() == 0
    model = keras.models.load_model(tmp_path / "m.keras", compile=False)
    expected = model.predict({"features": features.astype(np.float32), "zip": zips}, verbose=0)
    new.to_csv(tmp_path / "new.csv", index=False)
    done = kwb("predict", "m.keras", "--data", "new.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no prediction" not in done.stderr
    predicted = list(csv.DictReader(io.StringIO(done.stdout)))
    np.testing.assert_allclose([float(row["sales"]) for row in predicted], expected[:, 0], atol=1e-6)


def test_rows_without_a_prediction_are_counted(kwb: Kwb, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("k,x,y\n" + "".join(f"{'ab'[n % 2]},{n},{n}\n" for n in range(40)))
    data = "{use: csv, path: t.csv, targets: [y], unknown: drop, missing: {inputs: drop}}"
    (tmp_path / "t.yaml").write_text(
        f"kwb: 1\ndata: {data}\nmodel: {{sequential: [{{use: Dense, units: 1}}]}}\n"
        "train: {epochs: 1, loss: mse, watch: none}\nsave: [m.keras]\n"
    )
    kwb("--batch", "t.yaml", cwd=tmp_path)
    (tmp_path / "new.csv").write_text("k,x,y\na,1,1\nc,2,2\nb,,3\nb,4,4\n")
    done = kwb("predict", "m.keras", "--data", "new.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 rows have no prediction: they miss a value, or hold a category" in done.stderr
    assert [row["row"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["1", "4"]
