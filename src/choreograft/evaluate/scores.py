"""What an evaluation finds: one value per frame, metric and region, for every result; and what the metrics are called.

Shapes: T frames.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from choreograft.files import DAMAGE, atomic_path
from choreograft.video.size import Size

Values = NDArray[np.float64]
"""(T,) NaN where the frame has no such value: nobody there, no frame before, nothing detected."""
Region = Literal["frame", "person", "face", "hands"]
"""frame: the whole picture, and all joints; person: the box around the true person, and the body's joints; face: the
square around the true head, and the face's points; hands: their points alone."""
REGIONS: Final[tuple[Region, ...]] = ("frame", "person", "face", "hands")
Kind = Literal["pair", "holdout", "result"]
"""Against a rendered truth, against frames never trained on, or against nothing but the pose that was asked for."""


TRUTH: Final = "truth"
"""Name of the method that is the truth itself, written and found again like a result: what the instruments give at
best, not a competitor."""
RATE_TOLERANCE: Final = 0.03
"""By which the frame rates of two videos of the same motion may differ: 30000/1001 is written as 30, and uneven timing
is averaged in several ways."""


Better = Literal["higher", "lower", "near 1"]
"""Which values of a metric are the better ones."""


@dataclass(frozen=True)
class Metric:
    """One way to measure, as tables and pages name it."""

    name: str
    title: str
    better: Better
    unit: str
    """Empty for plain numbers."""
    digits: int
    """After the point, in tables."""
    meaning: str
    """One sentence for readers of the report."""

    def fault(self, value: float) -> float:
        """A number that grows as the value gets worse; a share counts as far from 1 as its inverse."""
        if self.better == "near 1":
            return abs(math.log(max(value, 1e-6)))
        return -value if self.better == "higher" else value


METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("ssim", "SSIM", "higher", "", 3, "structural similarity to the truth; 1 = equal"),
        Metric("psnr", "PSNR", "higher", "dB", 1, "peak signal-to-noise ratio against the truth"),
        Metric("perceptual", "perceptual", "lower", "", 3, "distance of deep features from the truth's; 0 = equal"),
        Metric("lpips", "LPIPS", "lower", "", 3, "learned perceptual distance from the truth; 0 = equal"),
        Metric("st_lpips", "ST-LPIPS", "lower", "", 3,
               "learned perceptual distance at full size that forgives a shift of a pixel or two; 0 = equal"),
        Metric("detail", "detail", "near 1", "", 2,
               "fine detail inside the person, as a share of the truth's; less is blur, more is invented"),
        Metric("texture", "texture", "higher", "", 3,
               "likeness of the fine texture inside the person to the truth's, wherever it lies; 1 = alike"),
        Metric("outline", "outline", "near 1", "", 2,
               "sharpness of the person's outline, as a share of the truth's; less is soft or ragged"),
        Metric("pose_distance", "pose", "lower", "%", 2,
               "mean distance between joints found in the result and the wanted ones, in % of the body height"),
        Metric("missed_detections", "missed", "lower", "%", 1,
               "share of the wanted joints that are not found in the result"),
        Metric("flicker", "flicker", "lower", "", 2,
               "change between consecutive frames that the true motion does not explain, in grey levels of 255"),
        Metric("warping_error", "warping ×", "lower", "", 2,
               "change between consecutive frames beside the true motion, as a multiple of the truth's own"),
        Metric("own_warping", "own warping ×", "near 1", "", 2,
               "change between consecutive frames beside a video's own motion, as a multiple of the truth's"),
        Metric("tremble", "tremble ×", "near 1", "", 2,
               "how unevenly things move from frame to frame, as a multiple of how they do in the truth"),
        Metric("identity", "identity", "higher", "", 3, "likeness of the face to the target's own face; 1 = equal"),
        Metric("holes", "holes", "lower", "%", 2, "share of the true person's pixels that show the background"),
        Metric("matte_iou", "matte IoU", "higher", "", 3,
               "overlap of the person found in the result with the true one"),
    )
}  # fmt: skip
"""In the order of the tables."""


@dataclass(frozen=True)
class Scores:
    """All that was measured on one result."""

    frames: int
    series: Mapping[tuple[Region, str], Values]
    """By region and name of the metric; a pair that was not measured is not there."""

    def save(self, path: Path) -> None:
        """Write a compressed .npz of one array for each region and metric, atomically."""
        arrays: dict[str, Any] = {f"{region}/{metric}": values for (region, metric), values in self.series.items()}
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **arrays, frames=np.array(self.frames))

    @staticmethod
    def load(path: Path) -> "Scores | None":
        """Read what `save` wrote; None where it is missing, damaged or something else."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = [(region, metric) for region in REGIONS for metric in METRICS]
                series = {key: arrays["/".join(key)] for key in names if "/".join(key) in arrays}
                return Scores(int(arrays["frames"]), series)
        except DAMAGE:
            return None


@dataclass(frozen=True)
class Entry:
    """One method's result on one case."""

    case: str
    method: str
    size: Size
    """At which it was compared, px."""
    time_s: Values
    """(T,) presentation time of the frames, s."""
    result: Path
    """The video that was judged."""
    truth: Path | None
    """The video it was held against; None where there is none."""
    source: Path | None
    """The video whose motion was asked for; None where it is the truth's own."""
    scores: Scores
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How the result came about, for people: images trained, seconds, frames a second."""


@dataclass(frozen=True)
class Evaluation:
    """Everything one run of `choreograft evaluate` found."""

    kind: Kind
    entries: tuple[Entry, ...]
    """Ordered by case, then by method."""
    signature: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By method: share of the windows whose motion was traced to the right source, and the share that guessing gets.
    Empty where fewer than two sources were danced."""
    notes: tuple[str, ...] = ()
    """What the reader must know: metrics that were left out, substitutes that were used."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Options, versions, hardware."""

    @property
    def methods(self) -> tuple[str, ...]:
        """In the order of their first entries."""
        return tuple(dict.fromkeys(entry.method for entry in self.entries))

    @property
    def cases(self) -> tuple[str, ...]:
        """In the order of their first entries."""
        return tuple(dict.fromkeys(entry.case for entry in self.entries))
