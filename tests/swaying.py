"""A tiny target: a coloured bar that sways before a ramp, with the pose that belongs to it."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from choreograft.config import (
    DiscriminatorConfig,
    EnhancerConfig,
    FaceConfig,
    GeneratorConfig,
    LossConfig,
    OptimiserConfig,
    StickFigureConfig,
    TrainingStage,
)
from choreograft.footage.clip import Clip
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack, empty_arrays
from choreograft.presets import Preset
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter

SIZE = Size(64, 96)
RATE = Fraction(24)

FIGURE = {
    "NOSE": (0, -34), "LEFT_EYE": (2, -36), "RIGHT_EYE": (-2, -36), "LEFT_EAR": (4, -35), "RIGHT_EAR": (-4, -35),
    "LEFT_SHOULDER": (7, -26), "RIGHT_SHOULDER": (-7, -26), "LEFT_ELBOW": (10, -14), "RIGHT_ELBOW": (-10, -14),
    "LEFT_WRIST": (11, -3), "RIGHT_WRIST": (-11, -3), "LEFT_HIP": (5, 0), "RIGHT_HIP": (-5, 0),
    "LEFT_KNEE": (5, 18), "RIGHT_KNEE": (-5, 18), "LEFT_ANKLE": (5, 36), "RIGHT_ANKLE": (-5, 36),
}  # fmt: skip
"""Joints around the hips, px."""

PRESET = Preset(
    name="tiny", description="for tests", height_px=96, minutes=1, background="plate", perceptual="none",
    generator=GeneratorConfig(base_channels=8, downsamplings=2, residual_blocks=2),
    discriminator=DiscriminatorConfig(scales=2, base_channels=8, layers=2),
    losses=LossConfig(pixel=10.0, matte=2.0), stick_figure=StickFigureConfig(supersample_to=96),
)  # fmt: skip
"""Small enough to learn in seconds."""
FACE_PRESET = replace(
    PRESET, name="tiny-face", stages=(TrainingStage("global", 0.5), TrainingStage("face", 0.5)),
    face=FaceConfig(
        generator=GeneratorConfig(base_channels=8, downsamplings=2, residual_blocks=2),
        discriminator=DiscriminatorConfig(scales=1, base_channels=8, layers=2),
        losses=LossConfig(feature_matching=0, perceptual=0, pixel=10), optimiser=OptimiserConfig(learning_rate=4e-4),
    ),
)  # fmt: skip
"""The same, then a face of 24 px."""
ENHANCED_PRESET = replace(
    FACE_PRESET, name="tiny-enhanced",
    stages=(TrainingStage("global", 1.0), TrainingStage("local", 1.0), TrainingStage("face", 1.0)),
    enhancer=EnhancerConfig(residual_blocks=1, losses=LossConfig(pixel=20.0, matte=2.0)),
)  # fmt: skip
"""The same with a generator of 48 px and its enhancer."""


def swaying_track(frames: int, missing: tuple[int, ...] = ()) -> PoseTrack:
    """A standing person who sways sideways; nobody is there in the frames named `missing`."""
    arrays = empty_arrays(frames)
    for t in range(frames):
        for name, (x, y) in FIGURE.items():
            arrays["xy"][t, getattr(skeleton, name)] = (32 + 8 * np.sin(t / 3) + x, 50 + y)
            arrays["score"][t, getattr(skeleton, name)] = 1
    present = np.ones(frames, bool)
    for t in missing:
        present[t], arrays["xy"][t], arrays["score"][t] = False, np.nan, 0
    blobs = [MaskSequence.pack(draw_target(arrays["xy"][t], present[t])[1], SIZE) for t in range(frames)]
    times = np.arange(frames) / float(RATE)
    return PoseTrack(SIZE, RATE, times, **arrays, present=present, masks=MaskSequence.from_blobs(SIZE, blobs))


def without_masks(track: PoseTrack, frames: Sequence[int]) -> PoseTrack:
    """The same track where no mask was found in some frames."""
    masks = track.masks
    blobs = [masks.packed[masks.starts[t] : masks.starts[t + 1] * (t not in frames)] for t in range(len(track))]
    return replace(track, masks=MaskSequence.from_blobs(masks.size, blobs))


def draw_target(xy: np.ndarray, present: bool) -> tuple[np.ndarray, np.ndarray]:
    """The frame (H, W, 3) and mask (H, W) of one pose: red trunk, blue legs."""
    frame = np.repeat(np.linspace(40, 200, SIZE.width).astype(np.uint8)[None, :, None], SIZE.height, 0).repeat(3, 2)
    mask = np.zeros((SIZE.height, SIZE.width), np.uint8)
    if present:
        centre = round(float(xy[skeleton.LEFT_HIP, 0] + xy[skeleton.RIGHT_HIP, 0]) / 2)
        for rows, colour in ((slice(12, 50), (210, 30, 40)), (slice(50, 90), (30, 50, 190))):
            frame[rows, centre - 9 : centre + 9] = colour
            mask[rows, centre - 9 : centre + 9] = 255
    return frame, mask


def write_target(path: Path, track: PoseTrack) -> Clip:
    """The clip that belongs to a track."""
    with VideoWriter(path, SIZE, RATE) as video:
        for t in range(len(track)):
            video.write(draw_target(track.xy[t], bool(track.present[t]))[0], t / RATE)
    return Clip(path, track)
