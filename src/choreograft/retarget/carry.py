"""A source's track in the target's picture, by the best means that both clips allow.

One call for all who draw or judge. In 3D (body.py) it needs a body fitted to the source and the target's stage; without
them, or where the user asks for it, it is the paper's global normalisation (normalise.py).
"""

from dataclasses import dataclass

from choreograft.body.track import BodyTrack
from choreograft.config import NormalisationConfig
from choreograft.pose.track import PoseTrack
from choreograft.retarget.body import BodyStage, retarget_body, to_pose_track
from choreograft.retarget.normalise import map_to_target
from choreograft.retarget.stance import Stance


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
