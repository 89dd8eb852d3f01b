"""Cleaning a track: what cannot be is dropped or put right, joints are smoothed over time, short gaps filled.

Chan et al. 2019 smooth every keypoint before rendering (section 1 of docs/method.md). How is ours: exchanged sides,
jumps and impossible limbs are taken out (pose/repair.py), and smoothing learns from the track (pose/smooth.py). Long
gaps stay absent, and nothing mixes across a cut.

Short gaps are filled along the limbs: the limb turns and stretches from what it was to what it will be. A straight line
from sighting to sighting cuts the corner of a swinging arm and shortens it. So each joint is filled relative to the
joint it hangs from: the limb's direction is interpolated (with the depth in pixels, where known), its length by itself,
both by cubics that go on as the limb moved before and after (Akima 1970).

Shapes: T frames, J = 133 joints, C coordinates, G frames of a gap, N sightings.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from choreograft.errors import count_of
from choreograft.pose import skeleton
from choreograft.pose.flips import Flip
from choreograft.pose.repair import repair_track
from choreograft.pose.shots import (
    find_changes,
    find_flashes,
    find_short_gaps,
    find_stretches,
    frame_rate,
    number_segments,
    number_shots,
    tell_times,
)
from choreograft.pose.skeleton import NO_PARENT, OUTWARDS, PARENT
from choreograft.pose.smooth import noise_level, smooth_joints
from choreograft.pose.track import FILL_GAP_S, SEEN, Flags, Floats, Indices, PoseTrack, Values, empty_arrays

_ALL: Final = range(skeleton.JOINTS)
_TOGETHER: Final = (_ALL[skeleton.BODY_AND_FEET], _ALL[skeleton.LEFT_HAND], _ALL[skeleton.RIGHT_HAND])
"""Joints whose motions tell of each other."""
_FACE: Final = _ALL[skeleton.FACE]
"""Joints that are smoothed each by itself."""
_FEWEST: Final = 3
_TURNED_OVER: Final = 0.25
"""Interpolated offsets this much shorter than the limb have no direction to speak of: the limb points at the lens."""
CLEANING_RECIPE: Final = 1
"""Counts changes that change cleaned tracks: part of the key under which fitted bodies are cached."""
CARRIED: Final = (*skeleton.HANDS, (skeleton.FACE, skeleton.NOSE))
"""Parts of the body that go where one of its joints goes, with that joint."""


@dataclass(frozen=True)
class CleaningReport:
    """What cleaning did, in frames and joints; all counts are of the cleaned track."""

    frames: int
    frames_present: int
    frames_filled: int
    """Without a person in the raw track, interpolated now."""
    frames_absent: int
    frames_dropped: int
    """Of flashes: brief sightings between long absences."""
    joints_filled: int
    """In all frames together."""
    joints_jumped: int
    """Body and foot joints dropped because nobody moves so fast."""
    joints_misplaced: int
    """Body and foot joints dropped because no limb is so long."""
    flips: tuple[Flip, ...]
    """Stretches of frames whose left and right were exchanged, and exchanged back."""
    cuts_s: tuple[float, ...]
    """When a shot begins after another; nothing is smoothed or filled across."""
    views_s: tuple[float, ...]
    """Those of them at which the camera's view is another."""
    noise_px: float
    """Usual standard deviation of the noise found in body joints."""

    def frames_flipped(self, group: str) -> int:
        """In how many frames a limb group (body, arms, legs, head) was put right."""
        return sum(flip.last_frame - flip.first_frame + 1 for flip in self.flips if flip.group == group)

    def sentence(self) -> str:
        """The report as one line for the user."""
        parts = [f"person in {self.frames_present} of {self.frames} frames"]
        parts += [f"{self.frames_filled} of them filled"] if self.frames_filled else []
        for group in dict.fromkeys(flip.group for flip in self.flips):
            parts += [f"left and right of the {group} put right in {count_of(self.frames_flipped(group), 'frame')}"]
        parts += [f"{count_of(self.joints_jumped, 'jumping joint')} dropped"] if self.joints_jumped else []
        parts += [f"{count_of(self.joints_misplaced, 'misplaced joint')} dropped"] if self.joints_misplaced else []
        parts += [f"{count_of(self.joints_filled, 'joint')} filled"] if self.joints_filled else []
        parts += [f"{count_of(self.frames_dropped, 'frame')} of false sightings dropped"] if self.frames_dropped else []
        parts += [f"{count_of(len(self.cuts_s), 'cut')} found, at {tell_times(self.cuts_s)}"] if self.cuts_s else []
        parts += [f"another view at {tell_times(self.views_s)}"] if self.views_s else []
        return f"cleaned track: {', '.join(parts)}"


def clean_track(track: PoseTrack) -> tuple[PoseTrack, CleaningReport]:
    """Repair and smooth a track and mend its short gaps.

    Every joint and coordinate of `xy`, `depth` and `world` is treated alike, hands and face relative to the wrist or
    nose that carries them: a fast arm takes its hand along, whatever was seen of the fingers. What cannot be becomes a
    gap; gaps up to `FILL_GAP_S` are filled along the limb (by `time_s`) with a score that falls with the distance to
    the nearer sighting. A filled frame borrows the mask of the nearest frame.

    Args:
        track: as the estimator left it.
    Returns:
        The cleaned track, of the same frames, and what was done. Joints that stay unseen are NaN with score 0.
    """
    raw = _find_seen(track)
    sighted = np.asarray(raw[:, skeleton.BODY].any(1))
    flashes = find_flashes(sighted, track.time_s)
    raw &= ~flashes[:, None]
    track = replace(track, shot=number_shots(track, raw))
    segment = number_segments(track.time_s, track.shot, sighted & ~flashes)
    repair = repair_track(track, raw, segment)
    seen = repair.seen
    kept = np.asarray(seen[:, skeleton.BODY].any(1))
    for part, carrier in CARRIED:
        seen[:, part] &= seen[:, carrier, None]
    gaps = find_short_gaps(seen, segment, track.time_s)
    related = _relate_to_carriers(repair.track, -1)
    smooth = _smooth(related, seen, segment)
    filled = _relate_to_carriers(fill_gaps(smooth, seen, gaps, segment), +1)
    known = seen | gaps
    present = np.asarray(known[:, skeleton.BODY].any(1))
    for part, carrier in CARRIED:
        known[:, part] &= known[:, carrier, None]
    result = _without_unseen(filled, known, present)
    new = present & ~kept
    report = CleaningReport(
        frames=len(track),
        frames_present=int(present.sum()),
        frames_filled=int(new.sum()),
        frames_absent=int((~present).sum()),
        frames_dropped=int(flashes.sum()),
        joints_filled=int((gaps & known & present[:, None]).sum()),
        joints_jumped=int(repair.jumped[:, skeleton.BODY_AND_FEET].sum()),
        joints_misplaced=int(repair.misplaced[:, skeleton.BODY_AND_FEET].sum()),
        flips=tuple(repair.flips),
        cuts_s=find_changes(track.time_s, track.shot),
        views_s=find_changes(track.time_s, track.view),
        noise_px=round(float(np.median(repair.noise_px)), 3) if repair.noise_px else 0.0,
    )
    return _borrow_masks(result, new, kept), report


def _relate_to_carriers(track: PoseTrack, sign: int) -> PoseTrack:
    """Take the carrier's place away from (-1), or add it to (+1), the joints that it carries."""
    xy, depth = track.xy.copy(), track.depth.copy()
    for part, carrier in CARRIED:
        xy[:, part] += sign * track.xy[:, carrier, None]
        depth[:, part] += sign * track.depth[:, carrier, None]
    return replace(track, xy=xy, depth=depth)


def _find_seen(track: PoseTrack) -> Flags:
    """(T, J) joints worth keeping. Hands and face carry one score for all their points, so any above zero counts."""
    seen = track.seen(float(np.finfo(np.float32).tiny))
    seen[:, skeleton.BODY_AND_FEET] &= track.score[:, skeleton.BODY_AND_FEET] >= SEEN
    return seen


def _smooth(track: PoseTrack, seen: Flags, segment: Indices) -> PoseTrack:
    """Smooth every joint, forwards and backwards in time."""
    fields = {"xy": track.xy, "depth": track.depth[..., None], "world": track.world}
    smooth = {name: values.copy() for name, values in fields.items()}
    weight = np.where(seen, np.clip(track.score, 0, 1), 0).astype(np.float32)
    for part in find_stretches(segment, seen):
        fps = frame_rate(track.time_s[part], track.rate)
        for name, values in fields.items():
            noise = noise_level(values[part], seen[part], fps)
            for joints in (*_TOGETHER, _FACE):
                at = np.ix_(part, np.array(joints))
                smooth[name][at] = smooth_joints(
                    values[at], weight[at], track.time_s[part], noise[list(joints)], None if joints is _FACE else joints
                )
    return replace(track, xy=smooth["xy"], depth=smooth["depth"][..., 0], world=smooth["world"])


def _without_unseen(track: PoseTrack, seen: Flags, present: Flags) -> PoseTrack:
    """Blank whatever is not `seen` in a frame with a person."""
    keep = seen & present[:, None]
    arrays: dict[str, Any] = empty_arrays(len(track))
    for name, array in arrays.items():
        array[keep] = getattr(track, name)[keep]
    return replace(track, **arrays, present=present)


def _borrow_masks(track: PoseTrack, filled: Flags, seen: Flags) -> PoseTrack:
    """Give each filled frame the mask of the frame nearest in time in which the person was seen."""
    if track.masks is None or not filled.any():
        return track
    frames, at = np.flatnonzero(seen), np.arange(len(track))
    for t in np.flatnonzero(filled):
        at[t] = frames[np.abs(track.time_s[frames] - track.time_s[t]).argmin()]
    return replace(track, masks=track.masks.select(at))


def fill_gaps(track: PoseTrack, seen: Flags, gaps: Flags, segment: Indices) -> PoseTrack:
    """Put each joint of a gap where its limb leads.

    Args:
        track: joints that are carried (hands, face) relative to what carries them.
        seen: (T, J) joints to trust.
        gaps: (T, J) joints to fill, each between two sightings of its segment.
        segment: (T,) number of the uncut stretch each frame belongs to.
    Returns:
        A new track. The score of a filled joint is that of its neighbours in time, less the farther they are; for
        body and feet not below `SEEN`, or it would be filled and never drawn.
    """
    place = np.concatenate([track.xy, track.depth[..., None]], axis=-1).astype(np.float64)
    world, score = track.world.astype(np.float64), track.score.copy()
    known = seen.copy()
    for joint in OUTWARDS:
        for number in np.unique(segment[gaps[:, joint]]):
            inside = segment == number
            gap, at = inside & gaps[:, joint], inside & seen[:, joint]
            parent = _usable_parent(joint, gap, at, known)
            _fill_place(place, joint, parent, gap, at, track.time_s)
            _fill_joint(world, joint, PARENT[joint] if parent == NO_PARENT else parent, gap, at, track.time_s)
            score[gap, joint] = _faded(track.score[at, joint], track.time_s[at], track.time_s[gap])
        known[:, joint] |= gaps[:, joint]
    body = skeleton.BODY_AND_FEET
    score[:, body] = np.where(gaps[:, body], np.maximum(score[:, body], SEEN), score[:, body])
    xy, depth = place[..., :2].astype(np.float32), place[..., 2].astype(np.float32)
    return replace(track, xy=xy, depth=depth, world=world.astype(np.float32), score=np.maximum(score, np.float32(0)))


def _usable_parent(joint: int, gap: Flags, at: Flags, known: Flags) -> int:
    """The joint's parent if it is known all through the gap and at enough sightings, in the same coordinates."""
    parent = PARENT[joint]
    carried = joint >= skeleton.FACE.start and parent < skeleton.FACE.start
    if parent == NO_PARENT or carried or not known[gap, parent].all():
        return NO_PARENT
    frames, gaps = np.flatnonzero(at), np.flatnonzero(gap)
    after = np.searchsorted(frames, gaps)
    return parent if known[frames[after - 1], parent].all() and known[frames[after], parent].all() else NO_PARENT


def _fill_place(place: Floats, joint: int, parent: int, gap: Flags, at: Flags, time_s: Floats) -> None:
    """Fill x, y and depth; where the depth is unknown, x and y alone."""
    with_depth = np.isfinite(place[at, joint, 2]).all() and (
        parent == NO_PARENT or np.isfinite(place[at | gap, parent, 2]).all()
    )
    if with_depth:
        _fill_joint(place, joint, parent, gap, at, time_s)
    else:
        _fill_joint(place[..., :2], joint, parent, gap, at, time_s)
        _fill_joint(place[..., 2:], joint, NO_PARENT, gap, at, time_s)


def _fill_joint(values: Floats, joint: int, parent: int, gap: Flags, at: Flags, time_s: Floats) -> None:
    """Fill `values` (T, J, C) of a joint in place; they stay as they are where less than two sightings have values."""
    hangs = parent != NO_PARENT and bool(np.isfinite(values[gap, parent]).all())
    base = values[:, parent] if hangs else np.zeros_like(values[:, joint])
    offset = values[:, joint] - base
    frames = np.flatnonzero(at & np.isfinite(offset).all(-1))
    if len(frames) < 2 or time_s[frames[0]] > time_s[gap].min() or time_s[frames[-1]] < time_s[gap].max():
        return
    turned = interpolate_limb if hangs else interpolate
    values[gap, joint] = base[gap] + turned(time_s[frames], offset[frames], time_s[gap])


def interpolate(known_s: Floats, offsets: Floats, wanted_s: Floats) -> Floats:
    """(G, C) Akima's cubic through `offsets` (N, C) at `wanted_s`; through less than three the straight line."""
    if len(known_s) < _FEWEST:
        return np.stack([np.interp(wanted_s, known_s, column) for column in offsets.T], axis=-1)
    return np.asarray(Akima1DInterpolator(known_s, offsets, axis=0)(wanted_s))


def interpolate_limb(known_s: Floats, offsets: Floats, wanted_s: Floats) -> Floats:
    """Where a limb points in between: direction and length interpolated apart.

    Args:
        known_s: (N,) times of the sightings, s, increasing.
        offsets: (N, C) from the limb's parent to its joint.
        wanted_s: (G,) times between the first and the last sighting.
    Returns:
        (G, C) offsets. Where a limb turns through the line of sight its picture has no direction; there the straight
        way is the right one.
    """
    way = interpolate(known_s, offsets, wanted_s)
    length = interpolate(known_s, np.linalg.norm(offsets, axis=-1, keepdims=True), wanted_s)
    straight = np.linalg.norm(way, axis=-1, keepdims=True)
    return np.where(straight > _TURNED_OVER * length, way * length / np.maximum(straight, 1e-12), way)


def _faded(score: Values, known_s: Floats, wanted_s: Floats) -> Floats:
    """(G,) scores between sightings, less the farther the nearest of them is in time."""
    after = np.searchsorted(known_s, wanted_s)
    away_s = np.minimum(wanted_s - known_s[after - 1], known_s[after] - wanted_s)
    return np.asarray(np.interp(wanted_s, known_s, score) * (1 - away_s / (2 * FILL_GAP_S)))
