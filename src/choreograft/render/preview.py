"""See a dance before it is rendered: the target's body doing the source's motion, and the fits it all rests on.

A preview needs no performer and no training: two fitted bodies and a picture of the target's background.

Shapes: H, W pixels; N pictures. Pictures are RGB uint8 (H, W, 3).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.config import PreviewConfig
from choreograft.performer.plate import estimate_still_plate
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.render.body_drawing import BodyPainter
from choreograft.video.read import Frame, probe, read_frames
from choreograft.video.sample import sample_frames
from choreograft.video.sheet import save_picture, scale_to_height, tile_pictures
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter

Picture = NDArray[np.uint8]
Indices = NDArray[np.intp]


def write_preview(
    source: Path,
    source_body: BodyTrack,
    result: BodyTrack,
    plate: Picture,
    output: Path,
    progress: Progress = silent,
    config: PreviewConfig | None = None,
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
    config = PreviewConfig() if config is None else config
    info, stage = probe(source), scale_to_height(plate, config.height_px)
    painter = BodyPainter.of(result.shape, config)
    width = _width_at(info.size, config.height_px)
    size = Size(width + stage.shape[1], config.height_px)
    with (
        VideoWriter(output, size, info.rate, sound_from=source, time_base=info.time_base) as video,
        progress.task("Previewing", len(result)) as advance,
    ):
        bodies = zip(source_body.skin(), result.skin(), strict=True)
        for frame, (fitted, carried) in zip(_read_ahead(read_frames(source)), bodies, strict=True):
            t = frame.index
            left, right = scale_to_height(frame.image, config.height_px), stage
            if source_body.present[t]:
                left = painter.draw(left, fitted, source_body.camera, config.opacity)
            if result.present[t]:
                right = painter.draw(right, carried, result.camera)
            video.write(np.concatenate([left, right], axis=1), frame.time, frame.duration)
            advance(t + 1)


def render_body_overlay(
    video: Path, body: BodyTrack, at: Indices | None = None, config: PreviewConfig | None = None
) -> list[Picture]:
    """Some frames of a clip with the body that was fitted to it half transparent over them.

    Args:
        at: which frames, increasing; `choose_columns` of the body unless given.
    Returns:
        A picture of the preview's height for each of them.
    Raises:
        VideoError: the video cannot be read.
    """
    config = PreviewConfig() if config is None else config
    at = choose_columns(body, config) if at is None else at
    painter, pictures = BodyPainter.of(body.shape, config), _read_scaled(video, at, config.height_px)
    return [
        painter.draw(picture, vertices, body.camera, config.opacity) if body.present[t] else picture
        for t, picture, vertices in zip(at, pictures, body.skin(at), strict=True)
    ]


def render_on_plate(
    body: BodyTrack, plate: Picture, at: Indices | None = None, config: PreviewConfig | None = None
) -> list[Picture]:
    """Some frames of a retargeted body over the target's background, as `write_preview` shows them on the right."""
    config = PreviewConfig() if config is None else config
    at = choose_columns(body, config) if at is None else at
    painter, stage = BodyPainter.of(body.shape, config), scale_to_height(plate, config.height_px)
    return [
        painter.draw(stage, vertices, body.camera) if body.present[t] else stage
        for t, vertices in zip(at, body.skin(at), strict=True)
    ]


def save_overlay_sheet(
    path: Path,
    source: tuple[Path, BodyTrack],
    target: tuple[Path, BodyTrack] | None,
    result: BodyTrack,
    plate: Picture,
    config: PreviewConfig | None = None,
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
    config = PreviewConfig() if config is None else config
    moments = choose_columns(result, config)
    rows = [render_body_overlay(*source, moments, config)]
    if target is not None:
        rows.append(render_body_overlay(*target, config=config))
    rows.append(render_on_plate(result, plate, moments, config))
    save_picture(tile_pictures(rows), path)


def estimate_target_plate(
    video: Path, track: PoseTrack, config: PreviewConfig | None = None, absent_is_empty: bool = True
) -> Picture:
    """The background of a target's clip at the preview's height, (H, W, 3); see `performer.plate.estimate_still_plate`.

    Args:
        track: of the clip's person. Without masks nobody is taken out, only what the median drops.
        absent_is_empty: whether frames without the person show the background; not where keypoints left them out.
    Raises:
        VideoError: the video cannot be read.
    """
    config = PreviewConfig() if config is None else config
    early = _within(track.time_s, config)
    clear = early[(track.masked | (~track.present & absent_is_empty))[early]]
    at = _spread(clear if track.masks is not None and len(clear) else early, config.plate_frames)
    pictures = np.stack(list(_read_scaled(video, at, config.height_px)))
    size = Size(pictures.shape[2], pictures.shape[1])
    masks = np.zeros(pictures.shape[:3], np.uint8)
    if track.masks is not None:
        masks = np.stack([_resized(track.masks[int(t)], size) for t in at])
    return estimate_still_plate(pictures, masks)


def choose_columns(body: BodyTrack, config: PreviewConfig) -> Indices:
    """Frames spread evenly over those in which the person is present, increasing; all frames where nobody ever is."""
    early = _within(body.time_s, config)
    present = early[body.present[early]]
    return _spread(present if len(present) else early, config.columns)


def _read_scaled(video: Path, at: Indices, height_px: int) -> Iterator[Picture]:
    return (scale_to_height(image, height_px) for image in sample_frames(video, at))


def _read_ahead(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The same frames, the next one always being decoded while the last one is worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = reader.submit(next, frames, None)
            yield frame


def _within(time_s: NDArray[np.float64], config: PreviewConfig) -> Indices:
    """The frames, from the first on, that a preview looks at."""
    return np.flatnonzero(time_s <= config.looked_at_s)


def _spread(frames: Indices, count: int) -> Indices:
    """Up to `count` of increasing frames, the first and the last among them."""
    return frames[np.unique(np.linspace(0, len(frames) - 1, min(len(frames), count)).round().astype(np.intp))]


def _width_at(size: Size, height_px: int) -> int:
    """The width that `scale_to_height` gives a picture of this size."""
    return size.width if size.height == height_px else max(1, round(size.width * height_px / size.height))


def _resized(mask: Picture, size: Size) -> Picture:
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
