"""The cut-out: which share of each pixel is the person, at the picture's own size, and the person's colours alone.

A tracker's mask says roughly where a person is; the empty background, which is known, says exactly where something
stands before it. In a band around the mask's edge the two are weighed against each other, pixel by pixel, by how far
the person's colours are from the background's.

Shapes: H x W pixels of the picture, P of them in the band; h x w of its coarse copy, where what is smooth is found.
Pictures have their colours last, what is computed with has them first: a plane each, which is many times faster.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.performer.region import Region

Picture = NDArray[np.uint8]
Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

COARSE_HEIGHT: Final = 480
"""What is smooth is found on a copy of about this many rows."""
BAND: Final = 0.012
"""Share of the height by which a mask's edge may be wrong to either side."""
SURE_MASK: Final = 230
"""Mask value (0..255) from which the mask itself is sure of the person."""
NOISE: Final = 18.0
"""Levels (of 255) by which a picture's colour may be off, all channels together."""
AMBIGUITY: Final = 4.0
"""How much the spread of the person's colours, or of the background's change, counts against the colours' verdict."""
STRANGE: Final = 40.0
"""Levels: a colour that far from all mixtures of person and background is the person's."""
SAME: Final = 4
"""Levels: what is no farther from the background is that, where the mask has nothing either."""
EXPOSURE: Final = 24
"""Levels by which the background may have become brighter or darker; what is farther off has changed."""
REACH: Final = 4.0
"""Times the band: how far beyond the mask a limb that it missed is looked for."""
LIMB: Final = 48.0
"""Levels by which a missed limb differs from the background."""
RESTLESS: Final = 0.15
"""Where a greater share of the background has changed, nothing is taken for a missed limb."""
SHADE: Final = 0.6
"""A shadow leaves at least this share of the background's light."""
EDGE: Final = 0.0025
"""Share of the height: half the width of the widest edge that lens and codec leave."""
STEEPEN: Final = 2.5
"""How much narrower the mask's soft edge is made."""
GUIDE: Final = 8.0
"""Levels: an edge of the picture as strong as that draws the mask's edge to itself."""
CONTRAST: Final = 0.1
"""Shares of the person below it become 0, those as near to 1 become 1: noise, and the blur of the lens and codec."""
PIECE: Final = 16_384
"""Pixels worked on at once: what is computed of them stays in the processor's cache."""


def find_matte(picture: Picture, mask: Picture, plate: Picture) -> tuple[Picture, Picture]:
    """Cut a person out.

    The share of the person is the place of a pixel's colour between those of the background and of the person nearby
    (Wang & Cohen, "Image and Video Matting: A Survey", 2007, eq. 1 and section 2), as far as those differ, and the
    mask's own edge, moved to the picture's (He, Sun & Tang, "Guided Image Filtering", 2013, section 3), where they do
    not. Their colours follow Forte ("Approximate Fast Foreground Colour Estimation", 2021, section 3).

    Args:
        picture: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8, 255 = person; its edge may be wrong by some `BAND` of the height.
        plate: (H, W, 3) uint8 RGB, the empty background as the picture's camera saw it.
    Returns:
        (H, W) uint8 matte, 255 = person; (H, W, 3) uint8 RGB colours of the person without any of the background's, and
        spread beyond the person's outline by at least the band. Far from the person they are the picture's.
    """
    matte, foreground = np.zeros_like(mask), picture.copy()
    reach = max(2.0, BAND * len(mask))
    shrink = max(1, round(len(mask) / COARSE_HEIGHT))
    person = Region.covering(mask >= 128, round((REACH + 1) * reach))
    if person is not None:
        # so that it shrinks by a whole number, which is many times faster
        rows, columns = (
            slice(part.start // shrink * shrink, min(limit, -(-part.stop // shrink) * shrink))
            for part, limit in zip(person.at, mask.shape, strict=True)
        )
        seen, rough, empty = (np.ascontiguousarray(image[rows, columns]) for image in (picture, mask, plate))
        matte[rows, columns], foreground[rows, columns] = _cut_out(seen, rough, empty, reach, shrink)
    return matte, foreground


def _cut_out(picture: Picture, mask: Picture, plate: Picture, reach: float, shrink: int) -> tuple[Picture, Picture]:
    """See `find_matte`; of the box around the person."""
    size = mask.shape[::-1]
    small, rough, empty = (_resize(image, size, 1 / shrink) for image in (picture, mask, plate))
    *flags, prior, change, lit, person, variety, restless = _look_coarsely(small, rough, empty, reach / shrink)
    core, band = (_resize(part.view(np.uint8), size, way=cv2.INTER_NEAREST) for part in flags)
    prior, change, *nearby = (_resize(part, size) for part in (prior, change, lit, person, variety, restless))
    background = _as_picture(cv2.addWeighted(plate, 1, change, 1, -128, dst=change))
    # whatever is between a background pixel and its neighbours may be it: the plate lies a fraction of a pixel off
    square = np.ones((3, 3), np.uint8)
    bare, most = (_as_picture(spread(background, square)) for spread in (cv2.erode, cv2.dilate))
    cv2.min(cv2.max(picture, bare, dst=bare), most, dst=bare)
    same = cv2.inRange(cv2.absdiff(picture, bare, dst=most), (0, 0, 0), (SAME,) * 3)
    at = np.flatnonzero(((prior > SAME) | (same == 0)) & band.view(np.bool_))
    matte = core * np.uint8(255)
    for some in _pieces(at):
        matte.reshape(-1)[some] = _weigh(picture, bare, prior, nearby, some)
    half = max(2, round(EDGE / BAND * reach))
    edge, seam = (np.ones((2 * side + 1,) * 2, np.uint8) for side in (half, half // 2))
    steps = _find_steps(matte, edge)
    for some in _pieces(at):
        # a wide stretch of half shares is no edge: there the mask decides
        share = _take(matte, some) / 255
        flat = 4 * share * (1 - share) * (1 - _take_steepness(steps, some))
        matte.reshape(-1)[some] = to_levels(255 * share + flat * (_take(prior, some) - 255 * share))
    # thin seams within the person, where a colour of theirs is the background's, are no gaps
    matte = _as_picture(cv2.morphologyEx(_drop_islands(matte, core.view(np.bool_)), cv2.MORPH_CLOSE, seam))
    return _part_colours(picture, matte, background, np.flatnonzero(band), edge, shrink)


def _pieces(at: NDArray[np.intp]) -> Iterable[NDArray[np.intp]]:
    return np.array_split(at, len(at) // PIECE + 1)


def _as_picture(image: NDArray[Any]) -> Picture:
    return np.asarray(image, dtype=np.uint8)


def _resize(image: NDArray[Any], size: Sequence[int], times: float = 1, way: int = cv2.INTER_LINEAR) -> NDArray[Any]:
    """A picture of a width and a height, or of so many times that; area averages where that is less."""
    width, height = (max(1, round(times * side)) for side in size)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if times < 1 else way)


def _look_coarsely(picture: Picture, mask: Picture, plate: Picture, near: float) -> Sequence[NDArray[Any]]:
    """What is known of each pixel of the coarse copies.

    Args:
        near: px, how far the mask's edge may be off.
    Returns:
        (h, w) flags: surely the person; perhaps the person. Then levels: (h, w) the mask, its edge moved to the
        picture's, 255 = person; (h, w, 3) by how much the background nearby is brighter than the plate, 128 where it is
        as bright; (h, w) whether a shadow is not told from the person so near to the mask (255), or is (0); (h, w, 3)
        colours of the person nearby; (h, w) their standard deviation; (h, w) that of the background's change.
    """
    seen, bare = _to_planes(picture), _to_planes(plate)
    usual = (_distance(mask < 128) > near) & (_square(seen - bare) < EXPOSURE**2)
    change, _ = _average(seen - bare, usual, near)
    bare += change
    strong = np.sqrt(_square(seen - bare * _shade(seen, bare, SHADE)))
    mask = _add_limbs(mask, seen, strong, near)
    outside = _distance(mask < 128) / near
    core = (_distance(mask >= 128) > near) & (mask >= SURE_MASK)
    _, restless = _average(seen - bare, outside > 1, 2 * near)
    sure = (strong > LIMB + 2 * restless) & (outside < 0.5)
    sure = cv2.erode(sure.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    person, variety = _average(seen, core | sure, near)
    guided = cv2.ximgproc.guidedFilter(picture, mask.astype(np.float32), max(1, round(near)), GUIDE**2)
    prior = to_levels(127.5 + STEEPEN * (guided - 127.5))
    lit = to_levels(np.clip(2 - 3 * outside, 0, 1) * 255)
    colours, light = (_as_picture(cv2.merge(list(to_levels(planes)))) for planes in (person, change + 128))
    return core, (outside < 1) & ~core, prior, light, lit, colours, to_levels(variety), to_levels(restless)


def _to_planes(picture: Picture) -> Floats:
    """(3, h, w) of (h, w, 3)."""
    return np.asarray(picture.transpose(2, 0, 1), dtype=np.float32, order="C")


def to_levels(values: Floats) -> Picture:
    """Grey levels as a picture has them."""
    return np.asarray(np.clip(values + 0.5, 0, 255), dtype=np.uint8)


def _square(colours: Floats) -> Floats:
    """(...) squared lengths of (3, ...)."""
    return np.asarray(np.einsum("c...,c...->...", colours, colours), dtype=np.float32)


def _distance(inside: Flags) -> Floats:
    """(h, w) px from each pixel inside to those outside, 0 there."""
    return np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3), dtype=np.float32)


def _average(values: Floats, where: Flags, near: float) -> tuple[Floats, Floats]:
    """(3, h, w) mean of the values (3, h, w) nearby that count; (h, w) their deviation, all channels together."""
    values, weight = values[:, ::2, ::2], where[::2, ::2].astype(np.float32)
    side, wide = (2 * round(near / 2) + 1,) * 2, (2 * round(3 * near) + 1,) * 2

    def total(part: Floats) -> Floats:  # the wide one counts where the near one finds nothing
        return np.asarray(cv2.blur(cv2.blur(part, side), side) + 1e-3 * cv2.blur(part, wide))

    count = np.maximum(total(weight), 1e-9)
    mean = np.stack([total(plane * weight) / count for plane in values])
    spread = np.sqrt(np.maximum(total(_square(values) * weight) / count - _square(mean), 0))
    *means, deviation = (_resize(plane, where.shape[::-1]) for plane in (*mean, spread))
    return np.stack(means), deviation


def _add_limbs(mask: Picture, seen: Floats, strong: Floats, near: float) -> Picture:
    """The mask with what it missed: what hangs together with the person and is more like them than what is around."""
    found = np.asarray(strong > LIMB, dtype=np.uint8)
    outside = _distance(mask < 128)
    wide = (4 * round(REACH * near) + 1,) * 2
    clear = np.asarray(outside > near, dtype=np.float32)
    restless = np.asarray(cv2.blur(found * clear, wide)) > RESTLESS * np.asarray(cv2.blur(clear, wide))
    person, around = (_average(seen, where, near)[0] for where in (mask >= SURE_MASK, (clear > 0) & (found == 0)))
    like = _square(seen - person) < _square(seen - around)
    found[(outside > REACH * near) | restless | ~like] = 0
    found[mask >= SURE_MASK] = 1
    found = _as_picture(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    return np.maximum(mask, _drop_islands(found * 255, mask >= SURE_MASK))


def _weigh(
    picture: Picture, background: Picture, prior: Picture, nearby: Sequence[Picture], at: NDArray[np.intp]
) -> Picture:
    """(P,) matte of the band's pixels; nearby: what is known coarsely, from `lit` on, enlarged."""
    lit, person, variety, restless = (_take(part, at) for part in nearby)
    colour, bare = _take(picture, at), _take(background, at)
    bare *= _shade(colour, bare, SHADE + (1 - SHADE) * lit / 255)
    share, length, strange = _project(colour, bare, person)
    change = AMBIGUITY * restless**2
    doubt = NOISE**2 + AMBIGUITY * ((1 - share) * variety) ** 2 + change
    share += (1 - share) * (1 - np.exp(-strange / (STRANGE**2 + change)))
    evidence = length + strange
    return to_levels((255 * share * evidence + _take(prior, at) * doubt) / (evidence + doubt))


def _shade(colour: Floats, bare: Floats, darkest: Floats | float) -> Floats:
    """(...) share of its light that a shadow leaves of the background (3, ...), if these colours (3, ...) are that."""
    light = np.einsum("c...,c...->...", colour, bare) / (_square(bare) + 1)
    return np.asarray(np.clip(light, darkest, 1), dtype=np.float32)


def _project(colour: Floats, bare: Floats, person: Floats) -> tuple[Floats, Floats, Floats]:
    """(P,) each: where colours (3, P) lie between background (0) and person (1), how long squared that way is, and how
    far squared they lie beside it."""
    off, span = colour - bare, person - bare
    length = _square(span)
    share = np.clip(np.einsum("cp,cp->p", off, span) / (length + 1), 0, 1)
    return share, length, _square(off - share * span)


def _take(image: NDArray[Any], at: NDArray[np.intp]) -> Floats:
    """([3, ]P) of the pixels at these places."""
    return np.asarray(image.reshape(-1, *image.shape[2:]).take(at, axis=0).T, dtype=np.float32, order="C")


def _find_steps(matte: Picture, edge: Picture) -> Picture:
    """(H, W) levels between the most and the least of the matte within an edge's width."""
    return _as_picture(cv2.morphologyEx(matte, cv2.MORPH_GRADIENT, edge))


def _take_steepness(steps: Picture, at: NDArray[np.intp]) -> Floats:
    """(P,) 0..1 whether the matte goes from one end to the other within an edge's width."""
    return np.asarray(np.maximum(_take(steps, at) / 127.5 - 1, 0), dtype=np.float32)


def _drop_islands(matte: Picture, core: Flags) -> Picture:
    """The matte without what does not hang together with the core."""
    _, labels = cv2.connectedComponents(np.asarray(matte >= 64, dtype=np.uint8))
    kept = np.zeros(int(labels.max()) + 1, np.uint8)
    kept[labels[core]], kept[0] = 255, 0
    return np.minimum(matte, _as_picture(cv2.dilate(kept[labels], np.ones((5, 5), np.uint8))))


def _part_colours(
    picture: Picture, matte: Picture, background: Picture, at: NDArray[np.intp], edge: Picture, shrink: int
) -> tuple[Picture, Picture]:
    """The matte once more from the person's colours just within the outline; these colours, spread beyond it."""
    size = matte.shape[::-1]
    sure = _as_picture(cv2.erode(_as_picture(matte >= 250) * 255, edge))
    total, weight = (_resize(image, size, 1 / shrink) for image in (cv2.copyTo(picture, sure), sure))
    spread = _resize(to_levels(_spread(total.astype(np.float32), weight.astype(np.float32) / 255)), size)
    foreground = picture.copy()
    beyond = at[matte.reshape(-1).take(at) == 0]
    foreground.reshape(-1, 3)[beyond] = spread.reshape(-1, 3).take(beyond, axis=0)
    rim = at[((sure == 0) & (matte > 0)).reshape(-1).take(at)]
    steps, flat = _find_steps(matte, edge), matte.reshape(-1)
    for some in _pieces(rim):
        near, bare, colour = _take(spread, some), _take(background, some), _take(picture, some)
        share = _take(matte, some) / 255
        found, length, _ = _project(colour, bare, near)
        share += _take_steepness(steps, some) * np.minimum(found - share, 0) * length / (length + NOISE**2)
        share = np.clip((share - CONTRAST) / (1 - 2 * CONTRAST), 0, 1)
        flat[some] = to_levels(255 * share)
        own = near + share * (colour - share * near - (1 - share) * bare)
        foreground.reshape(-1, 3)[some] = to_levels(own).T
    return matte, foreground


def _spread(total: Floats, weight: Floats) -> Floats:
    """(h, w, 3) means of weighted values (h, w, 3) by their weights (h, w); from farther off where there are none."""
    own = total / np.maximum(weight, 1e-6)[..., None]
    size = weight.shape[::-1]
    if min(size) < 2:
        return own
    wider = _resize(_spread(*(_resize(part, size, 0.5) for part in (total, weight))), size)
    return np.asarray(wider + np.minimum(2 * weight, 1)[..., None] * (own - wider), dtype=np.float32)
