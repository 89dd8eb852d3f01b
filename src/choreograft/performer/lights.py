"""One light for all clips of a person: cameras set exposure and white balance anew for each, and a picture that is put
together from several shows every seam.

The same place of the same body's surface tells how the light of one clip becomes that of another. Shapes: M frames of
h x w pixels, V vertices.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.body.surface import Mesh
from choreograft.performer.atlas import draw_body, project, rate_vertices, view_cosines
from choreograft.performer.colours import AGREEMENT_SEEN, sample_blurred
from choreograft.performer.shutter import clip_ends
from choreograft.video.size import Size

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]
AS_FILMED: Final = np.eye(3, 4, dtype=np.float32)
"""The light that changes nothing."""
LOOKS: Final = 24
"""Frames of a clip that are looked at."""
LEAST_LOOKS: Final = 3
"""In which a vertex must be seen."""
LEAST_VERTICES: Final = 500
"""That must be seen in both clips."""
ROUNDS: Final = 20
"""Of weighing vertices anew by how far off they are."""
LEVELS_OFF: Final = 15.0
"""Of 255, at which a vertex counts for half: clothes that lie otherwise, or other ones."""
HELD: Final = (4.0, 4.0, 4.0, 0.02)
"""How much the colours say against a light that changes nothing: where they hardly vary, they say little."""
GAINS: Final = (0.5, 2.0)
"""Of each channel; more is not light."""
BETTER: Final = 0.9
"""Of the median difference, that a light at most leaves; what is left is folds and shadows."""


def match_lights(frames: Pictures, masks: Pictures, bodies: Sequence[BodyTrack]) -> Floats:
    """What brings the colours of each clip into the light of the first.

    Args:
        frames: (M, h, w, 3) RGB of all clips, one after the other. masks: (M, h, w) 255 = person. bodies: of these
            frames, one track a clip, in their pixels.
    Returns:
        (clips, 3, 4) for `relight`; `AS_FILMED` where too little of the surface is seen in both or the clips differ by
        more than light.
    Raises:
        DependencyError: warp-lang is not installed.
    """
    clips = (np.split(maps, clip_ends(bodies)) for maps in (frames, masks))
    first, *others = [_usual_colours(*clip) for clip in zip(*clips, bodies, strict=True)]
    return np.stack([AS_FILMED, *(fit_light(colours, first) for colours in others)])


def relight(picture: Pictures, light: Floats) -> Pictures:
    """A picture (h, w, 3) in another light (3, 4): what each channel becomes of all three, and an offset."""
    return picture if np.array_equal(light, AS_FILMED) else np.asarray(cv2.transform(picture, light), dtype=np.uint8)


def fit_light(theirs: Floats, ours: Floats) -> Floats:
    """(3, 4) how colours (V, 3) become others of the same things (V, 3), NaN where unknown.

    Least squares, weighed anew by what is left (Holland & Welsch 1977, with Cauchy's weights): exposure, white balance
    and saturation in one. `AS_FILMED` where that explains little.
    """
    known = np.isfinite(theirs).all(axis=1) & np.isfinite(ours).all(axis=1)
    if np.count_nonzero(known) < LEAST_VERTICES:
        return AS_FILMED
    given = np.column_stack([theirs[known], np.ones(np.count_nonzero(known))]).astype(np.float64)
    change, weight = ours[known] - theirs[known], np.ones((len(given), 1))
    held = np.diag(np.square(HELD)) * len(given)
    for _ in range(ROUNDS):
        by = np.linalg.solve(given.T @ (given * weight) + held * weight.mean(), given.T @ (change * weight))
        off = np.linalg.norm(change - given @ by, axis=1)
        weight = 1 / (1 + np.square(off / LEVELS_OFF)[:, None])
    light = AS_FILMED + by.T.astype(np.float32)
    gains = np.diag(light)
    fits = np.median(off) <= BETTER * np.median(np.linalg.norm(change, axis=1))
    return light if fits and GAINS[0] <= gains.min() and gains.max() <= GAINS[1] else AS_FILMED


def _usual_colours(frames: Pictures, masks: Pictures, body: BodyTrack) -> Floats:
    """(V, 3) the median colour of each vertex over some frames, NaN where hardly any shows it."""
    shape = body.shape.build()
    size = Size(frames.shape[2], frames.shape[1])
    shown = np.flatnonzero(body.present & masks.any(axis=(1, 2)))
    looked = shown[np.unique(np.linspace(0, len(shown) - 1, LOOKS).astype(int))] if len(shown) else shown
    seen = []
    for n, surface in zip(looked, draw_body(body, Mesh.of(shape), size, looked), strict=True):
        xy = project(surface.vertices, surface.focal_px, size)
        frame, mask = (torch.from_numpy(np.array(maps[n])) for maps in (frames, masks))
        quality = rate_vertices(surface, xy, view_cosines(surface), mask)
        colours = sample_blurred(frame, xy)
        colours[quality < AGREEMENT_SEEN] = torch.nan
        seen.append(colours)
    if len(seen) < LEAST_LOOKS:
        return np.full((len(shape.vertices), 3), np.nan, np.float32)
    known = torch.stack(seen)
    usual = known.nanmedian(dim=0).values
    usual[(~known[..., 0].isnan()).sum(0) < LEAST_LOOKS] = torch.nan
    return usual.numpy()
