"""Global pose normalisation: a source's track moved and scaled to where, and how tall, the target stands.

Chan et al. 2019, "Global pose normalization" (section 2 of docs/method.md). With the ankle line a of a frame, in the
paper's letters (s source, t target):

    f = (a - s_min) / (s_max - s_min)                      0 = far, 1 = near
    b = t_min + f (t_max - t_min) - a                      vertical shift of the ankle point
    c = t_far / s_far + f (t_close / s_close - t_far / s_far)   scale about the ankle point

Shapes: T frames, J = 133 joints.
"""

from dataclasses import dataclass, replace

import numpy as np

from choreograft.config import NormalisationConfig
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.stance import Floats, Ground, Stance, Torso, find_ankle_points, find_hip_points
from choreograft.video.size import Size

_CORE = (*skeleton.SHOULDERS, *skeleton.HIPS)
"""What has to stay in the picture; arms and legs may reach out of it."""


@dataclass(frozen=True)
class _Placement:
    """Where each frame's anchor, the ankle point or the hips' middle, goes, and the scale about it."""

    anchor: Floats
    """(T, 2) source px; NaN where the frame has none."""
    goal: Floats
    """(T, 2) target px."""
    scale: Floats
    """(T,) target px per source px."""
    centre_px: float
    """The target's horizontal centre."""


def map_to_target(
    track: PoseTrack, source: Stance, target: Stance, config: NormalisationConfig | None = None
) -> PoseTrack:
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
    config = NormalisationConfig() if config is None else config
    placement = _place(track, source, target, config)
    placement = _keep_in_picture(placement, track, target.size, config)
    scale, shift = _hold_transform(placement)
    xy = track.xy * scale[:, None, None] + shift[:, None]
    depth = track.depth * scale[:, None]
    return replace(
        track, size=target.size, xy=xy.astype(np.float32), depth=depth.astype(np.float32), masks=None
    )  # fmt: skip


def _place(track: PoseTrack, source: Stance, target: Stance, config: NormalisationConfig) -> _Placement:
    """Match the two people by what is known of both of them."""
    if source.ground is not None and target.ground is not None:
        return _place_on_ground(find_ankle_points(track, config), source.ground, target.ground, config)
    if source.torso is not None and target.torso is not None:
        return _place_by_torso(find_hip_points(track, config), source.torso, target.torso)
    raise PersonError(
        "the source and the target show no common measure of the body; expected head and ankles, or shoulders and "
        "hips, in both; use a video in which more of the person is seen"
    )


def _place_on_ground(ankles: Floats, source: Ground, target: Ground, config: NormalisationConfig) -> _Placement:
    """The formulas of the module's head, for ankle points (T, 2); a median one where a track has none at all."""
    if not np.isfinite(ankles).any():
        ankles = np.broadcast_to((source.centre_px, source.line_px), ankles.shape)
    lines = ankles[:, 1]
    if source.stays_at_one_depth(config):
        scale = np.full(len(lines), target.median_height(config) / source.median_height(config))
        line_goals = target.line_px + (lines - source.line_px) * scale
    else:
        scale, line_goals = _interpolate_depth(lines, source, _without_noise(target, config))
    return _around_centre(ankles, source.centre_px, line_goals, scale, target.centre_px)


def _without_noise(ground: Ground, config: NormalisationConfig) -> Ground:
    return ground.at_one_depth() if ground.stays_at_one_depth(config) else ground


def _interpolate_depth(lines: Floats, source: Ground, target: Ground) -> tuple[Floats, Floats]:
    """Scale c (T,) and moved ankle line a + b (T,) for the ankle lines a (T,), px."""
    source_range = source.near_line_px - source.far_line_px
    target_range = target.near_line_px - target.far_line_px
    depth = np.clip((lines - source.far_line_px) / source_range, 0, 1)  # f, NaN where unseen
    far_scale = target.far_height_px / source.far_height_px
    near_scale = target.near_height_px / source.near_height_px
    scale = far_scale + depth * (near_scale - far_scale)
    beyond = lines - (source.far_line_px + depth * source_range)  # zero up to rounding inside the range
    return scale, target.far_line_px + depth * target_range + beyond * scale


def _place_by_torso(hips: Floats, source: Torso, target: Torso) -> _Placement:
    """One scale from the torso lengths, one shift from the hips."""
    if not np.isfinite(hips).any():
        hips = np.broadcast_to((source.hip_x_px, source.hip_y_px), hips.shape)
    scale = np.full(len(hips), target.length_px / source.length_px)
    y_goals = target.hip_y_px + (hips[:, 1] - source.hip_y_px) * scale
    return _around_centre(hips, source.hip_x_px, y_goals, scale, target.hip_x_px)


def _around_centre(
    anchor: Floats, source_centre_px: float, y_goals: Floats, scale: Floats, target_centre_px: float
) -> _Placement:
    x_goals = target_centre_px + (anchor[:, 0] - source_centre_px) * scale
    return _Placement(anchor, np.stack([x_goals, y_goals], axis=-1), scale, target_centre_px)


def _keep_in_picture(placement: _Placement, track: PoseTrack, size: Size, config: NormalisationConfig) -> _Placement:
    """Shrink all lateral travel by one factor, so that whoever is inside the source's picture stays inside."""
    seen = track.seen(config.seen)[:, _CORE]
    x = np.where(seen, track.xy[:, _CORE, 0].astype(np.float64), np.nan)  # (T, 4)
    offset = (x - placement.anchor[:, :1]) * placement.scale[:, None]
    travel = (placement.goal[:, 0] - placement.centre_px)[:, None]  # (T, 1)
    outwards = np.where(travel > 0, size.width - placement.centre_px - offset, placement.centre_px + offset)
    outside = ((x < 0) | (x > track.size.width)).any(1, keepdims=True)
    inside = np.isfinite(offset) & ~outside
    counts = inside & (outwards > 0) & (np.abs(travel) > 0)  # without room at the centre, less travel is no help
    factors = outwards[counts] / np.broadcast_to(np.abs(travel), counts.shape)[counts]
    shrink = min(1.0, float(factors.min(initial=1.0)))
    goal = placement.goal.copy()
    goal[:, 0] = placement.centre_px + (goal[:, 0] - placement.centre_px) * shrink
    return replace(placement, goal=goal)


def _hold_transform(placement: _Placement) -> tuple[Floats, Floats]:
    """Scale (T,) and shift (T, 2) per frame; frames without an anchor repeat the last one's, or the first one's."""
    known = np.asarray(np.isfinite(placement.anchor).all(1))
    first = int(np.argmax(known)) if known.any() else 0
    held = np.maximum.accumulate(np.where(known, np.arange(len(known)), first))
    shift = placement.goal - placement.anchor * placement.scale[:, None]
    return placement.scale[held], shift[held]
