"""Cleaning a track: what cannot be is dropped or put right, joints are smoothed over time, short gaps filled.

Chan et al. 2019 smooth every keypoint before rendering (section 1 of docs/method.md). How is ours: exchanged sides,
jumps and impossible limbs are taken out (pose/repair.py), smoothing learns from the track (pose/adaptive.py), gaps are
filled along the limbs (pose/gaps.py). Long gaps stay absent, and nothing mixes across a cut.

Shapes: T frames, J = 133 joints, C coordinates.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import CleaningConfig
from choreograft.errors import count_of
from choreograft.pose import skeleton
from choreograft.pose.adaptive import smooth_adaptive
from choreograft.pose.flips import Flip
from choreograft.pose.gaps import fill_gaps
from choreograft.pose.noise import noise_level
from choreograft.pose.repair import repair_track
from choreograft.pose.segments import (
    Neighbours,
    find_flashes,
    find_short_gaps,
    find_stretches,
    frame_rate,
    number_segments,
    number_shots,
)
from choreograft.pose.shots import find_changes, tell_times
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

CARRIED: Final = (
    (skeleton.LEFT_HAND, skeleton.LEFT_WRIST),
    (skeleton.RIGHT_HAND, skeleton.RIGHT_WRIST),
    (skeleton.FACE, skeleton.NOSE),
)
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


def clean_track(track: PoseTrack, config: CleaningConfig | None = None) -> tuple[PoseTrack, CleaningReport]:
    """Repair and smooth a track and mend its short gaps.

    Every joint and coordinate of `xy`, `depth` and `world` is treated alike, hands and face relative to the wrist or
    nose that carries them: a fast arm takes its hand along, whatever was seen of the fingers. What cannot be becomes a
    gap; gaps up to `fill_gap_s` are filled along the limb (by `time_s`) with a score that falls with the distance to
    the nearer sighting. A filled frame borrows the mask of the nearest frame.

    Args:
        track: as the estimator left it.
    Returns:
        The cleaned track, of the same frames, and what was done. Joints that stay unseen are NaN with score 0.
    """
    config = CleaningConfig() if config is None else config
    raw = _find_seen(track, config)
    sighted = np.asarray(raw[:, skeleton.BODY].any(1))
    flashes = find_flashes(sighted, track.time_s, config)
    raw &= ~flashes[:, None]
    track = replace(track, shot=number_shots(track, raw, config))
    segment = number_segments(track.time_s, track.shot, sighted & ~flashes, config)
    repair = repair_track(track, raw, segment, config)
    seen = repair.seen
    kept = np.asarray(seen[:, skeleton.BODY].any(1))
    for part, carrier in CARRIED:
        seen[:, part] &= seen[:, carrier, None]
    neighbours = Neighbours.find(seen)
    gaps = find_short_gaps(seen, neighbours, segment, track.time_s, config)
    related = _relate_to_carriers(repair.track, -1)
    smooth = _smooth(related, seen, segment, config)
    filled = _relate_to_carriers(fill_gaps(smooth, seen, gaps, segment, config), +1)
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
        joints_jumped=repair.jumped,
        joints_misplaced=repair.misplaced,
        flips=repair.flips,
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


def _find_seen(track: PoseTrack, config: CleaningConfig) -> Flags:
    """(T, J) joints worth keeping. Hands and face carry one score for all their points, so any above zero counts."""
    seen = track.seen(float(np.finfo(np.float32).tiny))
    for part in (skeleton.BODY, skeleton.FEET):
        seen[:, part] &= track.score[:, part] >= config.min_score
    return seen


_TOGETHER: Final = (
    tuple(range(skeleton.BODY.start, skeleton.FEET.stop)),
    tuple(range(skeleton.LEFT_HAND.start, skeleton.LEFT_HAND.stop)),
    tuple(range(skeleton.RIGHT_HAND.start, skeleton.RIGHT_HAND.stop)),
)
"""Joints whose motions tell of each other."""
_FACE: Final = tuple(range(skeleton.FACE.start, skeleton.FACE.stop))
"""Joints that are smoothed each by itself."""


def _smooth(track: PoseTrack, seen: Flags, segment: Indices, config: CleaningConfig) -> PoseTrack:
    """Smooth every joint, forwards and backwards in time."""
    fields = {"xy": track.xy, "depth": track.depth[..., None], "world": track.world}
    smooth = {name: values.copy() for name, values in fields.items()}
    weight = np.where(seen, np.clip(track.score, 0, 1), 0).astype(np.float32)
    for part in find_stretches(segment, seen):
        fps = frame_rate(track.time_s[part], track.rate)
        for name, values in fields.items():
            noise = noise_level(values[part], seen[part], fps, config)
            for joints in (*_TOGETHER, _FACE):
                at = np.ix_(part, np.array(joints))
                smooth[name][at] = smooth_adaptive(
                    values[at], weight[at], track.time_s[part], noise[list(joints)], None if joints is _FACE else joints
                )
    return replace(track, xy=smooth["xy"], depth=smooth["depth"][..., 0], world=smooth["world"])


def _without_unseen(track: PoseTrack, seen: Flags, present: Flags) -> PoseTrack:
    """Blank whatever is not `seen` in a frame with a person."""
    keep = seen & present[:, None]
    return replace(
        track,
        xy=np.where(keep[..., None], track.xy, np.float32(np.nan)),
        score=np.where(keep, track.score, np.float32(0)),
        depth=np.where(keep, track.depth, np.float32(np.nan)),
        world=np.where(keep[..., None], track.world, np.float32(np.nan)),
        present=present,
    )


def _borrow_masks(track: PoseTrack, filled: Flags, seen: Flags) -> PoseTrack:
    """Give each filled frame the mask of the frame nearest in time in which the person was seen."""
    if track.masks is None or not filled.any():
        return track
    frames = np.flatnonzero(seen)
    at = np.arange(len(track))
    right = np.clip(np.searchsorted(frames, at), 1, max(1, len(frames) - 1))
    before, after = frames[right - 1], frames[np.minimum(right, len(frames) - 1)]
    nearest = np.where(track.time_s - track.time_s[before] <= track.time_s[after] - track.time_s, before, after)
    return replace(track, masks=track.masks.select(np.where(filled, nearest, at)))
