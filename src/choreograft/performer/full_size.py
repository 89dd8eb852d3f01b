"""Small decisions, full-size pixels: a person drawn at the size they were filmed from what was decided at the canvas's.

Which reference shows each place and where, the light, the outline: all of that is known at the canvas's size. It is
enlarged, and the references' full-size pixels are moved along. Where generator and references agree these are shown, in
the generator's light; elsewhere its own colours. The outline is the references' fine one where the generator agrees
with it, else its own, cut at one half over a pixel or two.

Shapes: h x w pixels of the canvas; H x W pixels of the result. Pictures are float32 in grey levels, mattes in [0, 1].
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.surface import find_nearest
from choreograft.performer.colours import find_difference
from choreograft.performer.cutouts import Cutouts, remember
from choreograft.performer.layers import HEAD, LAYER_OF, LAYERS
from choreograft.performer.matting import to_levels
from choreograft.performer.references import SMEAR_ROWS
from choreograft.performer.region import Region
from choreograft.performer.sheets import Cutout, Drawing, Enlargement, Floats, Picture, Sheet, look_up, places_before
from choreograft.performer.warp import Warped
from choreograft.video.size import Canvas, Size

Window = tuple[slice, slice]
EDGE: Final = 0.8
"""How steep an enlarged outline is cut, beside the enlargement."""
AGREE_LEVELS: Final = 24.0
"""Of 255, by which a reference may differ from the generator's colours and still be shown instead."""
SHADE_PX: Final = 4
"""Canvas pixels around, over which the generator's light is taken from its colours: edges are the reference's."""
OUTLINE_AGREES: Final = (0.2, 0.5)
"""Up to which difference of mattes the references' outline is taken, and from which on the generator's is."""
NEAR_PX: Final = 8
"""Of 256 rows, beside all that references show, as far as they say what colours a generator may paint."""
NEAR_LEVELS: Final = 24.0
"""Grey levels beyond the range of those colours that these may be."""
REMEMBERED_BYTES: Final = 160_000_000
"""Of layers of references that are kept cut out."""
MITTEN_PX: Final = 4.0
"""Of 256 rows, around a hand beside the body: as far as mittens reach, nothing of a generator's is drawn."""
_HANDS: Final = np.array([LAYERS[layer].kind == "stiff" for layer in LAYER_OF])
NO_SHADE: Final = 128
"""Grey level that stands for no change of light."""
SURE: Final = 2.0
"""Times a reference's matte: where less than half of a pixel is the person, its detail is not believed in full."""
BAND_PX: Final = 360
"""Rows of the result that are drawn at a time, each band as wide as the person is there."""
ROOM_PX: Final = 2
"""Canvas pixels around the person that are drawn too."""


@dataclass(frozen=True)
class Decisions:
    """What a generator has to say of a frame; all of the canvas's size."""

    colour: Floats
    """(h, w, 3) the person's colours, grey levels."""
    matte: Floats
    """(h, w) 0..1."""
    shift: Floats
    """(h, w, 2) px of the canvas, right and down, by which that is moved."""


class FullSize:
    """Draws frames of one size from cutouts."""

    def __init__(self, cutouts: Cutouts, canvas: Size, size: Size) -> None:
        self._cutouts, self.size = cutouts, size
        self._enlargement = Enlargement(Canvas(size, canvas))
        self._cuts: dict[tuple[int, int], Cutout] = {}
        self.plate = cutouts.plate
        if size != cutouts.size:
            how = cv2.INTER_AREA if size.height < cutouts.plate.shape[0] else cv2.INTER_CUBIC
            self.plate = np.asarray(cv2.resize(cutouts.plate, size, interpolation=how), dtype=np.uint8)

    def draw(self, warped: Warped, decisions: Decisions | None = None) -> Picture:
        """(H, W, 3) RGB: the person over the plate; without decisions as the references show them."""
        covers = warped.alpha > 0.01
        if decisions is not None:
            covers = covers | (decisions.matte > 0.01)
        result, box = self.plate.copy(), Region.covering(covers, ROOM_PX)
        if box is None:
            return result
        wanted, sheets = None, warped.sheets
        if decisions is not None:
            wanted = _ask(warped, decisions, box, EDGE * self._enlargement.scale)
            sheets = tuple(sheet.shifted(decisions.shift) for sheet in sheets)
        sheets = tuple(sheet.cropped() for sheet in sheets)
        sheets = tuple(replace(sheet, gate=np.asarray(cv2.blur(sheet.gate, (3, 3)), np.uint8)) for sheet in sheets)
        under = None
        if warped.unseen[box.at].any():
            usual = np.ascontiguousarray(warped.usual[box.at].astype(np.uint8))
            shown = np.asarray(cv2.blur(warped.unseen[box.at], (3, 3)), dtype=np.uint8)
            under = np.asarray(cv2.cvtColor(usual, cv2.COLOR_RGB2RGBA), dtype=np.uint8), shown
        placed = [(sheet, self._enlargement.window(sheet.box)) for sheet in sheets]
        for band in _bands(covers, box, max(1, round(BAND_PX / self._enlargement.scale))):
            window = self._enlargement.window(band)
            drawn = self._lay(placed, under, box, window)
            if wanted is not None:
                drawn = self._decide(drawn, wanted, box, window)
            behind = np.ascontiguousarray(result[window])
            result[window] = cv2.blendLinear(drawn.colour, behind, drawn.alpha, 1 - drawn.alpha)
        return result

    def show(self, n: int) -> Picture:
        """(H, W, 3) RGB: reference n as it is, over the plate."""
        cutout = self._cutouts.look(n, self._enlargement.scale)
        matrix = cutout.matrix(self._enlargement.scale, self._enlargement.offset)
        laid = cv2.warpAffine(cutout.picture, matrix, self.size).astype(np.float32)
        return to_levels(np.asarray(self.plate + laid[..., 3:] / 255 * (laid[..., :3] - self.plate), np.float32))

    def _lay(
        self, sheets: Sequence[tuple[Sheet, Window]], under: tuple[Picture, Picture] | None, box: Region, window: Window
    ) -> Drawing:
        """The window from the references alone.

        Args:
            sheets: and the window of each.
            under: of the box, what lies below all sheets (h, w, 4), and how much of it is shown (h, w) 255.
        """
        enlargement = self._enlargement
        drawn = Drawing.empty(window[0].stop - window[0].start, window[1].stop - window[1].start)
        if under is not None:
            usual, share = (enlargement.enlarge(maps, box, window) for maps in under)
            drawn.lay(usual, share, (slice(None), slice(None)))
        for sheet, own in sheets:
            rows, columns = (
                slice(max(one.start, whole.start), min(one.stop, whole.stop))
                for one, whole in zip(own, window, strict=True)
            )
            if rows.start < rows.stop and columns.start < columns.stop:
                share = enlargement.enlarge(sheet.gate, sheet.box, (rows, columns))
                sample = sheet.expose(self._cut(sheet), enlargement, (rows, columns))
                top, left = rows.start - window[0].start, columns.start - window[1].start
                drawn.lay(sample, share, Region(top, left, *share.shape[:2]).at)
        return drawn

    def _cut(self, sheet: Sheet) -> Cutout:
        """The full-size cutout of a sheet's layer; the ones used last are remembered."""
        return remember(
            self._cuts, (sheet.reference, sheet.layer), REMEMBERED_BYTES,
            lambda: self._cutouts.look(sheet.reference, self._enlargement.scale).cut(sheet.member),
        )  # fmt: skip

    def _decide(self, drawn: Drawing, wanted: tuple[Floats | Picture, ...], box: Region, window: Window) -> Drawing:
        """The same as a generator wants it, see `_ask`."""
        *maps, outline = wanted
        detail, light, own, trusted = (self._enlargement.enlarge(each, box, window) for each in maps)
        kept = cv2.multiply(detail, np.minimum(drawn.alpha * SURE, 1))
        theirs = cv2.addWeighted(drawn.colour, 1, light, 1, -NO_SHADE)
        colour = np.asarray(cv2.blendLinear(theirs, np.ascontiguousarray(own), kept, 1 - kept), dtype=np.uint8)
        cut = np.clip(self._enlargement.enlarge(outline, box, window, cv2.INTER_CUBIC), 0, 1)
        return Drawing(colour, cut + trusted * (drawn.alpha - cut))


def _ask(warped: Warped, decisions: Decisions, box: Region, steep: float) -> tuple[Floats | Picture, ...]:
    """What is enlarged of a generator's decisions; maps of a box of the canvas.

    Returns:
        (h, w) 0..1 how far what references show is kept; (h, w, 3) what is added to that, `NO_SHADE` where nothing is;
        (h, w, 3) the generator's colours; (h, w) 0..1 how far the references' outline is trusted; (h, w) the
        generator's outline: its matte, so steep that it is cut to 0..1 once it is enlarged.
    """
    at = box.at
    wanted, matte = decisions.colour[at], decisions.matte[at]
    place = places_before(decisions.shift[at])
    given = warped.colour, warped.alpha, _find_hands(warped)
    shown, seen, hands = (look_up(maps[at], place) for maps in given)
    shown = shown.astype(np.float32)
    wanted = _keep_near(wanted, shown, seen > 0.5, len(warped.alpha) / SMEAR_ROWS)
    shade = _mean(wanted - shown, _agree(shown, wanted) * (seen > 0.5), SHADE_PX)
    hands = hands * np.minimum(2 * cv2.dilate(matte, np.ones((9, 9))), 1)  # one that is left out stays out
    detail = np.maximum(cv2.blur(_agree(shown + shade, wanted) * (seen > 0.5), (3, 3)), hands)
    alike = 1 - np.clip((np.abs(matte - seen) - OUTLINE_AGREES[0]) / np.ptp(OUTLINE_AGREES), 0, 1)
    trusted = np.maximum(cv2.erode(alike.astype(np.float32), np.ones((3, 3))), hands)
    smooth = cv2.GaussianBlur(matte, (5, 5), 1.0)  # what is drawn four pixels at a time is chequered
    own = to_levels(_spread(wanted, matte))
    return detail, to_levels(shade + NO_SHADE), own, trusted, smooth * steep + (0.5 - 0.5 * steep)


def _keep_near(wanted: Floats, shown: Floats, seen: NDArray[np.bool_], fine: float) -> Floats:
    """A generator's colours (h, w, 3), beside what references show (h, w) within the range of colours that they have
    at the nearest place: what it paints of a hem beyond them may be of any colour.

    Args:
        fine: pixels for each of 256 rows.
    """
    away, nearest = find_nearest(seen)
    square = np.ones((5, 5), np.uint8)
    low = cv2.erode(np.where(seen[..., None], shown, np.float32(255)), square).reshape(-1, 3)[nearest] - NEAR_LEVELS
    high = cv2.dilate(np.where(seen[..., None], shown, np.float32(0)), square).reshape(-1, 3)[nearest] + NEAR_LEVELS
    beside = ~seen & (away <= NEAR_PX * fine)
    return np.where(beside[..., None], np.clip(wanted, low, high), wanted)


def _find_hands(warped: Warped) -> Floats:
    """(h, w) 0..1 where a hand is drawn and what is around it beside the body: a generator would make it a mitten.

    Not before a head, which the generator knows best.
    """
    part = warped.surface.part.cpu().numpy()
    hands, heads = (np.zeros(part.shape, np.uint8) for _ in range(2))
    for sheet in warped.sheets:
        if LAYERS[sheet.layer].kind == "stiff":
            hands[sheet.box.at] |= sheet.gate
        elif sheet.layer == HEAD:
            heads[sheet.box.at] |= sheet.gate
    side = 2 * max(1, round(MITTEN_PX * len(part) / SMEAR_ROWS)) + 1
    around = cv2.dilate(hands, np.ones((side, side), np.uint8)) * (((part < 0) | _HANDS[part]) & (heads == 0))
    return np.asarray(cv2.blur(around, (3, 3)) / np.float32(255), dtype=np.float32)


def _bands(covers: NDArray[np.bool_], box: Region, rows_each: int) -> Iterator[Region]:
    """What of a box is covered (h, w), with some room, in bands of so many rows."""
    for top in range(box.top, box.top + box.height, rows_each):
        height = min(rows_each, box.top + box.height - top)
        rows = slice(max(0, top - ROOM_PX), top + height + ROOM_PX)
        inner = Region.covering(covers[rows], ROOM_PX)
        if inner is not None:
            yield Region(top, inner.left, height, inner.width)


def _agree(shown: Floats, wanted: Floats) -> Floats:
    """(h, w) 0..1 how far colours (h, w, 3) are within the range of those around a pixel that a reference shows.

    A fold or an eyebrow that lies a pixel elsewhere is no disagreement.
    """
    off = find_difference(wanted, shown, 1).clip(0) / AGREE_LEVELS
    return np.asarray(np.exp(-off * off), dtype=np.float32)


def _mean(values: Floats, weight: Floats, radius: int) -> Floats:
    """(h, w, 3) means of values around each pixel by weight (h, w); zero where nothing has weight."""
    side = (2 * radius + 1,) * 2
    total = cv2.blur(values * weight[..., None], side)
    return np.asarray(total / (cv2.blur(weight, side)[..., None] + 1e-3), dtype=np.float32)


def _spread(colours: Floats, matte: Floats) -> Floats:
    """(h, w, 3) colours carried on beyond where the matte (h, w) is dense, so that enlarging mixes in nothing else."""
    weight = (matte > 0.5).astype(np.float32)
    total = colours * weight[..., None]
    for _ in range(4):
        near, sum_near = cv2.blur(weight, (3, 3)), cv2.blur(total, (3, 3))
        grown = (weight == 0) & (near > 0)
        total[grown] = sum_near[grown] / near[grown, None]
        weight[grown] = 1
    return np.where(weight[..., None] > 0, total, colours)
