"""Whether a person has the fine detail of a full-size truth: how much of it inside, of what kind, how sharp an outline.

Fine is what a draft of 256 rows cannot hold. No measure of the inside asks that the detail lies where the truth's does,
so a shift of some pixels costs nothing; whether a person's parts are in their places is for other metrics to say.

Shapes: H x W pixels of the truth's own size, N points of an outline, K places along the normal at each.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from choreograft.evaluate.metrics.regions import MASK_LEVEL

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

DRAFT_HEIGHT_PX: Final = 256
"""Rows of a draft. One of its pixels is the unit of the lengths below."""
_FINE: Final = 0.375
"""Deviation of the Gaussian that takes the fine band off: it halves the finest wave that a draft can hold."""
_INSIDE: Final = 3.0
"""How far from the outline the inside begins: masks are about this exact, and the room must not count."""
_MIN_INSIDE: Final = 64.0
"""A smaller inside, in squared units, is too little to judge."""
_WINDOW: Final = 25
"""Side of the windows in which textures are compared: about a sleeve. The next real frame must look alike in them."""
_SILENCE: Final = 0.25
"""Grey levels of a band's deviation that are no detail: rounding, and an encoder's noise."""
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


def draft_px(height_px: int) -> float:
    """Pixels of a picture of that height that one pixel of a draft covers, along a side."""
    return height_px / DRAFT_HEIGHT_PX


def refuse_other_sizes(result: Image, truth: Image, mask: Image) -> None:
    """Raise ValueError unless all three are of one size."""
    if not result.shape[:2] == truth.shape[:2] == mask.shape:
        raise ValueError(f"result, truth and mask are {result.shape}, {truth.shape}, {mask.shape}; expected one size")


def detail(result: Image, truth: Image, mask: Image) -> float:
    """How much fine detail a result has inside the person, as a share of the truth's.

    The fine band is the luma less its Gaussian blur; its mean absolute value is compared.

    Args:
        result, truth: (H, W, 3) RGB. mask: (H, W) of the true person, 255 = person.
    Returns:
        1 = as much as the truth, less = blur, more = invented detail or noise; NaN where there is no inside.
    Raises:
        ValueError: the three differ in size.
    """
    ours, true, inside = _look_inside(result, truth, mask)
    if not inside.any():
        return float("nan")
    amounts = [float(np.abs(bands[0][inside]).mean(dtype=np.float64)) for bands in (ours, true)]
    return (amounts[0] + _SILENCE) / (amounts[1] + _SILENCE)


def texture(result: Image, truth: Image, mask: Image) -> float:
    """How like the truth's the fine texture inside the person is, without alignment.

    Zujovic, Pappas & Neuhoff 2013, "Structural Texture Similarity Metrics for Image Analysis and Retrieval", STSIM-1
    without its term of means, over two fine bands of the luma instead of a steerable pyramid: in every window the mean
    absolute value and the correlations with the neighbours across and below are compared, and the three likenesses
    multiplied.

    Args, raises:
        As `detail`.
    Returns:
        0..1, 1 = alike; NaN where there is no inside.
    """
    ours, true, inside = _look_inside(result, truth, mask)
    if not inside.any():
        return float("nan")
    unit = draft_px(len(truth))
    shown = _shrink(inside, unit) >= 0.5
    maps = [_compare_windows(*pair, inside, unit)[shown] for pair in zip(ours, true, strict=True)]
    return float(np.mean(maps, dtype=np.float64))


def _look_inside(result: Image, truth: Image, mask: Image) -> tuple[list[Floats], list[Floats], NDArray[np.bool_]]:
    """The bands of both pictures and the person's inside, (h, w) each, about the person; empty if it is too little."""
    refuse_other_sizes(result, truth, mask)
    unit = draft_px(len(mask))
    person = (np.pad(mask, 1) >= MASK_LEVEL).astype(np.uint8)  # beyond the picture is nobody
    inside = cv2.distanceTransform(person, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1] > _INSIDE * unit
    left, top, width, height = cv2.boundingRect(person[1:-1, 1:-1])
    about = (slice(top, top + height), slice(left, left + width))
    enough = inside.sum() >= _MIN_INSIDE * unit**2
    ours, true = (_split_bands(picture[about], _FINE * unit) if enough else [] for picture in (result, truth))
    return ours, true, inside[about] & enough


def _split_bands(picture: Image, sigma_px: float) -> list[Floats]:
    """(h, w) the fine band of the luma, and the band of twice its wavelength."""
    luma = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY)
    soft, softer = (cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (sigma_px, 2 * sigma_px))
    return [luma - soft, soft - softer]


def _compare_windows(ours: Floats, true: Floats, inside: NDArray[np.bool_], unit: float) -> Floats:
    """The similarity of two bands in the window about every draft pixel, of which only the inside counts."""
    (size, *links), (true_size, *true_links) = (_describe_windows(band, inside, unit) for band in (ours, true))
    alike = (2 * size * true_size + _SILENCE**2) / (size**2 + true_size**2 + _SILENCE**2)
    for link, true_link in zip(links, true_links, strict=True):
        alike *= 1 - np.abs(link - true_link) / 2
    return alike


def _describe_windows(band: Floats, inside: NDArray[np.bool_], unit: float) -> tuple[Floats, Floats, Floats]:
    """Mean absolute value of a band in each window, and its correlations with itself a step across and below."""
    step = max(1, round(unit / 2))
    power = _average(band * band, inside, unit) + np.float32(_SILENCE**2)
    across, below = (
        _average(band * np.roll(band, step, axis), inside & np.roll(inside, step, axis), unit) / power
        for axis in (1, 0)
    )
    return _average(np.abs(band), inside, unit), across, below


def _average(values: Floats, counted: NDArray[np.bool_], unit: float) -> Floats:
    """The mean of those values that count in the window about every draft pixel; 0 where none does."""
    total, share = (cv2.blur(_shrink(each, unit), (_WINDOW, _WINDOW)) for each in (values * counted, counted))
    return np.asarray(total / np.maximum(share, 1 / _WINDOW**2), np.float32)


def _shrink(values: NDArray[Any], unit: float) -> Floats:
    """A picture (h, w) averaged over draft pixels; as it is where they are smaller than its own."""
    height, width = (max(1, round(n / max(unit, 1))) for n in values.shape)
    return np.asarray(cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA))


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
