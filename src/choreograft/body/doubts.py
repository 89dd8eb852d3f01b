"""Whether a fitted body can be believed: what lies well beyond all that good footage gives is told of.

Shapes: T frames, J = 23 joints of body and feet.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.lengths import LENGTHS
from choreograft.body.stance import measure_height_px
from choreograft.body.track import BodyTrack
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

SEEN: Final = 0.3
FARTHEST: Final = 90
"""Percentile of the distances that is looked at: one in ten joints is farther off."""
DOUBTFUL_MISS: Final = 0.08
"""That percentile, as a share of the person's height: good clips have 0.014 to 0.024, a drawn statue 0.040."""
HOPELESS_MISS: Final = 0.1
"""The median, which good clips have at 0.006 to 0.010: from here on the body has nothing to do with what is seen."""
LOWEST_M, HIGHEST_M = -0.5, 5.0
"""Of the lens above the floor; a stage may be filmed from its foot. Good clips have 0.6 to 2.1."""
STRANGE_LENGTH: Final = 0.22
"""By how much of itself a part may be longer or shorter than usual; in good clips none is by more than 0.14."""


def measure_misses(track: PoseTrack, body: BodyTrack) -> NDArray[np.float64]:
    """(T, J) how far the body's joints are from where they were tracked, in heights of the person; NaN where unseen."""
    joints = slice(0, skeleton.FEET.stop)
    seen = track.seen(SEEN)[:, joints] & track.present[:, None]
    shown = body.camera.project(body.points[:, joints].astype(np.float64))
    misses = np.linalg.norm(shown - track.xy[:, joints], axis=-1) / measure_height_px(track)
    return np.asarray(np.where(seen, misses, np.nan))


def find_doubts(name: str, track: PoseTrack, body: BodyTrack) -> str | None:
    """A sentence about a body that is hard to believe; None about all others.

    Args:
        name: of the video, for the sentence. track: cleaned. body: fitted to it.
    Raises:
        PersonError: it has nothing to do with what is seen.
    """
    misses = measure_misses(track, body)
    median, far = np.nanpercentile(misses, (50, FARTHEST)) if np.isfinite(misses).any() else (0.0, 0.0)
    if median > HOPELESS_MISS:
        raise PersonError(
            f"{name}: no body fits the person: half of the joints are {median:.0%} of the height or more beside where"
            " they are seen; film a real person, whole and clear"
        )
    doubts = []
    if far > DOUBTFUL_MISS:
        doubts.append(f"a tenth of the joints is {far:.0%} of the height or more beside where they are seen")
    height_m = body.camera.height_m
    if not LOWEST_M <= height_m <= HIGHEST_M:
        doubts.append(f"the camera is {abs(height_m):.1f} m {'below' if height_m < 0 else 'above'} the floor")
    part, longer = max(zip(LENGTHS, body.shape.lengths, strict=True), key=lambda item: abs(item[1]))
    if abs(longer) > STRANGE_LENGTH:
        way = "longer" if longer > 0 else "shorter"
        doubts.append(f"{part} {abs(longer):.0%} {way} than usual, as in a picture that was squeezed")
    if not doubts:
        return None
    found = "; ".join(doubts)
    return f"{name}: the body found in it is hard to believe: {found}; look at it with dance --preview-retarget"
