"""Small pictures of rows, and how a terminal shows them."""

from __future__ import annotations

import numpy as np
from textual.app import App
from textual.geometry import Size

from workbench.data.thumbnails import thumbnail
from workbench.tui.views.pixels import Pixels, lines
from workbench.tui.widgets.pictures import PictureGrid, PicturesDialog


def pixels_of(picture: np.ndarray, most: int = 8, *, pixels: bool = True) -> np.ndarray:
    return np.array(Pixels.from_record(thumbnail(picture, most, pixels=pixels)).rows)


def test_a_small_picture_is_kept_and_a_large_one_is_averaged() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (6, 4, 3))
    assert np.array_equal(pixels_of(small), small)
    large = rng.integers(0, 255, (16, 8, 3))
    expected = large.reshape(8, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(pixels_of(large) - expected).max() <= 0.5
    gray = rng.integers(0, 255, (5, 5, 1))
    assert np.array_equal(pixels_of(gray), np.repeat(gray, 3, axis=-1))
    scaled = pixels_of(np.linspace(-2.0, 2.0, 16).reshape(4, 4), pixels=False)
    assert (scaled.min(), scaled.max()) == (0, 255)


def test_two_rows_of_pixels_are_a_line_in_colours_or_in_shades() -> None:
    picture = Pixels((((255, 0, 0), (0, 0, 0)), ((0, 255, 0), (0, 0, 0)), ((255, 255, 255), (0, 0, 0))))
    first, last = lines(picture, shades=False)
    assert [segment.text for segment in first] == ["▀", "▀"]
    assert first[0].style is not None
    assert first[0].style.color is not None
    assert first[0].style.bgcolor is not None
    assert tuple(first[0].style.color.triplet or ()) == (255, 0, 0)
    assert tuple(first[0].style.bgcolor.triplet or ()) == (0, 255, 0)
    assert last[0].style is not None
    assert last[0].style.bgcolor is None
    shaded = ["".join(segment.text for segment in line) for line in lines(picture, shades=True)]
    assert shaded == ["- ", "@ "] or shaded == ["= ", "@ "]
    assert all(segment.style is None for line in lines(picture, shades=True) for segment in line)
    assert len(picture.enlarged(8, 12).rows) == 12


async def test_pages_of_pictures_fit_the_screen() -> None:
    rng = np.random.default_rng(0)
    every = [
        {"title": f"class {at}", "file": f"{at}.png", "picture": thumbnail(picture, 28, pixels=True)}
        for at, picture in enumerate(rng.integers(0, 255, (9, 28, 28, 3)))
    ]
    asked = []

    async def fetch(start: int, count: int, most: int, part: str) -> dict[str, object]:
        asked.append((start, count, most, part))
        return {"pictures": every[start : start + count], "total": len(every)}

    app: App[None] = App()
    async with app.run_test(size=(120, 40)) as pilot:
        dialog = PicturesDialog("Pictures", fetch)
        await app.push_screen(dialog)
        grid = dialog.query_one(PictureGrid)
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert grid.size == Size(118, 37) or grid.size.width > 100
        assert [tile.file for tile in grid.tiles] == [f"{at}.png" for at in range(8)]
        text = "\n".join(
            "".join(segment.text for segment in grid.render_line(y)) for y in range(grid.size.height)
        )
        assert "class 3" in text
        assert "7.png" in text
        assert "▀" * 28 in text
        await pilot.press("right")
        await app.workers.wait_for_complete()
        assert [tile.file for tile in grid.tiles] == ["8.png"]
        await pilot.press("right")
        await pilot.press("left")
        await app.workers.wait_for_complete()
        assert next(tile.file for tile in grid.tiles) == "0.png"
    assert {most for _, _, most, _ in asked} == {28}
