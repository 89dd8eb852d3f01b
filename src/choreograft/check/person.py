"""What a track tells of its person: how large, how much of them is in the picture, how often they are there.

Shapes: T frames, J joints, K = 4 parts that can be cut off (head, hands, feet, sides).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.check.moves import find_moves
from choreograft.config import CheckConfig
from choreograft.pose import skeleton
from choreograft.pose.clean import CleaningReport
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

ENDS: Final = {
    "head": skeleton.HEAD,
    "hands": (skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST),
    "feet": (*skeleton.ANKLES, skeleton.LEFT_BIG_TOE, skeleton.RIGHT_BIG_TOE),
}
"""Joints by which an end of the body is in the picture or not."""
CUT: Final = (*ENDS, "sides")
"""What of the body can be out of the picture; the sides are judged by the mask, since estimators bend a limb that is
cut off back into the picture."""
_TOUCH: Final = 0.06
"""Of the body height: how long a stretch of the picture's left or right edge the mask must fill to be cut by it."""
_HEAD_TO_TOP: Final = 1.15
"""Upright height over the distance from the eyes and ears to the ankles."""
_TORSOS: Final = 3.4
"""Upright height over the distance from shoulders to hips."""
_SEEN: Final = 0.3


@dataclass(frozen=True)
class PersonFacts:
    """Everything measured of a person in a clip."""

    present: Flags
    """(T,)"""
    height_px: float
    """Upright, px of the video; NaN if it cannot be told."""
    height: Floats
    """(T,) from head to ankles, a share of the picture's height; NaN where one is unseen."""
    picture_px: int
    """Height of the picture."""
    cut: Flags
    """(T, K) whether a part of the body, as in `CUT`, is out of the picture."""
    moves: Flags
    """(T, M) kinds of movement, see `moves.MOVES`."""
    repaired: float
    """Share of the frames that cleaning dropped, filled or turned round."""

    @property
    def share(self) -> float:
        """Of the frames that show the person."""
        return float(self.present.mean())

    def cut_share(self, end: str) -> float:
        """Share of the frames with the person in which a part of `CUT` is out of the picture."""
        return float(self.cut[self.present, CUT.index(end)].mean()) if self.present.any() else 0.0


def describe_person(raw: PoseTrack, track: PoseTrack, report: CleaningReport, config: CheckConfig) -> PersonFacts:
    """Measure the person of a clip.

    Args:
        raw, track: as the estimator left it, and cleaned. report: what cleaning did.
    """
    return PersonFacts(
        present=track.present,
        height_px=upright_height_px(track),
        height=body_heights(track) / track.size.height,
        picture_px=track.size.height,
        cut=np.column_stack([_find_cut_ends(raw, track.present, config), _find_cut_sides(track)]),
        moves=find_moves(track),
        repaired=_repaired(report),
    )


def body_heights(track: PoseTrack) -> Floats:
    """(T,) distance from the head's top to the ankles in each frame, px; NaN where one is unseen."""
    xy = np.where(track.seen(_SEEN)[..., None], track.xy, np.nan).astype(np.float64)
    head, ankles = _mean(xy[:, list(skeleton.HEAD)]), _mean(xy[:, list(skeleton.ANKLES)])
    return np.asarray(_HEAD_TO_TOP * np.linalg.norm(head - ankles, axis=-1))


def upright_height_px(track: PoseTrack) -> float:
    """The person's upright height, px, from the torso where feet are hardly seen; NaN if that is unseen too."""
    xy = np.where(track.seen(_SEEN)[..., None], track.xy, np.nan).astype(np.float64)
    torso = np.linalg.norm(_mean(xy[:, list(skeleton.SHOULDERS)]) - _mean(xy[:, list(skeleton.HIPS)]), axis=-1)
    for heights in (body_heights(track), _TORSOS * torso):
        known = heights[np.isfinite(heights)]
        if len(known) >= max(1, 0.1 * track.present.sum()):
            return float(np.percentile(known, 95))
    return float("nan")


def _find_cut_ends(raw: PoseTrack, present: Flags, config: CheckConfig) -> Flags:
    """(T, 3); estimators put joints that they cannot see where the body would go on, beyond the picture's edge."""
    with np.errstate(invalid="ignore"):
        slack = config.cut_margin * raw.size.height
        outside = np.asarray(((raw.xy < -slack) | (raw.xy > np.asarray(raw.size) + slack)).any(-1))
    unknown = np.asarray(~np.isfinite(raw.xy).all(-1))
    ends = []
    for joints in ENDS.values():
        out, lost = outside[:, list(joints)], unknown[:, list(joints)]
        ends.append(out.all(1) if joints == skeleton.HEAD else out.any(1) | lost.all(1))
    return np.asarray(np.stack(ends, axis=1) & present[:, None])


def _find_cut_sides(track: PoseTrack) -> Flags:
    """(T,) whether the mask fills a stretch of the picture's left or right edge."""
    cut = np.zeros(len(track), np.bool_)
    height_px = upright_height_px(track)
    if track.masks is None or not np.isfinite(height_px):
        return cut
    rows = _TOUCH * height_px * track.masks.size.height / track.size.height
    for t in np.flatnonzero(track.present):
        edges = track.masks[int(t)][:, [0, -1]] >= 128
        cut[t] = edges.sum(0).max() > rows
    return cut


def _repaired(report: CleaningReport) -> float:
    turned = {t for flip in report.flips for t in range(flip.first_frame, flip.last_frame + 1)}
    return (report.frames_filled + report.frames_dropped + len(turned)) / max(1, report.frames)


def _mean(points: Floats) -> Floats:
    """(T, 2) mean of the known of (T, K, 2) points."""
    known = np.asarray(np.isfinite(points).all(-1))
    count = known.sum(1)[:, None]
    return np.where(count > 0, np.where(known[..., None], points, 0).sum(1) / np.maximum(count, 1), np.nan)
