"""Moving one layer of a reference to where a new pose has it, and making up what no reference shows of it; which
reference wins which pixel, and what covers what.

Shapes: H x W pixels of the canvas; N references; V vertices, M of them of a layer; L layers; h x w pixels of a layer's
box.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.surface import PARTS, find_nearest
from choreograft.performer.atlas import Atlas
from choreograft.performer.colours import AGREEMENT_POWER
from choreograft.performer.layers import HEAD, LAYER_OF, LAYERS, MIRRORED_LAYERS, adjoining_layers, turn_about
from choreograft.performer.region import Region
from choreograft.performer.retrieve import Looks, reflect, reflect_places, turn_over
from choreograft.performer.sheets import ALIKE_LEVELS, Cutout, Enlargement, Floats, Picture, Sheet, look_up
from choreograft.performer.way import TURNED, Scene, Spot, fit_face
from choreograft.video.size import Canvas, Size

BEYOND_M, LIMB_BEYOND_M = 0.16, 0.06
"""How far at most around head, trunk and thighs hair and clothes are looked for, and around arms, hands, shins and
feet; the footage says how far."""
LEAST_SHARE: Final = 0.15
"""In a layer from which on a vertex says where the layer goes."""
OVERLAP_PX: Final = 2
"""By which layers that cloth joins overlap in a reference."""
SPARE_PX: Final = 2
"""Around what a reference shows on the canvas, where it may show something fine at full size."""
BESIDE_PX: Final = 1.0
"""Beside a layer's body, canvas px of 256 rows, from where on strange colours are none of its."""
OUTLINE_PX: Final = 1.5
"""Canvas pixels over which a body's outline is smooth."""
SOLID: Final = 128
"""Of 255 of a matte: what is thinner holds nothing together."""
TURNED_ROOM: Final = 4.0
"""Canvas px of 256 rows that cloth may be farther beside the body than in its reference where half is turned."""
KNOWN: Final = 1e-3
"""How well a pixel is seen from which on it counts as seen at all."""
SPARE_SHARE: Final = 0.04
"""Weight of a spare beside the one before it where both see the same."""
SOFT_PX: Final = 4
"""Canvas px of 256 rows over which what is made up fades into what a reference sees."""
COVERED: Final = 0.95
"""Of a matte, below which what is behind it would show."""
LEAST_DEPTH_M: Final = 0.04
"""Difference in depth from which on the nearer layer covers the farther one, whatever their order."""
ORDER_STEP: Final = 3
"""Of the pixels in each direction one in so many tells which layer is nearer."""
LEAST_SHARED: Final = 2
"""Of them that two layers must share."""
HIDDEN_PX, OTHER_PX = 5, 7
"""Width of the places, canvas px, that another reference may fill: what the first one does not see, and where it shows
other colours than are usual there."""


@dataclass(frozen=True)
class Candidate:
    """A layer from one reference."""

    sheet: Sheet
    sample: Picture
    """(h, w, 4) of `Sheet.look_up` at the canvas's size."""
    quality: Floats
    """(h, w) 0..1 how well the reference sees it."""
    seen: Floats
    """(h, w) the same times how far its colours are the usual ones."""
    hidden: Floats
    """(h, w) 0..1 where the reference shows another layer before it."""
    turned: float
    """0..1 how far another side is wanted than it shows, so that its outline says nothing."""


@dataclass(frozen=True)
class Laid:
    """A layer as it will be drawn; maps of its box."""

    sheets: tuple[tuple[Sheet, Picture], ...]
    """And what each looks like at the canvas's size (h, w, 4)."""
    box: Region
    depth: Floats
    alpha: Floats
    """(h, w) of all its sheets."""
    confidence: Floats
    below: Picture
    """(h, w) 255 where the layer's body is drawn in its usual colours below all sheets, or nothing might be there."""
    unseen: Picture
    """(h, w) 255 where no reference sees the layer's body, fading into what one sees."""


class Mover:
    """Moves layers of references, which are counted as they are and then in a mirror (performer/retrieve.py)."""

    def __init__(self, atlas: Atlas, looks: Looks) -> None:
        self._atlas, self._looks = atlas, looks
        self._count, self._mirror = len(atlas.pictures), atlas.mirror.cpu().numpy()
        shares = np.zeros((len(atlas.mesh), len(LAYERS)), np.float32)
        np.add.at(shares.T, LAYER_OF, atlas.vertex_parts.cpu().numpy().T)
        self._of_layer = [np.flatnonzero(share > LEAST_SHARE) for share in shares.T]
        self._shares = [share[of] for share, of in zip(shares.T, self._of_layer, strict=True)]
        self._vertices, self._xy, self._quality, self._pictures, self._facing = (
            part.cpu().numpy() for part in (atlas.vertices, atlas.xy, atlas.quality, atlas.pictures, atlas.facing)
        )
        self._shown = LAYER_OF.astype(np.uint8)[atlas.nearest_part.cpu().numpy()]  # (N, h, w)
        firsts = [PARTS.index(layer.parts[0]) for layer in LAYERS]
        self._leads = atlas.vertex_parts.cpu().numpy()[:, firsts].T + 1e-3  # (L, V) share in what turns the layer
        bodies = [_measure_depth(part >= 0) for part in atlas.part.cpu().numpy()]
        self._persons = [
            np.dstack([picture[..., 3], body]) for picture, body in zip(self._pictures, bodies, strict=True)
        ]
        self._cuts: dict[tuple[int, int], tuple[Cutout, Picture]] = {}
        self._stands: dict[tuple[int, int], tuple[Floats, Floats, float]] = {}

    def find_spot(self, scene: Scene, layer: int) -> Spot | None:
        """Where a layer is to be drawn; None where hardly anything of it is seen."""
        most = BEYOND_M if LAYERS[layer].dressed else LIMB_BEYOND_M
        reach = np.minimum(self._atlas.reach, most) * np.float32(scene.px_per_m)
        return Spot.of(scene, layer, self._of_layer[layer], self._shares[layer], reach)

    def move(self, scene: Scene, spot: Spot, reference: int) -> Candidate:
        """A layer as one reference, maybe mirrored, shows it."""
        layer, fade, at = spot.layer, spot.fade, spot.box.at
        kind, of = LAYERS[layer].kind, self._of_layer[layer][spot.chosen]
        n, mirrored = reference % self._count, reference >= self._count
        theirs, there = self._mirror[of] if mirrored else of, self._places(scene, layer, reference, of)
        quality = self._quality[n, theirs] if kind == "sheet" else np.ones(len(of), np.float32)
        nearness = self._atlas.focal_px[n] / self._vertices[n, theirs, 2].mean() / scene.focal_px
        scale = float(nearness * scene.vertices[of, 2].mean()) if kind == "stiff" else None
        affine, residual, seen = spot.find_way(there, quality, scale)
        if layer == HEAD and scene.face is not None:
            share = self._leads[layer, of].clip(0, 1)
            affine, residual = fit_face(affine, residual, spot, share, scene.face, self._looks.faces[reference])
        theirs_layer = int(MIRRORED_LAYERS[layer]) if mirrored else layer
        if mirrored:
            affine, residual = turn_over(affine, residual, self._pictures.shape[2])
        cutout, member = self._cut(n, theirs_layer)
        sheet = Sheet(n, theirs_layer, spot.box, affine, residual, fade, member, spot.drift)
        place = sheet.find_all()
        sample = look_up(cutout.picture, place - np.array(cutout.corner, np.float32))
        person, body = cv2.split(look_up(self._persons[n], place))
        turned = 0.0
        if kind == "sheet":  # what is beside a body that is turned far from the reference's is another of its sides
            rim = np.average(np.abs(self._facing[n, theirs]), weights=scene.rim[of] * self._leads[layer, of])
            turned = float(np.clip((rim - TURNED[0]) / np.ptp(TURNED), 0, 1))
            if turned:
                nearer = _smooth_distance(spot.body) / spot.fine - (body.astype(np.float32) - 128) / 8
                room = 1 + TURNED_ROOM * (1 / turned - 1)  # it draws back, rather than to become a ghost
                fade = np.where(spot.away > 0, fade * (1 - np.clip(nearer - room, 0, 1)), fade).astype(np.uint8)
        # smaller, where nothing is to be seen: less is drawn at full size
        sides = [2 * (SPARE_PX + int(np.ceil(abs(along) / 2))) + 1 for along in spot.drift[::-1]]
        strange = None if LAYERS[layer].dressed else _find_strange(sample, scene, spot)
        scraps = _find_scraps(sample[..., 3], spot.body, strange)
        reached = cv2.dilate(np.where(scraps, np.uint8(0), sample[..., 3]), np.ones(sides, np.uint8)) > 0
        sheet = replace(sheet, gate=fade * (reached & ~scraps))
        shown = sample[..., 3] / np.float32(255)
        # where the reference shows that nobody is there, that is believed; where another layer is, this one is hidden
        hidden = np.maximum(person / np.float32(255) - shown, 0)
        quality = seen * (1 - hidden)
        doubt = _doubt(sample, scene.usual[at], scene.tolerance[at])
        agreed = np.asarray(quality * (1 - shown + shown / (1 + doubt)), dtype=np.float32)
        return Candidate(sheet, sample, quality, agreed, hidden, turned)

    def make_up(self, laid: Laid, sheet: Sheet, scene: Scene) -> Laid:
        """A layer with what no reference sees of it drawn in its usual colours, over all its sheets.

        Their fine detail is that of its other side, of heads that of hair: never a face.
        """
        usual = scene.usual[laid.box.at].astype(np.uint8)
        made_up = replace(sheet, gate=laid.unseen, usual=usual)
        if sheet.layer == HEAD:
            reference, fold = self._hair
            made_up = replace(made_up, reference=reference, fold=fold, member=self._cut(reference, sheet.layer)[1])
        flat = Enlargement(Canvas(Size.of(scene.layer), Size.of(scene.layer)))  # the result is the canvas
        sample = made_up.look_up(self._cut(made_up.reference, sheet.layer)[0], flat, laid.box.at)
        alpha = np.maximum(laid.alpha, laid.unseen / np.float32(255))
        return replace(laid, sheets=(*laid.sheets, (made_up, sample)), alpha=alpha)

    @cached_property
    def _hair(self) -> tuple[int, tuple[float, float, float]]:
        """The reference that shows the largest square of what the unseen part of the head looks like, and that square:
        left, top and side, px.
        """
        of = self._of_layer[HEAD]
        unseen = of[self._quality[:, of].max(axis=0) == 0]
        colour = np.median(self._atlas.colours.cpu().numpy()[unseen if len(unseen) else of], axis=0)
        best, found = 0.0, (0, (0.0, 0.0, 1.0))
        for n, picture in enumerate(self._pictures):
            inside = (self._shown[n] == HEAD) & (picture[..., 3] > 250)
            alike = inside & (np.abs(cv2.blur(picture[..., :3], (3, 3)) - colour).max(axis=-1) < ALIKE_LEVELS)
            room = cv2.distanceTransform(np.pad(alike.astype(np.uint8), 1), cv2.DIST_C, 3)[1:-1, 1:-1]
            half = float(room.max()) - 0.5
            if half * self._atlas.sharpness[n, HEAD] > best:
                row, column = np.unravel_index(int(room.argmax()), room.shape)
                best, side = half * self._atlas.sharpness[n, HEAD], 2 * half
                found = n, (float(column) + 0.5 - half, float(row) + 0.5 - half, side)
        return found

    def _places(self, scene: Scene, layer: int, reference: int, of: NDArray[np.intp]) -> Floats:
        """(M, 2) px where a reference, maybe mirrored, has a layer's vertices; round ones turned to the side wanted."""
        n, mirrored = reference % self._count, reference >= self._count
        size, theirs = np.array(self._pictures.shape[2:0:-1], np.float32), self._mirror[of] if mirrored else of
        vertices = self._vertices[n, theirs]
        if layer not in scene.angles:
            there = self._xy[n, theirs]
            if mirrored:
                there = reflect_places(there, size[0])
            if scene.sway is not None:
                there = there - scene.sway[of] * self._atlas.focal_px[n] / vertices[:, 2:]
            return np.asarray(there, dtype=np.float32)
        middle, axis, angle = self._stand(reference, layer)
        if mirrored:
            vertices = reflect(vertices)
        turned = turn_about(vertices, middle, axis, scene.angles[layer] - angle)
        nearness = self._atlas.focal_px[n] / np.maximum(turned[:, 2:], 1e-3)
        return np.asarray(turned[:, :2] * nearness + size / 2, dtype=np.float32)

    def _stand(self, reference: int, layer: int) -> tuple[Floats, Floats, float]:
        """`Limb.stand` of a round layer in a reference, maybe mirrored."""
        found = self._stands.get((reference, layer))
        if found is None:
            vertices = self._vertices[reference % self._count]
            if reference >= self._count:
                vertices = reflect(vertices[self._mirror])
            found = self._stands[reference, layer] = self._atlas.limbs[layer].stand(vertices)
        return found

    def _cut(self, reference: int, layer: int) -> tuple[Cutout, Picture]:
        """A layer of a reference at the canvas's size, and where it is, (h, w) 255; joined layers overlap a little."""
        found = self._cuts.get((reference, layer))
        if found is None:
            shown = self._shown[reference]
            own = (shown == layer).astype(np.uint8) * 255
            wide = cv2.dilate(own, np.ones((2 * OVERLAP_PX + 1,) * 2, np.uint8))
            member = np.where(adjoining_layers()[layer][shown], wide, own)
            found = Cutout(self._pictures[reference], 1.0, (0.0, 0.0)).cut(member), member
            self._cuts[reference, layer] = found
        return found


def _doubt(sample: Picture, usual: Floats, tolerance: Floats) -> Floats:
    """(h, w) how far a sample's colours are from the usual ones: 1 where as far as is tolerated."""
    near = cv2.blur(np.asarray(cv2.cvtColor(sample, cv2.COLOR_RGBA2RGB)), (3, 3)).astype(np.float32)
    off = np.maximum.reduce(cv2.split(cv2.absdiff(near, usual)))
    return np.asarray(cv2.pow(off / tolerance, AGREEMENT_POWER), dtype=np.float32)


def _find_strange(sample: Picture, scene: Scene, spot: Spot) -> NDArray[np.bool_]:
    """(h, w) where a bare layer's sample has, beside its body, other colours than the body next to it."""
    on = spot.on
    if not on.any():
        return np.zeros(on.shape, np.bool_)
    at = find_nearest(on)[1]
    usual, tolerance = (maps[spot.box.at].reshape(on.size, -1)[at] for maps in (scene.usual, scene.tolerance))
    change = sample[..., :3] - usual.reshape(sample[..., :3].shape)
    off = np.maximum(np.abs(change).max(axis=-1), np.ptp(change, axis=-1))  # shade changes all channels, hue some
    return np.asarray((spot.away > BESIDE_PX * spot.fine) & (off > tolerance.reshape(on.shape)))


def _find_scraps(alpha: Picture, body: NDArray[np.bool_], strange: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """(h, w) where a layer's sample shows what does not hang together with its body: scraps of what was beside it.

    Args:
        alpha: (h, w) its matte. strange: (h, w) what is none of it in any case.
    """
    whole = alpha >= SOLID
    if strange is not None:
        whole &= ~strange
    _, labels = cv2.connectedComponents(whole.astype(np.uint8))
    fate = np.full(int(labels.max()) + 1, 2, np.uint8)
    fate[labels[body]] = 1
    fate[0] = 0
    kept, dropped = ((fate[labels] == which).astype(np.uint8) for which in (1, 2))
    if strange is not None:
        dropped |= strange
    near, around = (cv2.dilate(places, np.ones((side, side), np.uint8)) for places, side in ((kept, 3), (dropped, 5)))
    return np.asarray((around > 0) & (near == 0))  # with its soft edge, but for that of the body


def _measure_depth(body: NDArray[np.bool_]) -> Picture:
    """(h, w) how far each pixel is from a body's outline, 128 there and 8 more for each px of 256 rows beyond it."""
    return np.asarray(np.clip(128 + _smooth_distance(body) * (8 * 256 / len(body)), 0, 255), dtype=np.uint8)


def _smooth_distance(body: NDArray[np.bool_]) -> Floats:
    """(h, w) px of each pixel from a body's outline, negative within it; smooth, as outlines are."""
    beyond, inside = (cv2.distanceTransform(which.astype(np.uint8), cv2.DIST_L2, 3) for which in (~body, body))
    return np.asarray(cv2.GaussianBlur(beyond - inside, (7, 7), OUTLINE_PX), dtype=np.float32)


def settle(candidates: list[Candidate], spot: Spot) -> Laid:
    """Decide which candidate wins which pixel: the first, but on the body, in places of some size, one that sees it."""
    on, first = spot.on, candidates[0]
    winner = np.zeros(on.shape, np.uint8)
    known, best = first.quality, cv2.blur(first.seen, (3, 3))
    for rank, candidate in enumerate(candidates[1:], start=1):
        seen = cv2.blur(candidate.seen * candidate.sample[..., 3], (3, 3)) * (SPARE_SHARE**rank / 255)
        # what the first does not see, and, where it shows something else instead, only larger places: cloth slides
        hidden, other = on & (seen > known), on & (seen > best)
        better = _clear(hidden, HIDDEN_PX) | _clear(other, OTHER_PX)
        winner[better] = rank
        known, best = (np.where(better, seen, maps) for maps in (known, best))
    quality = max_of([candidate.quality for candidate in candidates])
    unseen = _clear(on & (quality < KNOWN), HIDDEN_PX)
    sheets, alpha = [], np.zeros(on.shape, np.float32)
    for n, candidate in enumerate(candidates):
        gate = candidate.sheet.gate * (winner == n)
        if gate.any():
            sheets.append((replace(candidate.sheet, gate=gate), candidate.sample))
            alpha += cv2.multiply(gate, candidate.sample[..., 3], scale=1 / 255**2, dtype=cv2.CV_32F)
    # shows where no sheet does: there is body in any case
    holes = on & (first.turned > 0.5) & (alpha < COVERED)
    bare = (unseen | (on & (first.hidden > 0.5)) | holes).astype(np.uint8)
    below = on & (cv2.dilate(bare, np.ones((3, 3), np.uint8)) > 0)  # without a seam to what is drawn over it
    side = 2 * max(1, round(SOFT_PX * spot.fine)) + 1
    wide = cv2.dilate(unseen.astype(np.uint8) * 255, np.ones((side, side), np.uint8))
    fading = np.where(on, cv2.blur(wide, (side, side)), np.uint8(0))
    confidence = np.where(on, quality, 0.5 * alpha).astype(np.float32)
    return Laid(tuple(sheets), spot.box, spot.depth, alpha, confidence, below * np.uint8(255), fading)


def order_layers(layers: list[Laid], shape: tuple[int, int]) -> list[Laid]:
    """From the back to the front: as `LAYERS` has them, unless one is clearly nearer where two overlap."""
    if not layers:
        return []
    alpha = np.zeros((len(layers), *(-(-side // ORDER_STEP) for side in shape)), np.float32)
    depth = np.zeros_like(alpha)
    for n, layer in enumerate(layers):
        skipped = tuple(-start % ORDER_STEP for start in (layer.box.top, layer.box.left))
        each = tuple(slice(start, None, ORDER_STEP) for start in skipped)
        shown = layer.alpha[each] > 0.5
        top, left = ((at + off) // ORDER_STEP for at, off in zip((layer.box.top, layer.box.left), skipped, strict=True))
        at = slice(top, top + shown.shape[0]), slice(left, left + shown.shape[1])
        alpha[n][at], depth[n][at] = shown, layer.depth[each]
    flat, deep = alpha.reshape(len(layers), -1), (alpha * depth).reshape(len(layers), -1)
    shared = flat @ flat.T
    farther = (deep @ flat.T - flat @ deep.T) / np.maximum(shared, 1)  # (n, m) m by which n is, where both are
    alike = np.abs(farther) < LEAST_DEPTH_M
    behind = np.where(alike, np.triu(np.full_like(farther, LEAST_DEPTH_M), 1), np.maximum(farther, 0))
    behind[shared < LEAST_SHARED] = 0
    waiting, order = list(range(len(layers))), list[int]()
    while waiting:  # next is what none that waits lies behind; of layers in a circle, what they least do
        order.append(waiting.pop(int(behind[np.ix_(waiting, waiting)].sum(axis=0).argmin())))
    return [layers[n] for n in order]


def _clear(places: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Places without those that are narrower than so many px."""
    return np.asarray(cv2.morphologyEx(places.astype(np.uint8), cv2.MORPH_OPEN, np.ones((least, least))) > 0)


def max_of(maps: list[Floats]) -> Floats:
    """The greatest of maps of one shape, pixel by pixel."""
    return np.asarray(np.maximum.reduce(maps))
