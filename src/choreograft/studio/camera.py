"""A pinhole camera in the studio.

Shapes: ... any leading axes. Stage axes in, pixels out (docs/conventions.md, "Pixels").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choreograft.video.size import Size

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Looks at the vertical line over the performer's spot, the stage's origin, without roll."""

    size: Size
    """Of its pictures, px."""
    height_m: float
    """Of the lens above the floor."""
    distance_m: float
    """From the performer's spot."""
    view_m: float
    """How much height it sees at the performer's spot."""
    pitch_deg: float = 0.0
    """How far it looks down."""
    azimuth_deg: float = 0.0
    """How far it has walked around the performer's spot: 0 in front, positive towards +x, a performer's left."""

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.size.height * self.distance_m / self.view_m

    @property
    def position(self) -> Array:
        """(3,) m, stage axes."""
        return np.asarray(self._walk @ [0.0, -self.distance_m, self.height_m])

    @property
    def axes(self) -> Array:
        """(3, 3) rows: the picture's x, its y (down) and the viewing direction, in stage axes."""
        angle = np.deg2rad(self.pitch_deg)
        ahead = np.array([[1, 0, 0], [0, -np.sin(angle), -np.cos(angle)], [0, np.cos(angle), -np.sin(angle)]])
        return np.asarray(ahead @ self._walk.T)

    @property
    def _walk(self) -> Array:
        """(3, 3) the turn about the vertical that takes the place in front of the performer to the camera's."""
        cosine, sine = np.cos(np.deg2rad(self.azimuth_deg)), np.sin(np.deg2rad(self.azimuth_deg))
        return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])

    def place(self, points: Array) -> Array:
        """Stage points (..., 3) in the camera's axes: x right, y down, z away, m from the lens."""
        return np.asarray((points - self.position) @ self.axes.T)

    def project(self, points: Array) -> Array:
        """Stage points (..., 3) to pixels (..., 2); NaN stays NaN."""
        x, y, z = np.moveaxis(self.place(points), -1, 0)
        return np.stack(
            [self.size.width / 2 + self.focal_px * x / z, self.size.height / 2 + self.focal_px * y / z], axis=-1
        )
