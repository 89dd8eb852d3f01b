"""Where on the canvas a performer's face is mended (Chan et al. 2019, "Face GAN"; docs/method.md, section 5).

Shapes: T frames. A face's square has one size for a performer, as their network needs one.
"""

from typing import Final

import numpy as np

from choreograft.config import FaceConfig, StickFigureConfig
from choreograft.performer.region import Region
from choreograft.pose.head import face_centre
from choreograft.pose.track import PoseTrack
from choreograft.retarget.normalise import Stance

LEAST_BLOCKS: Final = 2
"""The fewest px that the innermost layers need each way, as they are padded by reflection."""


def face_side(stance: Stance, config: FaceConfig) -> int:
    """Side of the square about the face, canvas px: a share of the person's upright height.

    A multiple of what the network asks for, and no longer than the canvas is wide and high.
    """
    step = config.generator.step
    blocks = max(LEAST_BLOCKS, round(config.box * stance.upright_height_px / step))
    return int(step * min(blocks, min(stance.size) // step))


def find_faces(track: PoseTrack, side: int, config: StickFigureConfig) -> list[Region | None]:
    """T squares of `side` px about the face, on the canvas; None where no face is seen.

    A point of the face counts as seen where the stick figure shows it. What lies off the picture is not mended, nor is
    a head that is turned away.

    Args:
        track: in canvas pixels.
    """
    centres = face_centre(track, config.body_threshold)
    with np.errstate(invalid="ignore"):  # NaN lies nowhere
        inside = np.all((centres >= 0) & (centres <= np.asarray(track.size)), axis=-1)
    return [
        Region.square(centre, side, track.size) if shown else None
        for centre, shown in zip(centres, inside.tolist(), strict=True)
    ]
