"""Cleaning a track: flashes dropped, joints smoothed over time, short gaps filled; long gaps stay absent.

Chan et al. 2019 smooth every keypoint before rendering: a confidence-aware running median at ordinary frame rates, a
Gaussian at 120 fps (section 1 of docs/method.md). The rest is ours.

Shapes: T frames, J = 133 joints, C coordinates, N frames with a person.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import CleaningConfig
from choreograft.pose import skeleton
from choreograft.pose.smooth import Window, smooth_gaussian, smooth_median
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

_CUT_CONTEXT = 3
"""Frames on either side of a step whose medians must disagree too, so that one wild frame does not make two cuts."""
_SHORTEST_STEP_S = 1 / 24
"""Between closer frames the noise of the estimator, not the person's speed, bounds how far a joint may jump."""


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
    cuts: int
    """Places where the picture jumps; nothing is smoothed or filled across them."""
    smoothing: str
    """For people to read, such as 'median of 7 frames'."""

    def sentence(self) -> str:
        """The report as one line for the user."""
        parts = [f"person in {self.frames_present} of {self.frames} frames"]
        parts += [f"{self.frames_filled} of them filled"] if self.frames_filled else []
        parts += [f"{self.joints_filled} joints filled"] if self.joints_filled else []
        parts += [f"{self.frames_dropped} frames of false sightings dropped"] if self.frames_dropped else []
        parts += [f"{self.cuts} cut{'s' if self.cuts > 1 else ''} found"] if self.cuts else []
        return f"cleaned track: {', '.join(parts)}; smoothing: {self.smoothing}"


@dataclass(frozen=True)
class _Neighbours:
    """For every frame and joint the last sighting up to it and the next one from it; (T, J), -1 and T where none."""

    last: Indices
    next: Indices

    @staticmethod
    def find(seen: Flags) -> "_Neighbours":
        T = len(seen)
        frame = np.arange(T)[:, None]
        last = np.maximum.accumulate(np.where(seen, frame, -1), axis=0)
        following = np.minimum.accumulate(np.where(seen, frame, T)[::-1], axis=0)[::-1]
        return _Neighbours(last, following)


def clean_track(track: PoseTrack, config: CleaningConfig | None = None) -> tuple[PoseTrack, CleaningReport]:
    """Smooth a track and mend its short gaps.

    Every joint and coordinate of `xy`, `depth` and `world` is treated alike, hands and face relative to the wrist or
    nose that carries them: a fast arm takes its hand along, whatever was seen of the fingers. A filled joint lies on
    the straight line between its neighbours in time (by `time_s`); its score falls with the distance to the nearer
    one, for body and feet not below `min_score`, or it would be filled and never drawn. A filled frame borrows the
    mask of the nearest frame.

    Args:
        track: as the estimator left it.
    Returns:
        The cleaned track, of the same frames, and what was done. Joints that stay unseen are NaN with score 0.
    """
    config = CleaningConfig() if config is None else config
    seen = _find_seen(track, config)
    sighted = np.asarray(seen[:, skeleton.BODY].any(1))
    flashes = _find_flashes(sighted, track.time_s, config)
    kept = sighted & ~flashes
    seen &= kept[:, None]
    cuts = _find_cuts(track, seen, config)
    for part, carrier in CARRIED:
        seen[:, part] &= seen[:, carrier, None]
    track = _relate_to_carriers(track, -1)
    segment = _number_segments(track.time_s, cuts, config)
    neighbours = _Neighbours.find(seen)
    gaps = _find_short_gaps(seen, neighbours, segment, track.time_s, config)
    smooth, smoothing = _smooth(track, seen, gaps, segment, config)
    filled = _relate_to_carriers(_fill(smooth, gaps, neighbours, config), +1)
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
        cuts=int(cuts.sum()),
        smoothing=smoothing,
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


def _find_flashes(present: Flags, time_s: NDArray[np.float64], config: CleaningConfig) -> Flags:
    """(T,) frames of brief sightings that are false detections, most likely.

    A flash lasts at most `flash_s` and has an absence too long to be filled on either side; a person who is there
    when the clip begins or ends is no flash.
    """
    flashes = np.zeros_like(present)
    frames = np.flatnonzero(present)
    absence_s = time_s[frames[1:]] - time_s[frames[:-1] + 1]  # 0 between neighbouring frames
    runs = np.split(frames, np.flatnonzero(absence_s > config.fill_gap_s) + 1) if len(frames) else []
    starts = [run[0] for run in runs] + [len(present)]
    until_s = np.append(time_s, time_s[-1:])
    absent_from = 0
    for run, following in zip(runs, starts[1:], strict=True):
        before_s = time_s[run[0]] - time_s[absent_from]
        absent_from = run[-1] + 1
        after_s = until_s[following] - until_s[absent_from]
        brief = time_s[run[-1]] - time_s[run[0]] <= config.flash_s
        flashes[run] = brief and min(before_s, after_s) > config.fill_gap_s
    return flashes


def _find_cuts(track: PoseTrack, seen: Flags, config: CleaningConfig) -> Flags:
    """(T,) true at the first frame with a person after a cut: the whole body is suddenly, and stays, somewhere else.

    The median body joint must have moved faster than `cut_speed` body extents a second, both between two frames and
    between the medians of the few frames before and after.
    """
    cuts = np.zeros(len(track), np.bool_)
    frames = np.flatnonzero(seen.any(1))
    if len(frames) < 2:
        return cuts
    body = np.where(seen[frames, skeleton.BODY, None], track.xy[frames, skeleton.BODY], np.nan)  # (N, 17, 2)
    step_s = np.diff(track.time_s[frames])
    extent = np.nan_to_num(_spread(body), nan=0.0).max(-1)  # (N,)
    limit = config.cut_speed * np.maximum(step_s, _SHORTEST_STEP_S) * np.maximum(extent[1:], extent[:-1])
    far = _median_move(body[:-1], body[1:]) > limit
    for n in np.flatnonzero(far):
        before = _median_of_frames(body[max(0, n + 1 - _CUT_CONTEXT) : n + 1])
        after = _median_of_frames(body[n + 1 : n + 1 + _CUT_CONTEXT])
        cuts[frames[n + 1]] = _median_move(before, after) > limit[n]
    return cuts


def _spread(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, J, 2) points to the width and height (N, 2) of the box around those seen."""
    known = np.isfinite(xy)
    top = np.where(known, xy, -np.inf).max(1)
    low = np.where(known, xy, np.inf).min(1)
    return np.asarray(np.where(known.any(1), top - low, np.nan), dtype=np.float32)


def _median_move(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median distance (...) of the joints seen in both of two poses (..., J, 2); 0 where there is none."""
    distance = np.linalg.norm(a - b, axis=-1)
    nothing = ~np.isfinite(distance).any(-1)
    return np.asarray(np.nanmedian(np.where(nothing[..., None], 0.0, distance), axis=-1), dtype=np.float32)


def _median_of_frames(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """The median pose (J, 2) of frames (N, J, 2), NaN for a joint unseen in all of them."""
    unseen = ~np.isfinite(xy).any(0)
    median = np.nanmedian(np.where(unseen, 0.0, xy), axis=0)
    return np.asarray(np.where(unseen, np.nan, median), dtype=np.float32)


def _number_segments(time_s: NDArray[np.float64], cuts: Flags, config: CleaningConfig) -> Indices:
    """(T,) number of the uncut stretch that each frame belongs to; frames missing from the file cut as well."""
    holes = np.diff(time_s, prepend=time_s[:1]) > config.fill_gap_s
    return np.cumsum(cuts | holes)


def _find_short_gaps(
    seen: Flags, neighbours: _Neighbours, segment: Indices, time_s: NDArray[np.float64], config: CleaningConfig
) -> Flags:
    """(T, J) unseen joints between two sightings of one segment, away for at most `fill_gap_s`.

    A gap lasts from the first frame that misses the joint until the joint is seen again.
    """
    T = len(seen)
    before, after = np.maximum(neighbours.last, 0), np.minimum(neighbours.next, T - 1)
    enclosed = ~seen & (neighbours.last >= 0) & (neighbours.next < T)
    gap_s = time_s[after] - time_s[np.minimum(before + 1, T - 1)]
    return np.asarray(enclosed & (gap_s <= config.fill_gap_s) & (segment[before] == segment[after]))


def _smooth(
    track: PoseTrack, seen: Flags, gaps: Flags, segment: Indices, config: CleaningConfig
) -> tuple[PoseTrack, str]:
    """Smooth every run of a joint: frames in which it is seen, or missing for a short gap, without a cut."""
    step_s = float(np.median(np.diff(track.time_s))) if len(track) > 1 else float(1 / track.rate)
    known = seen | gaps
    starts = np.diff(segment, prepend=segment[:1]) != 0
    starts_run = np.diff(known, axis=0, prepend=known[:1]) | starts[:, None]
    weight = np.where(seen, track.score, 0).astype(np.float32)
    window = Window(track.time_s, np.cumsum(starts_run, axis=0), weight)
    if 1 / step_s >= config.high_fps:
        sigma_s = config.gaussian_sigma_s
        xy, depth, world = (smooth_gaussian(v, window, sigma_s, step_s) for v in _coordinates(track))
        name = f"Gaussian of {1000 * sigma_s:g} ms"
    else:
        frames = median_frames(1 / step_s, config)
        xy, depth, world = (smooth_median(v, window, frames) for v in _coordinates(track))
        name = f"median of {frames} frames" if frames > 1 else "none"
    return replace(track, xy=xy, depth=depth[..., 0], world=world), name


def _coordinates(track: PoseTrack) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    return track.xy, track.depth[..., None], track.world


def median_frames(fps: float, config: CleaningConfig) -> int:
    """How many frames the median spans at a frame rate: an odd number, 1 where frames are too far apart to smooth."""
    frames = int(config.median_window * min(1.0, fps / config.ordinary_fps) + 1e-6)
    return max(1, frames - 1 + frames % 2)


def _fill(track: PoseTrack, gaps: Flags, neighbours: _Neighbours, config: CleaningConfig) -> PoseTrack:
    """Put each joint of a gap on the line between the sightings around it."""
    t, j = np.nonzero(gaps)
    before, after = neighbours.last[t, j], neighbours.next[t, j]
    past_s, ahead_s = track.time_s[t] - track.time_s[before], track.time_s[after] - track.time_s[t]
    share = (past_s / (past_s + ahead_s)).astype(np.float32)

    def interpolated(values: NDArray[np.float32]) -> NDArray[np.float32]:
        part = share.reshape(-1, *[1] * (values.ndim - 2))
        filled = values.copy()
        filled[t, j] = (1 - part) * values[before, j] + part * values[after, j]
        return filled

    score = interpolated(track.score)
    score[t, j] *= 1 - np.minimum(past_s, ahead_s) / (2 * max(config.fill_gap_s, 1e-6))
    keeps_floor = j < skeleton.FEET.stop
    score[t[keeps_floor], j[keeps_floor]] = np.maximum(score[t[keeps_floor], j[keeps_floor]], config.min_score)
    xy, depth, world = (interpolated(values) for values in (track.xy, track.depth, track.world))
    return replace(track, xy=xy, score=np.maximum(score, 0), depth=depth, world=world)


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
