"""One video with everything that was measured of it.

Shapes: T frames, J joints, K = 4 parts that can be cut off (head, hands, feet, sides), M kinds of movement.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.check.moves import find_moves
from choreograft.check.pictures import Footage, watch_footage
from choreograft.errors import PersonError, VideoError
from choreograft.footage.clip import load_track
from choreograft.pose import skeleton
from choreograft.pose.clean import CleaningReport, clean_track
from choreograft.pose.head import check_upright, seen_middle
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import PeopleCount, TrackingConfig, count_people, track_nobody
from choreograft.progress import Progress, silent
from choreograft.video.read import probe

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

LENIENT: Final = TrackingConfig(min_score=0.4, min_height_px=1.0, min_present=0.0)
"""For describing whom nothing can be made of."""
_ENDS: Final = {
    "head": skeleton.HEAD,
    "hands": skeleton.WRISTS,
    "feet": (*skeleton.ANKLES, skeleton.LEFT_BIG_TOE, skeleton.RIGHT_BIG_TOE),
}
"""Joints by which an end of the body is in the picture or not."""
CUT: Final = (*_ENDS, "sides")
"""What of the body can be out of the picture; the sides are judged by the mask, since estimators bend a limb that is
cut off back into the picture."""
_CUT_MARGIN: Final = 0.02
"""A joint this share of the picture's height outside of it counts as cut off."""
_TOUCH: Final = 0.06
"""Of the body height: how long a stretch of the picture's left or right edge the mask must fill to be cut by it."""
_HEAD_TO_TOP: Final = 1.15
"""Upright height over the distance from the eyes and ears to the ankles."""
_TORSOS: Final = 3.4
"""Upright height over the distance from shoulders to hips."""
_SEEN: Final = 0.3


@dataclass(frozen=True)
class Filmed:
    """A clip, its person, and what its pictures are like."""

    video: Path
    track: PoseTrack
    """Cleaned."""
    report: CleaningReport
    height_px: float
    """Of the person, upright, px of the video; NaN if it cannot be told."""
    height: Floats
    """(T,) from head to ankles, a share of the picture's height; NaN where one is unseen."""
    cut: Flags
    """(T, K) whether a part of the body, as in `CUT`, is out of the picture."""
    moves: Flags
    """(T, M) kinds of movement, see `moves.MOVES`."""
    footage: Footage
    people: PeopleCount
    refusal: str = ""
    """Why nobody in it can be danced after or learned; empty where somebody can."""

    @property
    def rate(self) -> float:
        """Nominal frames a second."""
        return float(self.track.rate)

    @property
    def body_px(self) -> float:
        """The person's upright height, px of the video; the picture's where it cannot be told."""
        return self.height_px if np.isfinite(self.height_px) else self.track.size.height

    @property
    def most_people(self) -> int:
        """In one frame of those looked at."""
        return int(self.people.people.max(initial=0))


def film_facts(
    video: Path, person: int, runs: Path, progress: Progress = silent, keypoints: Path | None = None
) -> Filmed:
    """Track one person of a video, or take the track kept from before, and measure everything.

    Where nobody can be followed well enough, somebody is followed as far as they can be seen, or else nobody.

    Raises:
        VideoError: the video cannot be read, or is a single picture.
    """
    info = probe(video)
    if info.frames == 1:
        raise VideoError(f"{video}: found a single frame; expected a video of some seconds")
    raw, refusal = _follow(video, person, runs, progress, keypoints)
    clip = measure_clip(video, raw, count_people(video, TrackingConfig(), progress), progress)
    return replace(clip, refusal=refusal)


def _follow(video: Path, person: int, runs: Path, progress: Progress, keypoints: Path | None) -> tuple[PoseTrack, str]:
    """The track of a video, and why nobody can be danced after or learned by it; empty where somebody can."""
    refusals = []
    for tracking in (TrackingConfig(), LENIENT):
        try:
            raw = load_track(video, keypoints, runs, tracking, person, progress)
            break
        except PersonError as error:
            refusals.append(error)
    else:
        raw = track_nobody(video)
    try:
        check_upright(str(video), raw)
    except PersonError as error:
        refusals.append(error)
    return raw, str(refusals[0]).removeprefix(f"{video}: ") if refusals else ""


def measure_clip(video: Path, raw: PoseTrack, people: PeopleCount, progress: Progress = silent) -> Filmed:
    """Measure a video whose person was tracked.

    Args:
        raw: the track as the estimator left it, or a true one.
    """
    track, report = clean_track(raw)
    heights, height_px = measure_heights(track)
    cut = np.column_stack([_find_cut_ends(raw, track.present), _find_cut_sides(track, height_px)])
    body_px = height_px if np.isfinite(height_px) else track.size.height
    return Filmed(
        video, track, report, height_px, heights / track.size.height, cut, find_moves(track),
        watch_footage(video, track, body_px, progress), people,
    )  # fmt: skip


def measure_heights(track: PoseTrack) -> tuple[Floats, float]:
    """(T,) from the head's top to the ankles in each frame, px, NaN where one is unseen; and the person's upright.

    That is told by the torso where feet are hardly seen, and NaN if it is unseen too.
    """
    xy = np.where(track.seen(_SEEN)[..., None], track.xy, np.nan).astype(np.float64)
    ends = (skeleton.HEAD, skeleton.ANKLES, skeleton.SHOULDERS, skeleton.HIPS)
    head, ankles, shoulders, hips = (seen_middle(xy, joints) for joints in ends)
    heights = np.asarray(_HEAD_TO_TOP * np.linalg.norm(head - ankles, axis=-1))
    for told in (heights, _TORSOS * np.linalg.norm(shoulders - hips, axis=-1)):
        known = told[np.isfinite(told)]
        if len(known) >= max(1, 0.1 * track.present.sum()):
            return heights, float(np.percentile(known, 95))
    return heights, float("nan")


def _find_cut_ends(raw: PoseTrack, present: Flags) -> Flags:
    """(T, 3); estimators put joints that they cannot see where the body would go on, beyond the picture's edge."""
    unknown = np.asarray(~np.isfinite(raw.xy).all(-1))
    outside = ~(raw.in_frame(_CUT_MARGIN) | unknown)
    ends = []
    for joints in _ENDS.values():
        out, lost = outside[:, list(joints)], unknown[:, list(joints)]
        ends.append(out.all(1) if joints == skeleton.HEAD else out.any(1) | lost.all(1))
    return np.asarray(np.stack(ends, axis=1) & present[:, None])


def _find_cut_sides(track: PoseTrack, height_px: float) -> Flags:
    """(T,) whether the mask fills a stretch of the picture's left or right edge."""
    cut = np.zeros(len(track), np.bool_)
    if track.masks is None or not np.isfinite(height_px):
        return cut
    rows = _TOUCH * height_px * track.masks.size.height / track.size.height
    for t in np.flatnonzero(track.present):
        edges = track.masks[int(t)][:, [0, -1]] >= 128
        cut[t] = edges.sum(0).max() > rows
    return cut
