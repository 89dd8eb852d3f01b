"""Pictures whose colours, orientation and number can be read back."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

COLOURS = np.array(
    [[200, 40, 40], [40, 180, 60], [50, 60, 200], [220, 220, 40], [128, 128, 128], [16, 16, 16]], np.uint8
)


@pytest.fixture
def paint_patches() -> Callable[[int, int], NDArray[np.uint8]]:
    """Width and height to (H, W, 3): six colours, three across and two down, none of them placed symmetrically."""

    def paint(width: int, height: int) -> NDArray[np.uint8]:
        rows = np.arange(height) * 2 // height
        columns = np.arange(width) * 3 // width
        return COLOURS[rows[:, None] * 3 + columns[None]]

    return paint


@pytest.fixture
def numbers() -> list[NDArray[np.uint8]]:
    """Fifty pictures (48, 64, 3) whose grey level says which frame they are; see `read_number`."""
    return [np.full((48, 64, 3), 20 + 4 * index, np.uint8) for index in range(50)]


@pytest.fixture
def read_number() -> Callable[[NDArray[np.uint8]], int]:
    """The index of a picture of `numbers`."""

    def read(image: NDArray[np.uint8]) -> int:
        return round((float(image.mean()) - 20) / 4)

    return read


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Name, RGB pictures, pattern of their names (png or jpg) and first number to the path of a folder of them."""

    def make(name: str, images: Sequence[NDArray[np.uint8]], pattern: str = "frame_{:04d}.png", first: int = 1) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for number, image in enumerate(images, first):
            VideoFrame.from_ndarray(image, format="rgb24").save(str(folder / pattern.format(number)))
        return folder

    return make


@pytest.fixture
def patch_colours() -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    """(H, W, 3) to the mean colours (2, 3, 3) in the middle of each of its six patches."""

    def measure(image: NDArray[np.uint8]) -> NDArray[np.float64]:
        height, width = image.shape[0] // 2, image.shape[1] // 3
        patches = image[: 2 * height, : 3 * width].reshape(2, height, 3, width, 3).transpose(0, 2, 1, 3, 4)
        inside = patches[:, :, height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
        return np.asarray(inside.mean((2, 3)), dtype=np.float64)

    return measure
