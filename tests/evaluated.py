"""An evaluation of methods that draw a square: known values, and videos that can be looked at."""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.scores import Entry, Evaluation, Region, Scores, Values
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter

RATE = Fraction(24)
GROUNDS = {"source": 40, "truth": 90, "draft": 140, "full": 190}
"""Grey of the videos, by which a decoded one is told."""
OTHER_GROUND = 220
SIZE = Size(32, 48)
PAIRS: tuple[tuple[Region, str], ...] = (
    ("frame", "ssim"), ("person", "ssim"), ("face", "ssim"), ("person", "psnr"), ("person", "perceptual"),
    ("person", "pose_distance"), ("hands", "pose_distance"), ("person", "missed_detections"), ("person", "flicker"),
    ("person", "matte_iou"), ("face", "identity"),
)  # fmt: skip
LEVELS = {"ssim": 0.8, "psnr": 24.0, "perceptual": 0.3, "identity": 0.7, "matte_iou": 0.9}
"""About which the values lie; others about 3."""


def judge_squares(
    cases: Sequence[str], methods: Sequence[str], frames: int = 30, folder: Path = Path(), size: Size = SIZE
) -> Evaluation:
    """Every method on every case, the later methods better; of videos that `film_squares` may write into `folder`."""
    entries = []
    for number, case in enumerate(cases):
        for rank, method in enumerate(methods):
            scores = Scores(frames, {pair: make_values(pair[1], rank, number, frames) for pair in PAIRS})
            result = name_clip(folder, case, method)
            truth, source = (name_clip(folder, case, name) for name in ("truth", "source"))
            time_s = np.arange(frames) / float(RATE)
            entries.append(Entry(case, method, size, time_s, result, truth, source, scores, {"images": 900 + rank}))
    signature = dict.fromkeys(methods, (0.9, 1 / 3))
    facts = {"options": {"minutes": 6.0, "pair": Path("pairs")}, "machine": "two cores"}
    return Evaluation("pair", tuple(entries), signature, ("Nobody measured LPIPS.",), facts)


def film_squares(evaluation: Evaluation) -> Evaluation:
    """Write all the videos of an evaluation, each on a grey of its own (`GROUNDS`)."""
    for entry in evaluation.entries:
        clips = {"source": entry.source, "truth": entry.truth, entry.method: entry.result}
        for name, path in clips.items():
            if path is not None and not path.exists():
                write_square(path, GROUNDS.get(name, OTHER_GROUND), len(entry.time_s), entry.size)
    return evaluation


def name_clip(folder: Path, case: str, name: str) -> Path:
    return folder / f"{re.sub(r'[^a-z ]', '', case)}-{re.sub(r'[^a-z ]', '', name)}.mp4"


def make_values(name: str, rank: int, case: int, frames: int) -> Values:
    """(T,) slow waves with a little noise and a gap of three frames."""
    noise = np.random.default_rng([rank, case, sum(map(ord, name))])
    level = LEVELS.get(name, 3.0)
    better = 1 if name in ("ssim", "psnr", "identity", "matte_iou") else -1
    wave = np.sin(np.arange(frames) / 9 + rank + case) + 0.3 * noise.standard_normal(frames)
    values = level * (1 + 0.05 * better * rank + 0.04 * wave)
    values[5:8] = np.nan
    return np.asarray(values, np.float64)


def write_square(path: Path, ground: int, frames: int, size: Size) -> Path:
    """A bright square that moves along the diagonal."""
    with VideoWriter(path, size, RATE) as writer:
        for index in range(frames):
            writer.write(draw_square(ground, index / frames, size), index / RATE)
    return path


def draw_square(ground: int, progress: float, size: Size) -> NDArray[np.uint8]:
    """(H, W, 3)."""
    image = np.full((size.height, size.width, 3), ground, np.uint8)
    side = size.width // 3
    top, left = round(progress * (size.height - side)), round(progress * (size.width - side))
    image[top : top + side, left : left + side] = (230, 120, 40)
    return image
