"""Real faces of the target, for likening a result's face where no true video shows it in the same pose.

Shapes: N faces of the gallery, M others, C numbers that describe one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics.faces import FaceLikeness, FacePlaces, Features, Image
from choreograft.evaluate.metrics.regions import find_boxes
from choreograft.evaluate.metrics.tools import Tools
from choreograft.training.recording import Clip
from choreograft.video.read import read_frames

LIMIT: Final = 64
"""Faces of a gallery, spread over the clip: enough for every pose of the head that it shows."""
_CLOSEST: Final = 3
"""Faces of a gallery that a face is likened to, those in about its pose; not one alone, which may be blurred."""


@dataclass(frozen=True)
class FaceGallery:
    """Faces of one person, described."""

    features: Features
    """(N, C) of length 1, N > 0."""

    @staticmethod
    def from_clip(clip: Clip, tools: Tools, limit: int = LIMIT) -> "FaceGallery | None":
        """Up to `limit` faces of a clip of the target; None where it shows no face, or nothing can describe one.

        Raises:
            VideoError: the clip cannot be read.
        """
        shown = [t for t, box in enumerate(find_boxes(clip.track, clip.track.size)["face"]) if box is not None]
        if tools.faces is None or not shown:
            return None
        chosen = {shown[i] for i in np.linspace(0, len(shown) - 1, min(limit, len(shown))).astype(int)}
        places = FacePlaces.find(clip.track)
        faces = [places.cut(frame.image, frame.index) for frame in read_frames(clip.path) if frame.index in chosen]
        return FaceGallery(_describe(faces, tools.faces, tools.batch))

    def likeness(self, features: Features) -> NDArray[np.float64]:
        """(M,) for M faces (M, C): the mean over the three of the gallery that each is most like."""
        closest = min(_CLOSEST, len(self.features))
        alike = np.sort(features @ self.features.T, axis=1)
        return np.asarray(alike[:, -closest:].mean(axis=1), dtype=np.float64)


def _describe(faces: Sequence[Image], likeness: FaceLikeness, batch: int) -> Features:
    return np.concatenate([likeness.describe(faces[at : at + batch]) for at in range(0, len(faces), batch)])
