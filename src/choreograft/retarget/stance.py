"""Stance: where in the picture one person stands and how tall, near and far; all that normalisation knows of them.

Chan et al. 2019, "Global pose normalization" (section 2 of docs/method.md). The ankle line of a frame is the y of its
lower ankle, the body height the distance from the head (mean of the seen among nose, eyes and ears) to the mean of
both ankles. Only frames count in which the head and both ankles are seen and lie inside the picture: estimators put
unseen feet somewhere below it. People whose feet are hardly ever seen are measured by their torso.

Shapes: T frames, J = 133 joints, N frames that count.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import NormalisationConfig
from choreograft.errors import FileFormatError, PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

Floats = NDArray[np.float64]

HEIGHT_PER_TORSO: Final = 2.9
"""Head-to-ankle height over the distance of the shoulders' middle from the hips', for people whose feet are not seen
(Winter, Biomechanics and Motor Control of Human Movement, figure 4.1: 0.897 of the stature over 0.30)."""
_UPRIGHT_PERCENTILE = 95
"""Of the body heights: upright height without the outliers; the median of a squatting person is no height."""


@dataclass(frozen=True)
class Ground:
    """Ankle lines (y) and body heights; the names in brackets are the paper's, for a source."""

    near_line_px: float
    """Closest ankle line (s_max)."""
    far_line_px: float
    """Farthest ankle line that is no jump and no outlier (s_min)."""
    near_height_px: float
    """Largest body height about the closest line (s_close)."""
    far_height_px: float
    """Largest body height about the farthest line (s_far)."""
    line_px: float
    """Median ankle line."""
    height_px: float
    """Upright body height, wherever the person stands."""
    centre_px: float
    """Median x of the point between the ankles."""

    def stays_at_one_depth(self, config: NormalisationConfig) -> bool:
        """Whether the ankle lines differ too little to tell depth from the lifting of a foot."""
        return self.near_line_px - self.far_line_px < config.one_depth * self.height_px

    def at_one_depth(self) -> "Ground":
        """The same person with far and near both at the median line and of upright height."""
        line, height = self.line_px, self.height_px
        return Ground(line, line, height, height, line, height, self.centre_px)

    def median_height(self, config: NormalisationConfig) -> float:
        """Body height, px, at the median ankle line."""
        if self.stays_at_one_depth(config):
            return self.height_px
        depth = (self.line_px - self.far_line_px) / (self.near_line_px - self.far_line_px)
        return self.far_height_px + depth * (self.near_height_px - self.far_height_px)


@dataclass(frozen=True)
class Torso:
    """For people whose feet are not seen."""

    length_px: float
    """Upright distance from the shoulders' middle to the hips' middle."""
    hip_x_px: float
    hip_y_px: float
    """Median of the hips' middle."""


@dataclass(frozen=True)
class Stance:
    """One person in one camera's picture; at least one of `ground` and `torso` is known."""

    size: Size
    """Of the picture that everything here is measured in, px."""
    ground: Ground | None
    torso: Torso | None

    @staticmethod
    def measure(track: PoseTrack, config: NormalisationConfig | None = None) -> "Stance":
        """Read a person's stance off a cleaned track.

        Raises:
            PersonError: neither the feet nor the torso are seen often enough.
        """
        config = NormalisationConfig() if config is None else config
        stance = Stance(track.size, _measure_ground(track, config), _measure_torso(track, config))
        if stance.ground is None and stance.torso is None:
            raise PersonError(
                f"found neither head and ankles nor shoulders and hips in {config.min_usable:.0%} of the frames with "
                "a person; expected a person seen at least from the hips up; film them from farther away"
            )
        return stance

    @property
    def upright_height_px(self) -> float:
        """Head to ankles, standing upright; of people whose feet are not seen as many torsos as that usually is."""
        if self.ground is not None:
            return self.ground.height_px
        assert self.torso is not None
        return HEIGHT_PER_TORSO * self.torso.length_px

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"size": list(self.size)}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> "Stance":
        """The inverse of `to_dict`.

        Raises:
            FileFormatError: fields are missing or unknown.
        """
        try:
            ground, torso = content["ground"], content["torso"]
            return Stance(
                Size.checked(content["size"]),
                None if ground is None else Ground(**ground),
                None if torso is None else Torso(**torso),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(
                f"expected a stance with size, ground and torso, found {error}; train the performer again"
            ) from error


def find_ankle_points(track: PoseTrack, config: NormalisationConfig) -> Floats:
    """The point (T, 2) on which each frame is scaled: x between the ankles, y of the lower one, px.

    NaN where one of them is unseen or outside the picture.
    """
    ankles = track.xy[:, skeleton.ANKLES].astype(np.float64)
    point = np.stack([ankles[..., 0].mean(1), ankles[..., 1].max(1)], axis=-1)
    return np.where(_usable(track, config)[:, skeleton.ANKLES].all(1, keepdims=True), point, np.nan)


def find_hip_points(track: PoseTrack, config: NormalisationConfig) -> Floats:
    """The hips' middle (T, 2), px; NaN where one of them is unseen or outside the picture."""
    return _middle(track, skeleton.HIPS, _usable(track, config))


def _usable(track: PoseTrack, config: NormalisationConfig) -> NDArray[np.bool_]:
    """(T, J) joints seen and inside the picture, give or take the margin by which feet touch its edge."""
    return np.asarray(track.seen(config.seen) & track.in_frame(config.frame_margin))


def _middle(track: PoseTrack, joints: tuple[int, ...], usable: NDArray[np.bool_]) -> Floats:
    """Mean (T, 2) of some joints; NaN unless all of them are usable."""
    middle = track.xy[:, joints].astype(np.float64).mean(1)
    return np.where(usable[:, joints].all(1, keepdims=True), middle, np.nan)


def _head(track: PoseTrack, usable: NDArray[np.bool_]) -> Floats:
    """Mean (T, 2) of the usable head points; NaN where there is none."""
    seen = usable[:, skeleton.HEAD][..., None]
    total = np.where(seen, track.xy[:, skeleton.HEAD].astype(np.float64), 0).sum(1)
    count = seen.sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _measure_ground(track: PoseTrack, config: NormalisationConfig) -> Ground | None:
    """Section 2 of docs/method.md; None where head and feet are seen too rarely."""
    usable = _usable(track, config)
    points = find_ankle_points(track, config)
    heights = np.linalg.norm(_head(track, usable) - _middle(track, skeleton.ANKLES, usable), axis=-1)
    counts = np.asarray(np.isfinite(heights) & (heights > 0))
    if _too_rare(counts, track, config):
        return None
    heights, points = heights[counts], points[counts]
    lines = points[:, 1]  # (N,) a
    near, far = _find_depth_range(lines, config.alpha)
    return Ground(
        near_line_px=near,
        far_line_px=far,
        near_height_px=_tallest_about(near, lines, heights, config.near * (near - far)),
        far_height_px=_tallest_about(far, lines, heights, config.near * (near - far)),
        line_px=float(np.median(lines)),
        height_px=float(np.percentile(heights, _UPRIGHT_PERCENTILE)),
        centre_px=float(np.median(points[:, 0])),
    )


def _find_depth_range(lines: Floats, alpha: float) -> tuple[float, float]:
    """Closest and farthest ankle line (s_max, s_min) of the ankle lines (N,).

    s_max = max(a); s_min = min(a : 0 <= m - a <= alpha (s_max - m)) with the median m, so that neither a jump nor an
    outlier makes the farthest position.
    """
    median, near = float(np.median(lines)), float(lines.max())
    candidates = lines[(lines <= median) & (median - lines <= alpha * (near - median))]
    return near, float(candidates.min(initial=median))


def _tallest_about(line: float, lines: Floats, heights: Floats, reach: float) -> float:
    """The largest of the heights (N,) whose ankle line is within `reach` of `line`, or else nearest to it."""
    distance = np.abs(lines - line)
    return float(heights[distance <= max(reach, float(distance.min()))].max())


def _measure_torso(track: PoseTrack, config: NormalisationConfig) -> Torso | None:
    usable = _usable(track, config)
    hips = find_hip_points(track, config)
    lengths = np.linalg.norm(_middle(track, skeleton.SHOULDERS, usable) - hips, axis=-1)
    counts = np.asarray(np.isfinite(lengths) & (lengths > 0))
    if _too_rare(counts, track, config):
        return None
    length = float(np.percentile(lengths[counts], _UPRIGHT_PERCENTILE))
    x, y = np.median(hips[counts], axis=0)
    return Torso(length, float(x), float(y))


def _too_rare(counts: NDArray[np.bool_], track: PoseTrack, config: NormalisationConfig) -> bool:
    return bool(counts.sum() < max(1, config.min_usable * track.present.sum()))
