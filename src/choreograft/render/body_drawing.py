"""Drawing a body over a picture: shaded like clay, tinted so that its left, its right and its back can be told.

Shapes: H, W pixels; F triangles; V vertices; k samples a pixel in each direction.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.camera import FloorCamera
from choreograft.body.parts import PARTS
from choreograft.body.shape import BodyShape
from choreograft.body.surface import Mesh, SurfaceMap, render_surface
from choreograft.config import PreviewConfig
from choreograft.video.size import Canvas, Size

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

LEFT: Final = (96, 150, 235)
"""RGB of the person's left limbs: blue."""
RIGHT: Final = (240, 150, 70)
"""Of the right ones: orange."""
FRONT: Final = (226, 224, 218)
"""Of head and trunk, seen from before."""
BACK: Final = (128, 126, 132)
"""Of head and trunk, seen from behind."""
_LIGHT: Final = (np.array([-0.4, -0.65, -0.9]) / np.linalg.norm([-0.4, -0.65, -0.9])).astype(np.float32)
"""Direction to the light, camera axes: from above, the picture's left and before the body."""
_AMBIENT: Final = 0.35
"""Brightness of what the light does not reach, as a share of what it meets squarely."""


@dataclass(frozen=True)
class BodyPainter:
    """Draws the bodies of one clip; bodies of all shapes have the same triangles and colours."""

    mesh: Mesh
    colours: Floats
    """(F, 3) RGB 0..255 of each triangle in full light."""
    samples: int
    """k: of a pixel in each direction, so that edges come out smooth."""

    @staticmethod
    def of(shape: BodyShape, config: PreviewConfig | None = None) -> "BodyPainter":
        """The painter for bodies of this shape; takes a fifth of a second."""
        body = shape.build()
        mesh = Mesh.of(body)
        corners = body.vertices[body.faces]
        ahead = -np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]  # at rest, facing -y
        return BodyPainter(
            mesh,
            colour_parts(mesh.face_part.numpy(), ahead > 0),
            (PreviewConfig() if config is None else config).samples,
        )

    def draw(self, image: Picture, vertices: Floats, camera: FloorCamera, opacity: float = 1.0) -> Picture:
        """A picture with a body over it.

        Args:
            image: (H, W, 3) RGB uint8: the camera's picture at any size.
            vertices: (V, 3) m, world axes, such as `BodyTrack.skin` yields.
            camera: whose pictures may have another size; they are laid onto `image` as a `Canvas` lays them.
            opacity: 0 leaves the picture as it is, 1 hides what is behind the body.
        Returns:
            (H, W, 3) RGB uint8, a new array.
        """
        size = Size(image.shape[1], image.shape[0])
        fine = Size(size.width * self.samples, size.height * self.samples)
        seen = camera.resized(fine, Canvas(camera.size, size).scale * self.samples)
        surface = render_surface(camera.place(vertices), self.mesh, seen.focal_px, fine)
        return draw_body(image, surface, self.colours, opacity)


def colour_parts(face_part: NDArray[np.integer], faces_ahead: NDArray[np.bool_]) -> Floats:
    """RGB (F, 3), 0..255, from part labels (F,) and whether a triangle faces ahead while the body is at rest (F,)."""
    limbs = np.array([{"left": LEFT, "right": RIGHT}.get(name.split("_")[0], FRONT) for name in PARTS], np.float32)
    trunk = np.array([not name.startswith(("left_", "right_")) for name in PARTS])
    colours = limbs[face_part]
    colours[trunk[face_part] & ~faces_ahead] = BACK
    return np.asarray(colours, np.float32)


def draw_body(image: Picture, surface: SurfaceMap, colours: Floats, opacity: float) -> Picture:
    """Lay a body over a picture as shaded clay: Lambert's cosine law, one light and some ambient light.

    Args:
        image: (H, W, 3) RGB uint8.
        surface: (k H, k W): k samples a pixel in each direction are averaged, so that k > 1 gives smooth edges.
        colours: (F, 3) RGB 0..255 of the mesh's triangles.
        opacity: 0..1.
    Returns:
        (H, W, 3) RGB uint8, a new array.
    Raises:
        ValueError: the surface's sides are no whole multiples of the picture's.
    """
    H, W = image.shape[:2]
    k = surface.size.height // H
    if surface.size != Size(k * W, k * H) or k == 0:
        raise ValueError(f"found a surface of {surface.size}; expected a whole multiple of the picture's {Size(W, H)}")
    drawn = image.copy()
    window = _find_window(surface.face.numpy() >= 0, k)
    if window is None:
        return drawn
    rows, columns = window
    fine = slice(rows.start * k, rows.stop * k), slice(columns.start * k, columns.stop * k)
    layer = _shade(surface.face.numpy()[fine], surface.normal.numpy()[fine], colours)
    shape = (columns.stop - columns.start, rows.stop - rows.start)
    layer = np.asarray(cv2.resize(layer, shape, interpolation=cv2.INTER_AREA), np.float32)
    beneath = image[rows, columns].astype(np.float32)
    mixed = beneath * (1 - opacity * layer[..., 3:]) + opacity * layer[..., :3]
    drawn[rows, columns] = mixed.round().clip(0, 255).astype(np.uint8)
    return drawn


def _shade(face: NDArray[np.integer], normal: Floats, colours: Floats) -> Floats:
    """Clay (h, w, 4) of a window's faces (h, w) and normals (h, w, 3): colour times cover, and cover 0 or 1.

    In this form samples may be averaged. Only the body's own are worked on, about a third of the window.
    """
    at = np.flatnonzero(face >= 0)
    light = _AMBIENT + (1 - _AMBIENT) * np.maximum(normal.reshape(-1, 3).take(at, 0) @ _LIGHT, 0)
    layer = np.zeros((*face.shape, 4), np.float32)
    flat = layer.reshape(-1, 4)
    flat[at, :3] = colours.take(face.ravel().take(at), 0) * light[:, None]
    flat[at, 3] = 1
    return layer


def _find_window(covered: NDArray[np.bool_], k: int) -> tuple[slice, slice] | None:
    """Rows and columns of the picture, of k samples each, that hold all of the body; None where there is none."""
    if not covered.any():
        return None
    sides = (np.flatnonzero(covered.any(axis)) // k for axis in (1, 0))
    rows, columns = (slice(int(side[0]), int(side[-1]) + 1) for side in sides)
    return rows, columns
