"""A source's track in the target's picture, by the best means that both clips allow.

One call for all who draw or judge. In 3D (body.py) it needs a body fitted to the source and the target's stage; without
them, or where the user asks for it, it is the paper's global normalisation (normalise.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from choreograft.body.body_track import BodyTrack
from choreograft.config import NormalisationConfig
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.body import BodyStage, retarget_body, to_pose_track
from choreograft.retarget.normalise import Stance, map_to_target

OUTSIDE: Final = 0.1
"""Share of the frames, from which on it is told that most of the person is not in them."""


@dataclass(frozen=True)
class Standing:
    """All that retargeting knows of the target, in the pixels of one picture."""

    stance: Stance
    stage: BodyStage | None
    """None where no body was fitted to the target's footage."""


@dataclass(frozen=True)
class Motion:
    """What is to be drawn, in the pixels of one picture."""

    track: PoseTrack
    body: BodyTrack | None = None
    """The target's body doing it, of the same frames; None where nobody knows it."""


def carry_over(track: PoseTrack, body: BodyTrack | None, target: Standing) -> Motion:
    """A cleaned source track where, and how, the target would do it.

    Args:
        track: in the source's pixels. body: fitted to it; None for the global normalisation.
    Returns:
        The same frames in the pixels of the target's picture, without masks; with a body where one was given.
    Raises:
        PersonError: without a body, where the two people show no common measure.
    """
    if body is not None and target.stage is not None:
        moved = retarget_body(body, target.stage)
        return Motion(to_pose_track(moved, body, track), moved)
    config = NormalisationConfig()
    return Motion(map_to_target(track, Stance.measure(track, config), target.stance, config))


def describe_absence(track: PoseTrack) -> str | None:
    """A sentence about somebody of whom most is outside of the picture; None about all others.

    Args:
        track: in the pixels of the picture that is asked for.
    """
    known = track.seen(float(np.finfo(np.float32).tiny))[:, : skeleton.FEET.start] & track.present[:, None]
    xy = track.xy[:, : skeleton.FEET.start]
    inside = known & (xy >= 0).all(-1) & (xy <= track.size).all(-1)
    shown = known.any(1)
    outside = float((inside.sum(1) < 0.5 * known.sum(1))[shown].mean()) if shown.any() else 0.0
    if outside <= OUTSIDE:
        return None
    return (
        f"most of the person is outside of the picture in {outside:.0%} of the frames: the source or the target"
        " lies, is turned, or is followed wrongly; look at both with --preview-retarget"
    )
