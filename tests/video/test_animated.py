"""Animated pictures are videos without sound; those that cannot be read, and still ones, are called what they are."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from choreograft.errors import VideoError
from choreograft.video.read import measure_length, probe, read_frames

DELAYS_MS = (100, 40, 300, 200)
TIMES = [0, Fraction(100, 1000), Fraction(140, 1000), Fraction(440, 1000)]
GREEN, RED = (40, 200, 60), (200, 30, 30)


def paint_animation() -> list[Image.Image]:
    """Pictures in which a green square walks to the right; under the transparency around it all is red."""
    pictures = np.tile(np.array([*RED, 0], np.uint8), (len(DELAYS_MS), 48, 64, 1))
    for n, picture in enumerate(pictures):
        picture[8:40, 16 * n : 16 * n + 16] = [*GREEN, 255]
    return [Image.fromarray(picture) for picture in pictures]


def save_animation(path: Path, pictures: Sequence[Image.Image], **options: object) -> Path:
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=DELAYS_MS, **options)
    return path


@pytest.mark.parametrize(("name", "options"), [("a.gif", {"disposal": 2}), ("a.gif", {"disposal": 1, "loop": 3}),
    ("a.png", {}), ("a.png", {"disposal": 1, "blend": 0, "loop": 2})])  # fmt: skip
def test_animated_pictures_play_once_at_their_own_times_over_black(tmp_path, name, options):
    left_over = options.get("disposal") == 1 and name == "a.gif"  # a viewer sees what was there before
    path = save_animation(tmp_path / name, paint_animation(), **options)
    frames = list(read_frames(path))
    assert [frame.time for frame in frames] == TIMES
    assert measure_length(path) == Fraction(640, 1000)
    for n, frame in enumerate(frames):
        expected = np.zeros((48, 64, 3))
        for shown in range(0 if left_over else n, n + 1):
            expected[8:40, 16 * shown : 16 * shown + 16] = GREEN
        assert np.abs(frame.image - expected).max() <= 2


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
def test_an_animated_avif_shows_its_sequence_not_its_cover(tmp_path):
    path = save_animation(tmp_path / "a.avif", [picture.convert("RGB") for picture in paint_animation()], quality=100)
    frames = list(read_frames(path))
    assert [frame.time for frame in frames] == TIMES
    for n, frame in enumerate(frames):
        expected = [GREEN if place == n else RED for place in range(4)]
        assert np.abs(frame.image[24, 8::16] - np.array(expected)).max() <= 12


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("a.webp", 4, r"an animated picture \(webp\) that cannot be decoded"),
        ("a.avif", 4, r"an animated picture \(avif\) with transparency"),
        *((f"a.{kind}", 1, "a still picture") for kind in ("gif", "png", "webp", "avif", "tiff", "jpg", "bmp")),
    ],
)
def test_pictures_that_cannot_be_played_are_called_what_they_are(tmp_path, name, count, words):
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    pictures, path = paint_animation(), tmp_path / name
    if count == 1:
        pictures[0].convert("RGB").save(path)
    else:
        save_animation(path, pictures)
    with pytest.raises(VideoError, match=words) as caught:
        probe(path)
    assert "\n" not in str(caught.value)
