"""The shots of a track: when one begins after another, and what may be mended in one.

A track is mended in uncut stretches; flashes, brief sightings between long absences, are left out of it. A clip whose
view changes is refused where a body, its floor and what is behind it are to be found.

Shapes: T frames, J = 133 joints, N frames with a person.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import VideoError
from choreograft.pose import skeleton
from choreograft.pose.track import FILL_GAP_S, Flags, Floats, Indices, PoseTrack, Values

_FLASH_S: Final = 0.15
"""A sighting up to this long between two long absences is a false detection and dropped."""
_CUT_SPEED: Final = 8.0
"""Body extents per second; where the whole body moves faster and stays there, the clip was cut."""
MOST: Final = 0.75
"""Share of the frames from which on one view is what the clip was meant to be."""
_TOLD: Final = 6
_CUT_CONTEXT: Final = 3
"""Frames on either side of a step whose medians must disagree too, so that one wild frame does not make two cuts."""
_SHORTEST_STEP_S: Final = 1 / 24
"""Between closer frames the noise of the estimator, not the person's speed, bounds how far a joint may jump."""


def frames_by_shot(shot: NDArray[np.int32]) -> list[Indices]:
    """The frames of each shot, in order, given the number (T,) of every frame's."""
    return [np.flatnonzero(shot == number) for number in np.unique(shot)]


def find_changes(time_s: Floats, number: NDArray[np.int32]) -> tuple[float, ...]:
    """When the number (T,) of the shot, or of the view, changes, s."""
    return tuple(time_s[1:][np.diff(number) != 0].round(3).tolist())


def tell_times(times_s: Sequence[float]) -> str:
    """Times in words: '3.2 s', '3.2 s and 7.1 s', or the first of them and how many more there are."""
    told = [f"{time_s:.1f} s" for time_s in times_s[:_TOLD]]
    told += [f"{len(times_s) - _TOLD} more times"] if len(times_s) > _TOLD else []
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def check_views(name: str, track: PoseTrack) -> None:
    """Refuse a clip of several views: a body, its floor and what is behind it are found for one camera.

    Args:
        name: of the video, for the message.
    Raises:
        VideoError: the view changes; says when, and what to do.
    """
    changes_s = find_changes(track.time_s, track.view)
    if not changes_s:
        return
    raise VideoError(
        f"{name}: the picture changes to another view at {tell_times(changes_s)}; expected one camera that stands for"
        f" the whole clip; {_advise(track)}"
    )


def _advise(track: PoseTrack) -> str:
    """What to do: keep the view that most of the clip has, or cut the clip into its parts."""
    views, counts = np.unique(track.view, return_counts=True)
    if counts.max() < MOST * len(track):
        return "cut the video there, and dance, or train on, each part by itself (train takes several)"
    shown = np.flatnonzero(track.view == views[counts.argmax()])
    begin_s, last = float(track.time_s[shown[0]]), int(shown[-1])
    end_s = float(track.time_s[last + 1]) if last + 1 < len(track) else None
    until = "the end" if end_s is None else f"{end_s:.2f} s"
    cut = f"ffmpeg -ss {begin_s:.2f} -i IN" + ("" if end_s is None else f" -t {end_s - begin_s:.2f}") + " OUT"
    return f'keep the part from {begin_s:.2f} s to {until}, for example with "{cut}"'


def _find_absences(present: Flags, time_s: Floats) -> tuple[Indices, Floats]:
    """The N frames that show the person, and how long, (N - 1,) s, they were away before each but the first."""
    frames = np.flatnonzero(present)
    return frames, time_s[frames[1:]] - time_s[frames[:-1] + 1]  # 0 between neighbouring frames


def find_flashes(present: Flags, time_s: Floats) -> Flags:
    """(T,) frames of brief sightings that are false detections, most likely.

    A flash lasts at most `_FLASH_S` and has an absence too long to be filled on either side; a person who is there
    when the clip begins or ends is no flash.
    """
    flashes = np.zeros_like(present)
    frames, absence_s = _find_absences(present, time_s)
    runs = np.split(frames, np.flatnonzero(absence_s > FILL_GAP_S) + 1) if len(frames) else []
    starts = [run[0] for run in runs] + [len(present)]
    until_s = np.append(time_s, time_s[-1:])
    absent_from = 0
    for run, following in zip(runs, starts[1:], strict=True):
        before_s = time_s[run[0]] - time_s[absent_from]
        absent_from = run[-1] + 1
        after_s = until_s[following] - until_s[absent_from]
        brief = time_s[run[-1]] - time_s[run[0]] <= _FLASH_S
        flashes[run] = brief and min(before_s, after_s) > FILL_GAP_S
    return flashes


def number_shots(track: PoseTrack, seen: Flags) -> NDArray[np.int32]:
    """(T,) number of the shot that each frame belongs to: a cut was seen in the picture, or the joints show one.

    They do where the whole body is suddenly, and stays, somewhere else: the median body joint moved faster than
    `_CUT_SPEED` body extents a second, both between two frames and between the medians of the few frames before and
    after. Then the first frame with a person begins a shot.
    """
    cuts = np.diff(track.shot, prepend=track.shot[:1]) != 0
    frames = np.flatnonzero(seen.any(1))
    if len(frames) < 2:
        return track.shot
    body = np.where(seen[frames, skeleton.BODY, None], track.xy[frames, skeleton.BODY], np.nan)  # (N, 17, 2)
    step_s = np.diff(track.time_s[frames])
    extent = np.nan_to_num(_spread(body), nan=0.0).max(-1)  # (N,)
    limit = _CUT_SPEED * np.maximum(step_s, _SHORTEST_STEP_S) * np.maximum(extent[1:], extent[:-1])
    far = (_median_move(body[:-1], body[1:]) > limit) & (np.diff(track.shot[frames]) == 0)
    for n in np.flatnonzero(far):
        before = _median_of_frames(body[max(0, n + 1 - _CUT_CONTEXT) : n + 1])
        after = _median_of_frames(body[n + 1 : n + 1 + _CUT_CONTEXT])
        cuts[frames[n + 1]] = _median_move(before, after) > limit[n]
    return np.cumsum(cuts).astype(np.int32)


def _spread(xy: Values) -> Values:
    """(N, J, 2) points to the width and height (N, 2) of the box around those seen."""
    known = np.isfinite(xy)
    top = np.where(known, xy, -np.inf).max(1)
    low = np.where(known, xy, np.inf).min(1)
    return np.asarray(np.where(known.any(1), top - low, np.nan), dtype=np.float32)


def _median_move(a: Values, b: Values) -> Values:
    """Median distance (...) of the joints seen in both of two poses (..., J, 2); 0 where there is none."""
    distance = np.linalg.norm(a - b, axis=-1)
    nothing = ~np.isfinite(distance).any(-1)
    return np.asarray(np.nanmedian(np.where(nothing[..., None], 0.0, distance), axis=-1), dtype=np.float32)


def _median_of_frames(xy: Values) -> Values:
    """The median pose (J, 2) of frames (N, J, 2), NaN for a joint unseen in all of them."""
    unseen = ~np.isfinite(xy).any(0)
    median = np.nanmedian(np.where(unseen, 0.0, xy), axis=0)
    return np.asarray(np.where(unseen, np.nan, median), dtype=np.float32)


def number_segments(time_s: Floats, shot: NDArray[np.int32], present: Flags) -> Indices:
    """(T,) number of the uncut stretch that each frame belongs to.

    Frames missing from the file end a stretch as well, and absences of the person too long to be filled.
    """
    cuts = np.diff(shot, prepend=shot[:1]) != 0
    holes = np.diff(time_s, prepend=time_s[:1]) > FILL_GAP_S
    returns = np.zeros_like(cuts)
    frames, absence_s = _find_absences(present, time_s)
    returns[frames[1:][absence_s > FILL_GAP_S]] = True
    return np.cumsum(cuts | holes | returns)


def find_short_gaps(seen: Flags, segment: Indices, time_s: Floats) -> Flags:
    """(T, J) unseen joints between two sightings of one segment, away for at most `FILL_GAP_S`.

    A gap lasts from the first frame that misses the joint until the joint is seen again.
    """
    T = len(seen)
    frame = np.arange(T)[:, None]
    last = np.maximum.accumulate(np.where(seen, frame, -1), axis=0)
    following = np.minimum.accumulate(np.where(seen, frame, T)[::-1], axis=0)[::-1]
    before, after = np.maximum(last, 0), np.minimum(following, T - 1)
    gap_s = time_s[after] - time_s[np.minimum(before + 1, T - 1)]
    enclosed = ~seen & (last >= 0) & (following < T)
    return np.asarray(enclosed & (gap_s <= FILL_GAP_S) & (segment[before] == segment[after]))


def body_height_px(track: PoseTrack, seen: Flags) -> float:
    """Height of the person where they stand up, px: nearly the largest extent of the body in the clip."""
    frames = np.flatnonzero(seen[:, skeleton.BODY].any(1))
    if not len(frames):
        return float(track.size.height)
    extent = _spread(np.where(seen[frames, skeleton.BODY, None], track.xy[frames, skeleton.BODY], np.nan)).max(-1)
    return max(1.0, float(np.percentile(extent, 90)))


def find_stretches(segment: Indices, seen: Flags) -> list[Indices]:
    """The frames of each uncut stretch, from the first to the last in which anything is seen."""
    sighted = np.flatnonzero(seen.any(1))
    parts = [sighted[segment[sighted] == number] for number in np.unique(segment[sighted])]
    return [np.arange(part[0], part[-1] + 1) for part in parts]


def frame_rate(time_s: Floats, rate: Fraction) -> float:
    """Usual frames per second, or the nominal ones where a single frame tells none."""
    return float(1 / np.median(np.diff(time_s))) if len(time_s) > 1 else float(rate)
