"""The camera of a clip: a pinhole above a flat floor, without roll, as the body fit finds it.

World axes (see the package): the lens stands at (0, 0, height), looks along +y and pitches about x.
Shapes: ... any leading axes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.video.size import Size

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FloorCamera:
    """Where a clip was filmed from, in the metres of its body."""

    size: Size
    """Of its pictures, px; the optical axis meets them in the middle."""
    focal_px: float
    height_m: float
    """Of the lens above the floor."""
    pitch_deg: float = 0.0
    """How far it looks down."""

    @property
    def position(self) -> Array:
        """(3,) m, world axes."""
        return np.array([0.0, 0.0, self.height_m])

    @property
    def axes(self) -> Array:
        """(3, 3) rows: the picture's x, its y (down) and the viewing direction, in world axes."""
        sine, cosine = np.sin(np.deg2rad(self.pitch_deg)), np.cos(np.deg2rad(self.pitch_deg))
        return np.array([[1.0, 0.0, 0.0], [0.0, -sine, -cosine], [0.0, cosine, -sine]])

    def place(self, points: NDArray[Any]) -> Array:
        """World points (..., 3) in the camera's axes: x right, y down, z away, m from the lens."""
        return np.asarray((points - self.position) @ self.axes.T)

    def project(self, points: NDArray[Any]) -> Array:
        """World points (..., 3) to pixels (..., 2); NaN stays NaN."""
        x, y, z = np.moveaxis(self.place(points), -1, 0)
        middle = np.asarray(self.size) / 2
        return np.stack([middle[0] + self.focal_px * x / z, middle[1] + self.focal_px * y / z], axis=-1)

    def resized(self, size: Size, scale: float) -> "FloorCamera":
        """The same camera whose pictures are scaled by `scale` onto the middle of pictures of another size."""
        return FloorCamera(size, self.focal_px * scale, self.height_m, self.pitch_deg)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        return asdict(self) | {"size": list(self.size)}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> "FloorCamera":
        """What `as_dict` wrote; unknown or missing fields raise TypeError or KeyError."""
        return FloorCamera(**{**content, "size": Size.checked(content["size"])})
