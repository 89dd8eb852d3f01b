"""See a dance before it is rendered: the target's body doing the source's motion, and the fits it all rests on.

A preview needs no performer and no training: two fitted bodies and a picture of the target's background. Bodies are
shaded like clay, tinted so that left, right and back can be told. Tracks drawn over their video show whether a person
was followed well.

Shapes: H, W pixels; N pictures; F triangles; V vertices; k samples a pixel in each direction. Pictures are RGB uint8
(H, W, 3).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack, FloorCamera
from choreograft.body.shape import BodyShape
from choreograft.body.surface import PARTS, Mesh, SurfaceMap, render_surface
from choreograft.performer.plate import choose_evenly, estimate_still_plate
from choreograft.performer.region import Region
from choreograft.pose.draw import overlay_pose
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, run_ahead, silent
from choreograft.video.read import probe, read_frames, sample_frames
from choreograft.video.size import Canvas, Size, save_picture, scale_to_height, tile_pictures, width_at
from choreograft.video.write import VideoWriter

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Indices = NDArray[np.intp]

HEIGHT_PX: Final = 360
"""Of the preview and of the sheet's pictures: a retarget can be judged at it, and an 11 s dance takes seconds."""
SAMPLES: Final = 2
"""Of a pixel in each direction where a body is drawn, so that edges come out smooth."""
OPACITY: Final = 0.6
"""Of a body over the person it was fitted to."""
COLUMNS: Final = 8
"""Of the sheet."""
PLATE_FRAMES: Final = 24
"""That a target's background is estimated from where no performer knows it."""
LOOKED_AT_S: Final = 30.0
"""Of a target's clip: longer ones are not read to their end, so that a preview stays a matter of seconds."""
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

    @staticmethod
    def of(shape: BodyShape) -> "BodyPainter":
        """The painter for bodies of this shape; takes a fifth of a second."""
        body = shape.build()
        mesh = Mesh.of(body)
        corners = body.vertices[body.faces]
        ahead = -np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]  # at rest, facing -y
        return BodyPainter(mesh, colour_parts(mesh.face_part.numpy(), ahead > 0))

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
        size = Size.of(image)
        fine = Size(size.width * SAMPLES, size.height * SAMPLES)
        seen = camera.resized(fine, Canvas(camera.size, size).scale * SAMPLES)
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
    box = Region.covering(np.asarray(surface.covered.numpy().reshape(H, k, W, k).any(axis=(1, 3))))
    if box is None:
        return drawn
    fine = Region(box.top * k, box.left * k, box.height * k, box.width * k).at
    layer = _shade(surface.face.numpy()[fine], surface.normal.numpy()[fine], colours)
    layer = np.asarray(cv2.resize(layer, (box.width, box.height), interpolation=cv2.INTER_AREA), np.float32)
    beneath = image[box.at].astype(np.float32)
    mixed = beneath * (1 - opacity * layer[..., 3:]) + opacity * layer[..., :3]
    drawn[box.at] = mixed.round().clip(0, 255).astype(np.uint8)
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


def write_preview(
    source: Path, source_body: BodyTrack, result: BodyTrack, plate: Picture, output: Path, progress: Progress = silent
) -> None:
    """Write a video of the source with its fitted body over it and, to its right, the retargeted body on the plate.

    One frame for every source frame, at its time, with the source's sound. Streams: memory does not grow. Where
    nobody is present no body is drawn.

    Args:
        source: the video that `source_body` was fitted to, frame by frame.
        result: `source_body` retargeted: as many frames, with the target's shape and camera.
        plate: the target's empty background, (H, W, 3), of any size; the result's camera is laid onto it.
        output: an MP4 or its like.
    Raises:
        VideoError: the source cannot be read.
        OptionError, OutputError: the output cannot be written.
    """
    info, stage = probe(source), scale_to_height(plate, HEIGHT_PX)
    painter = BodyPainter.of(result.shape)
    width = width_at(info.size, HEIGHT_PX)
    size = Size(width + stage.shape[1], HEIGHT_PX)
    with (
        VideoWriter(output, size, info.rate, sound_from=source, time_base=info.time_base) as video,
        progress.task("Previewing", len(result)) as advance,
    ):
        bodies = zip(source_body.skin(), result.skin(), strict=True)
        for frame, (fitted, carried) in zip(run_ahead(read_frames(source), "frames"), bodies, strict=True):
            t = frame.index
            left, right = scale_to_height(frame.image, HEIGHT_PX), stage
            if source_body.present[t]:
                left = painter.draw(left, fitted, source_body.camera, OPACITY)
            if result.present[t]:
                right = painter.draw(right, carried, result.camera)
            video.write(np.concatenate([left, right], axis=1), frame.time, frame.duration)
            advance(t + 1)


def render_body_overlay(video: Path, body: BodyTrack, at: Indices | None = None) -> list[Picture]:
    """Some frames of a clip with the body that was fitted to it half transparent over them.

    Args:
        at: which frames, increasing; `choose_columns` of the body unless given.
    Returns:
        A picture of the preview's height for each of them.
    Raises:
        VideoError: the video cannot be read.
    """
    at = choose_columns(body) if at is None else at
    return _draw_over(body, _read_scaled(video, at), at, OPACITY)


def render_on_plate(body: BodyTrack, plate: Picture, at: Indices) -> list[Picture]:
    """Some frames of a retargeted body over the target's background, as `write_preview` shows them on the right."""
    return _draw_over(body, [scale_to_height(plate, HEIGHT_PX)] * len(at), at, 1.0)


def _draw_over(body: BodyTrack, pictures: Iterable[Picture], at: Indices, opacity: float) -> list[Picture]:
    painter = BodyPainter.of(body.shape)
    return [
        painter.draw(picture, vertices, body.camera, opacity) if body.present[t] else picture
        for t, picture, vertices in zip(at, pictures, body.skin(at), strict=True)
    ]


def save_overlay_sheet(
    path: Path, source: tuple[Path, BodyTrack], target: tuple[Path, BodyTrack] | None, result: BodyTrack, plate: Picture
) -> None:
    """A contact sheet: the source with its body, the target with its body, and the result on the plate.

    The first and the last row show the same moments, those of the dance.

    Args:
        path: a PNG, or any picture that OpenCV knows by its suffix.
        source: a video and the body fitted to it.
        target: likewise; its row is left out where None, as for a performer file whose clips are not at hand.
        result: the source's body retargeted. plate: see `write_preview`.
    Raises:
        VideoError: a video cannot be read.
    """
    moments = choose_columns(result)
    rows = [render_body_overlay(*source, moments)]
    if target is not None:
        rows.append(render_body_overlay(*target))
    rows.append(render_on_plate(result, plate, moments))
    save_picture(tile_pictures(rows), path)


def estimate_target_plate(video: Path, track: PoseTrack, absent_is_empty: bool = True) -> Picture:
    """The background of a target's clip at the preview's height, (H, W, 3); see `performer.plate.estimate_still_plate`.

    Args:
        track: of the clip's person. Without masks nobody is taken out, only what the median drops.
        absent_is_empty: whether frames without the person show the background; not where keypoints left them out.
    Raises:
        VideoError: the video cannot be read.
    """
    early = _within(track.time_s)
    clear = early[(track.masked | (~track.present & absent_is_empty))[early]]
    shown = clear if track.masks is not None and len(clear) else early
    at = shown[choose_evenly(len(shown), PLATE_FRAMES)]
    pictures = np.stack(list(_read_scaled(video, at)))
    masks, size = np.zeros(pictures.shape[:3], np.uint8), Size.of(pictures[0])
    if track.masks is not None:
        smaller = [cv2.resize(track.masks[int(t)], size, interpolation=cv2.INTER_AREA) for t in at]
        masks = np.stack(smaller).astype(np.uint8)
    return estimate_still_plate(pictures, masks)


def choose_columns(body: BodyTrack) -> Indices:
    """Frames spread evenly over those in which the person is present, increasing; all frames where nobody ever is."""
    early = _within(body.time_s)
    present = early[body.present[early]]
    shown = present if len(present) else early
    return shown[choose_evenly(len(shown), COLUMNS)]


def _read_scaled(video: Path, at: Indices) -> Iterator[Picture]:
    return (scale_to_height(image, HEIGHT_PX) for image in sample_frames(video, at))


def _within(time_s: NDArray[np.float64]) -> Indices:
    """The frames, from the first on, that a preview looks at."""
    return np.flatnonzero(time_s <= LOOKED_AT_S)


def render_overlay(video: Path, track: PoseTrack, output: Path, progress: Progress = silent) -> None:
    """Write `video`, darkened, with the poses of its track drawn over it, at its own size, rate and sound."""
    info = probe(video)
    with (
        VideoWriter(output, info.size, info.rate, sound_from=video, time_base=info.time_base) as writer,
        progress.task("Drawing", len(track)) as advance,
    ):
        for frame in read_frames(video):
            t = frame.index
            image = overlay_pose(frame.image, track.xy[t], track.score[t] * track.present[t], track.depth[t])
            writer.write(image, frame.time, frame.duration)
            advance(t + 1)
