"""Global pose normalisation: a source's track moved and scaled to where, and how tall, the target stands.

Chan et al. 2019, "Global pose normalization" (section 2 of docs/method.md). The *ankle line* a of a frame is the y of
its lower ankle, the *body height* the distance from the head (mean of the seen among nose, eyes and ears) to the mean
of both ankles. Only frames count in which the head and both ankles are seen and lie inside the picture: estimators put
unseen feet somewhere below it. People whose feet are hardly ever seen are measured by their torso. In the paper's
letters (s source, t target):

    f = (a - s_min) / (s_max - s_min)                      0 = far, 1 = near
    b = t_min + f (t_max - t_min) - a                      vertical shift of the ankle point
    c = t_far / s_far + f (t_close / s_close - t_far / s_far)   scale about the ankle point

A `Stance`, where in the picture one person stands and how tall, near and far, is all that is known of them.

Shapes: T frames, J = 133 joints, N frames that count.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError, PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

Floats = NDArray[np.float64]

HEIGHT_PER_TORSO: Final = 2.9
"""Head-to-ankle height over the distance of the shoulders' middle from the hips', for people whose feet are not seen
(Winter, Biomechanics and Motor Control of Human Movement, figure 4.1: 0.897 of the stature over 0.30)."""
_UPRIGHT_PERCENTILE: Final = 95
"""Of the body heights: upright height without the outliers; the median of a squatting person is no height."""
_ALPHA: Final = 0.6
"""How far beyond the median, in units of median-to-closest, the farthest ankle may lie (paper: 0.5 to 0.7)."""
_NEAR: Final = 0.05
"""Frames within this share of the ankle range count as being at the closest or farthest position."""
_ONE_DEPTH: Final = 0.08
"""An ankle range below this share of the body height is a person who stays at one depth."""
_SEEN: Final = 0.3
"""Score from which head and ankles count as detected."""
_FRAME_MARGIN: Final = 0.02
"""Feet may lie this share of the picture's height outside of it: those that touch its edge often do."""
_MIN_USABLE: Final = 0.1
"""Share of the frames with a person in which head and ankles must be usable; below, the torso is measured."""


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

    def stays_at_one_depth(self) -> bool:
        """Whether the ankle lines differ too little to tell depth from the lifting of a foot."""
        return self.near_line_px - self.far_line_px < _ONE_DEPTH * self.height_px

    def at_one_depth(self) -> "Ground":
        """The same person with far and near both at the median line and of upright height."""
        line, height = self.line_px, self.height_px
        return Ground(line, line, height, height, line, height, self.centre_px)

    def median_height(self) -> float:
        """Body height, px, at the median ankle line."""
        if self.stays_at_one_depth():
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
    def measure(track: PoseTrack) -> "Stance":
        """Read a person's stance off a cleaned track.

        Raises:
            PersonError: neither the feet nor the torso are seen often enough.
        """
        stance = Stance(track.size, _measure_ground(track), _measure_torso(track))
        if stance.ground is None and stance.torso is None:
            raise PersonError(
                f"found neither head and ankles nor shoulders and hips in {_MIN_USABLE:.0%} of the frames with "
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


def find_ankle_points(track: PoseTrack) -> Floats:
    """The point (T, 2) on which each frame is scaled: x between the ankles, y of the lower one, px.

    NaN where one of them is unseen or outside the picture.
    """
    ankles = track.xy[:, skeleton.ANKLES].astype(np.float64)
    point = np.stack([ankles[..., 0].mean(1), ankles[..., 1].max(1)], axis=-1)
    return np.where(_usable(track)[:, skeleton.ANKLES].all(1, keepdims=True), point, np.nan)


def _usable(track: PoseTrack) -> NDArray[np.bool_]:
    """(T, J) joints seen and inside the picture, give or take the margin by which feet touch its edge."""
    return np.asarray(track.seen(_SEEN) & track.in_frame(_FRAME_MARGIN))


def _middle(track: PoseTrack, joints: tuple[int, ...]) -> Floats:
    """Mean (T, 2) of some joints; NaN unless all of them are usable."""
    middle = track.xy[:, joints].astype(np.float64).mean(1)
    return np.where(_usable(track)[:, joints].all(1, keepdims=True), middle, np.nan)


def _head(track: PoseTrack) -> Floats:
    """Mean (T, 2) of the usable head points; NaN where there is none."""
    seen = _usable(track)[:, skeleton.HEAD][..., None]
    total = np.where(seen, track.xy[:, skeleton.HEAD].astype(np.float64), 0).sum(1)
    count = seen.sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _measure_ground(track: PoseTrack) -> Ground | None:
    """Section 2 of docs/method.md; None where head and feet are seen too rarely."""
    points = find_ankle_points(track)
    heights = np.linalg.norm(_head(track) - _middle(track, skeleton.ANKLES), axis=-1)
    counts = np.asarray(np.isfinite(heights) & (heights > 0))
    if _too_rare(counts, track):
        return None
    heights, points = heights[counts], points[counts]
    lines = points[:, 1]  # (N,) a
    near, far = _find_depth_range(lines, _ALPHA)
    return Ground(
        near_line_px=near,
        far_line_px=far,
        near_height_px=_tallest_about(near, lines, heights, _NEAR * (near - far)),
        far_height_px=_tallest_about(far, lines, heights, _NEAR * (near - far)),
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


def _measure_torso(track: PoseTrack) -> Torso | None:
    hips = _middle(track, skeleton.HIPS)
    lengths = np.linalg.norm(_middle(track, skeleton.SHOULDERS) - hips, axis=-1)
    counts = np.asarray(np.isfinite(lengths) & (lengths > 0))
    if _too_rare(counts, track):
        return None
    length = float(np.percentile(lengths[counts], _UPRIGHT_PERCENTILE))
    x, y = np.median(hips[counts], axis=0)
    return Torso(length, float(x), float(y))


def _too_rare(counts: NDArray[np.bool_], track: PoseTrack) -> bool:
    return bool(counts.sum() < max(1, _MIN_USABLE * track.present.sum()))


def map_to_target(track: PoseTrack, source: Stance, target: Stance) -> PoseTrack:
    """Move and scale a source track into the target's picture, frame by frame.

    Horizontally the person's centre becomes the target's, and travel scales with the body; where that would carry
    somebody who is inside the source's picture out of the target's, the travel shrinks, the body does not.

    A jump or an outlier beyond the source's depth range (f < 0 or f > 1) keeps the scale of the range's end and its
    distance from it, scaled: a jump stays a jump rather than a flight to the horizon. A source at one depth gets one
    scale and one shift, from the median ankle lines. A target at one depth has t_min = t_max and t_far = t_close: the
    source's range shrinks to nothing and its size stays the target's. A frame without usable ankles takes the
    transform of the last one that has them, leading frames that of the first. Where the feet of either person are
    not seen, both are matched by torso length and hips, with one scale and one shift.

    Args:
        track: source joints; xy (T, J, 2) in px of `source.size`, NaN where unseen.
        source, target: what `Stance.measure` found in each person's cleaned track.
    Returns:
        A track in target px, of the source's times and rate; `score`, `present` and `world` are unchanged, `depth` is
        scaled like `xy`, and the masks, which belong to the source's pictures, are left out.
    Raises:
        PersonError: one of the two shows only feet, the other only a torso.
    """
    if track.size != source.size:
        raise ValueError(f"the track's pictures are {track.size}, the source stance's {source.size}; expected the same")
    anchor, goal, scale = _place(track, source, target)
    known = np.asarray(np.isfinite(anchor).all(1))
    first = int(np.argmax(known)) if known.any() else 0
    held = np.maximum.accumulate(np.where(known, np.arange(len(known)), first))
    scale, shift = scale[held], (goal - anchor * scale[:, None])[held]
    xy = (track.xy * scale[:, None, None] + shift[:, None]).astype(np.float32)
    depth = (track.depth * scale[:, None]).astype(np.float32)
    return replace(track, size=target.size, xy=xy, depth=depth, masks=None)


def _place(track: PoseTrack, source: Stance, target: Stance) -> tuple[Floats, Floats, Floats]:
    """Each frame's anchor, the ankle point or the hips' middle, (T, 2) source px, NaN where the frame has none; where
    it goes, (T, 2) target px; and the scale about it (T,), target px per source px.
    """
    if source.ground is not None and target.ground is not None:
        centre_px, middle_px = source.ground.centre_px, target.ground.centre_px
        anchor = _anchored(find_ankle_points(track), (centre_px, source.ground.line_px))
        scale, y_goals = _place_on_ground(anchor[:, 1], source.ground, target.ground)
    elif source.torso is not None and target.torso is not None:
        centre_px, middle_px = source.torso.hip_x_px, target.torso.hip_x_px
        anchor = _anchored(_middle(track, skeleton.HIPS), (centre_px, source.torso.hip_y_px))
        scale = np.full(len(anchor), target.torso.length_px / source.torso.length_px)
        y_goals = target.torso.hip_y_px + (anchor[:, 1] - source.torso.hip_y_px) * scale
    else:
        raise PersonError(
            "the source and the target show no common measure of the body; expected head and ankles, or shoulders and "
            "hips, in both; use a video in which more of the person is seen"
        )
    x_goals = middle_px + (anchor[:, 0] - centre_px) * scale
    x_goals = _keep_in_picture(x_goals, middle_px, anchor, scale, track, target.size)
    return anchor, np.stack([x_goals, y_goals], axis=-1), scale


def _anchored(points: Floats, usual: tuple[float, float]) -> Floats:
    """Points (T, 2), or the usual one where a track has none at all."""
    return points if np.isfinite(points).any() else np.broadcast_to(usual, points.shape)


def _place_on_ground(lines: Floats, source: Ground, target: Ground) -> tuple[Floats, Floats]:
    """The formulas of the module's head: scales c (T,) and where ankle lines a (T,) go, a + b (T,), px."""
    if source.stays_at_one_depth():
        scale = np.full(len(lines), target.median_height() / source.median_height())
        return scale, target.line_px + (lines - source.line_px) * scale
    if target.stays_at_one_depth():
        target = target.at_one_depth()
    source_range = source.near_line_px - source.far_line_px
    target_range = target.near_line_px - target.far_line_px
    depth = np.clip((lines - source.far_line_px) / source_range, 0, 1)  # f, NaN where unseen
    far_scale = target.far_height_px / source.far_height_px
    near_scale = target.near_height_px / source.near_height_px
    scale = far_scale + depth * (near_scale - far_scale)
    beyond = lines - (source.far_line_px + depth * source_range)  # zero up to rounding inside the range
    return scale, target.far_line_px + depth * target_range + beyond * scale


def _keep_in_picture(
    x_goals: Floats, centre_px: float, anchor: Floats, scale: Floats, track: PoseTrack, size: Size
) -> Floats:
    """Shrink all lateral travel by one factor, so that whose trunk is inside the source's picture stays inside."""
    seen = track.seen(_SEEN)[:, skeleton.TRUNK]
    x = np.where(seen, track.xy[:, skeleton.TRUNK, 0].astype(np.float64), np.nan)  # (T, 4)
    offset = (x - anchor[:, :1]) * scale[:, None]
    travel = (x_goals - centre_px)[:, None]  # (T, 1)
    outwards = np.where(travel > 0, size.width - centre_px - offset, centre_px + offset)
    outside = ((x < 0) | (x > track.size.width)).any(1, keepdims=True)
    counts = np.isfinite(offset) & ~outside
    return centre_px + travel[:, 0] * shrink_into(outwards, travel, counts)


def shrink_into(room: Floats, travel: Floats, counts: NDArray[np.bool_]) -> float:
    """By how much `travel` (T, 1) must shrink, 0..1, to stay within the `room` (T, J) of those that count (T, J).

    Without room where nobody travels, less travel is no help.
    """
    travel = np.broadcast_to(np.abs(travel), room.shape)
    counts = counts & (room > 0) & (travel > 0)
    return min(1.0, float((room[counts] / travel[counts]).min(initial=1.0)))
