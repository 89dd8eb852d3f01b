"""A render session: frames of a performer, one at a time, each conditioned on the one before.

Shapes: H x W pixels of the performer's canvas.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.errors import OptionError
from choreograft.performer.device import Compute
from choreograft.performer.images import to_image
from choreograft.performer.performer import Performer
from choreograft.performer.references import Atlas, part_turns
from choreograft.performer.warp import Warper
from choreograft.pose.draw import draw_track_frame
from choreograft.pose.track import PoseTrack
from choreograft.render.nearest import NearestFrames
from choreograft.retarget.carry import Motion


@dataclass(frozen=True)
class RenderedFrame:
    """One finished frame and the pose it was drawn from."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    stick: NDArray[np.uint8]
    """(H, W, 3) RGB; black where nobody is there."""


def render_frames(performer: Performer, motion: Motion, compute: Compute) -> Iterator[RenderedFrame]:
    """Draw every frame of a motion in the performer's canvas pixels; a frame without a person is the empty plate.

    Raises:
        OptionError: the performer draws bodies, and the motion has none.
    """
    renderer = performer.card.preset.renderer
    if renderer == "generator":
        return _generate(performer, motion.track, compute)
    return _warp(performer, motion, compute) if renderer == "warp" else _retrieve(performer, motion.track)


@torch.inference_mode()
def _generate(performer: Performer, track: PoseTrack, compute: Compute) -> Iterator[RenderedFrame]:
    """With the generator. The first person after an empty frame starts, as in training, from a zero image.

    Every frame is conditioned on the one directly before it, whatever the rate of the track and that of the footage
    which the generator learned from (measured in docs/method.md, section 4). At higher rates that frame lies closer
    than in training, which looks like a slow movement, and training knows those. The output of one training interval
    ago would make several videos that take turns, and one anchor for each interval jumps where the anchor changes. At
    lower rates, hidden frames in between would multiply the time for little.
    """
    plate = performer.plate.cpu()
    previous = performer.no_previous()
    for t in range(len(track)):
        if not track.present[t]:
            previous = performer.no_previous()
            yield _empty_frame(performer)
            continue
        conditioning = performer.staging.describe(track, t, plate).to(compute.device)
        with compute.autocast():
            drawn = performer(conditioning, previous)
        previous = drawn.frame
        yield RenderedFrame(to_image(drawn.frame[0]), to_image(conditioning.stick[0]))


@torch.inference_mode()
def _warp(performer: Performer, motion: Motion, compute: Compute) -> Iterator[RenderedFrame]:
    """From the references, over the body's surface (performer/warp.py)."""
    body = motion.body
    if body is None or performer.bank is None:
        raise OptionError(
            f"{performer.card.name} draws the target's body, and this motion has none; use another preset"
        )
    plate = (performer.plate + 1) * 127.5
    warper = Warper(Atlas.of(performer.bank, compute.device))
    turns = part_turns(body)
    for t, vertices in enumerate(body.skin()):
        if not motion.track.present[t]:
            warper.forget()
            yield _empty_frame(performer)
            continue
        camera = body.camera
        drawn = warper.draw(camera.place(vertices), turns[t], camera.focal_px, camera.size).over(plate)
        yield RenderedFrame(to_image(drawn / 127.5 - 1), _draw_stick(performer, motion.track, t))


def _retrieve(performer: Performer, track: PoseTrack) -> Iterator[RenderedFrame]:
    """The reference in the most similar pose (render/nearest.py)."""
    assert performer.bank is not None
    nearest = NearestFrames.of_bank(performer.bank, to_image(performer.plate))
    for t, image in enumerate(nearest.draw(track)):
        yield RenderedFrame(image, _draw_stick(performer, track, t)) if track.present[t] else _empty_frame(performer)


def _draw_stick(performer: Performer, track: PoseTrack, t: int) -> NDArray[np.uint8]:
    return draw_track_frame(track, t, performer.card.preset.stick_figure)


def _empty_frame(performer: Performer) -> RenderedFrame:
    empty = to_image(performer.plate)
    return RenderedFrame(empty, np.zeros_like(empty))
