"""How sharply a person's outline is drawn, compared with the truth.

Shapes: H x W pixels of the truth's own size, N points of an outline, K places along the normal at each.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from choreograft.evaluate.metrics.detail import MASK_LEVEL, draft_px, refuse_other_sizes

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

_REACH: Final = 4.0
"""How far a normal goes to either side, in draft pixels: masks are about this exact."""
_STEP_PX: Final = 0.5
"""Between two places along a normal."""
_SPACING_PX: Final = 2
"""Between two points of the outline."""
_NEIGHBOURS: Final = 8.0
"""Draft pixels of an outline whose normals are averaged: a ragged edge, sharp at every point, is wide on the whole."""
_CONTRAST: Final = 40.0
"""Distance of the colours inside and outside, in grey levels of three channels, from which there is an edge to see."""
_MIN_POINTS: Final = 16


def outline(result: Image, truth: Image, mask: Image) -> float:
    """How sharp the person's outline is, as a share of the truth's sharpness.

    The slope of an edge spread function (ISO 12233, the slanted edge): profiles across the outline, straightened along
    the truth's own edge, are averaged over a stretch of it; their steepest rise, over the truth's contrast, is the
    inverse of the transition's width. An edge that lies a pixel or two beside the truth's keeps its sharpness.

    Args:
        result, truth: (H, W, 3) RGB. mask: (H, W) of the true person, 255 = person.
    Returns:
        1 = as sharp as the truth, less = soft, ragged or missing, more = cut out harder than a lens does; NaN where the
        truth has too little contrast at its outline.
    Raises:
        ValueError: the three differ in size.
    """
    refuse_other_sizes(result, truth, mask)
    rises = [_compare_rises(result, truth, *line) for line in _trace(mask)]
    ours, true = (np.concatenate([np.zeros(0, np.float32), *(each[side] for each in rises)]) for side in (0, 1))
    return float(ours.mean() / true.mean()) if len(true) >= _MIN_POINTS else float("nan")


def _trace(mask: Image) -> list[tuple[Floats, Floats]]:
    """Each closed line about the person: points (N, 2), x and y as OpenCV counts them, and unit normals (N, 2) inward.

    The line is smoothed by a draft pixel; points within reach of the border are left out.
    """
    unit = draft_px(len(mask))
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), unit)
    slope = np.stack([cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)], axis=-1)
    contours, _ = cv2.findContours((soft >= MASK_LEVEL).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    lines = []
    for contour in contours:
        points = contour[::_SPACING_PX, 0]
        margin = np.minimum(points, np.array(mask.shape[::-1]) - 1 - points).min(axis=1)
        points = points[margin >= _REACH * unit]
        inward = slope[points[:, 1], points[:, 0]]
        length = np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-6)
        if len(points) >= _MIN_POINTS:
            lines.append((points.astype(np.float32), inward / length))
    return lines


def _compare_rises(result: Image, truth: Image, points: Floats, inward: Floats) -> tuple[Floats, Floats]:
    """The steepest rise of the result's and of the truth's mean profile about each point that has contrast.

    In contrasts a pixel.
    """
    unit = draft_px(len(truth))
    places = np.arange(-_REACH * unit, _REACH * unit, _STEP_PX).astype(np.float32)
    at = points[:, None] + places[:, None] * inward[:, None]
    colours, quarter = _sample(truth, at), len(places) // 4
    outside, within = colours[:, :quarter].mean(axis=1), colours[:, -quarter:].mean(axis=1)
    contrast = np.linalg.norm(within - outside, axis=1)
    across = (within - outside) / np.maximum(contrast, 1)[:, None] ** 2
    true, ours = (np.einsum("nkc,nc->nk", each - outside[:, None], across) for each in (colours, _sample(result, at)))
    edge, seen = _find_edge(true, unit), contrast >= _CONTRAST
    stretch = max(1, round(_NEIGHBOURS * unit / _SPACING_PX))
    steepest = [_steepest(_straighten(profiles, edge), seen, stretch) for profiles in (ours, true)]
    return steepest[0][seen], steepest[1][seen]


def _sample(picture: Image, at: Floats) -> Floats:
    """(N, K, 3) the colours at places (N, K, 2)."""
    return np.asarray(cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR), np.float32)


def _find_edge(profiles: Floats, unit: float) -> NDArray[np.intp]:
    """(N,) index of the steepest place in the middle half of each profile (N, K), smoothed along the outline."""
    quarter = profiles.shape[1] // 4
    smooth = cv2.GaussianBlur(profiles, (0, 0), sigmaX=1 / _STEP_PX, sigmaY=unit / 2)
    edge = np.gradient(smooth, axis=1)[:, quarter:-quarter].argmax(axis=1) + quarter
    return np.asarray(median_filter(edge, 5, mode="wrap"), np.intp)


def _straighten(profiles: Floats, edge: NDArray[np.intp]) -> Floats:
    """(N, K) profiles moved so that the truth's edge is in the middle; their ends repeat."""
    width = profiles.shape[1]
    places = edge[:, None] + np.arange(width) - width // 2
    return np.take_along_axis(profiles, np.clip(places, 0, width - 1), axis=1)


def _steepest(profiles: Floats, seen: NDArray[np.bool_], stretch: int) -> Floats:
    """(N,) the steepest rise over a pixel of the mean of those profiles (N, K) about each that are `seen`."""
    weight = seen.astype(np.float32)
    total = uniform_filter1d(profiles * weight[:, None], stretch, axis=0, mode="wrap")
    mean = total / np.maximum(uniform_filter1d(weight, stretch, mode="wrap"), 1 / stretch)[:, None]
    pixel = round(1 / _STEP_PX)
    return np.asarray((mean[:, pixel:] - mean[:, :-pixel]).max(axis=1), np.float32)
