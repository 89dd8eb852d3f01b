"""From any body to any other: for each pixel of a new picture, which pixel of a reference picture shows the same.

A pixel of the new body is a point of its surface; the same point of the reference body, projected, is the place to
sample. The two may differ in pose, shape, camera and size. Around the body, clothes and hair move with the nearest
part of it. Kernels are in `correspond_kernels.py` and `extend_kernels.py`.

Shapes: H, W pixels of the new picture; h, w of the reference; P parts; C channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from choreograft.body.kernels import launch
from choreograft.body.parts import PARTS, adjoining_parts
from choreograft.body.surface import SurfaceMap
from choreograft.config import CorrespondenceConfig
from choreograft.video.size import Size

NOTHING, SEEN, FILLED, BEYOND = range(4)
"""Kinds of flow: none; a surface point that the reference shows; one that it hides, carried along by what it shows of
the same part; a place beyond the silhouette, carried along by the nearest part."""
_STEADY_PX = 0.5
"""A part of which no more than this radius is seen is taken not to turn."""


@dataclass(frozen=True)
class Flow:
    """Where to sample a reference picture for each pixel of a new one."""

    xy: Tensor
    """(H, W, 2) float32 px in the reference; where the kind is `NOTHING`, the pixel's own place, scaled."""
    kind: Tensor
    """(H, W) uint8: `NOTHING`, `SEEN`, `FILLED` or `BEYOND`."""
    confidence: Tensor
    """(H, W) float32 0..1 how far to trust the sample; 0 where the kind is `NOTHING`."""
    reference: Size
    """Of the reference picture."""

    @property
    def visible(self) -> Tensor:
        """(H, W) bool: body here, and the same point of it visible in the reference."""
        return self.kind == SEEN

    def sample(self, picture: Tensor) -> Tensor:
        """Draw a reference picture (C, h, w), of any resolution, into the new one: (C, H, W), bilinear."""
        grid = self.xy / self.xy.new_tensor(self.reference) * 2 - 1
        drawn = torch.nn.functional.grid_sample(
            picture[None], grid[None].to(picture), padding_mode="border", align_corners=False
        )
        return drawn[0]


def correspond(new: SurfaceMap, reference: SurfaceMap, config: CorrespondenceConfig | None = None) -> Flow:
    """Backward flow from a new body to a reference body, with visibility and confidence.

    A point counts as visible where its surface faces the reference's lens and at least half of a bilinear sample of
    the reference's depth agrees with its own, within a tolerance that grows with the surface's slope and the pixels'
    size. Confidence is the product of: the angles to both views, how much of the detail asked for the reference
    resolves, and the share of its neighbourhood in the reference that shows the same surface.

    Args:
        new: the body to be drawn.
        reference: the same mesh on the same device, in another pose, shape, camera or size.
    Returns:
        Flow on the new map's device and of its size.
    Raises:
        ValueError: the maps are of different meshes or on different devices.
        DependencyError: warp-lang is not installed.
    """
    config = CorrespondenceConfig() if config is None else config
    if new.vertices.shape != reference.vertices.shape or new.face.device != reference.face.device:
        raise ValueError(
            f"found maps of {len(new.vertices)} vertices on {new.face.device} and {len(reference.vertices)} on"
            f" {reference.face.device}; expected one mesh on one device"
        )
    flow = Flow(
        xy=_own_places(new, reference.size),
        kind=torch.full_like(new.face, NOTHING),
        confidence=torch.zeros_like(new.depth_m),
        reference=reference.size,
    )
    scale = torch.ones_like(new.depth_m)  # reference pixels per new pixel
    _trace(new, reference, config, flow, scale)
    counts, turns = _measure_turns(new, flow)
    fields = [flow.xy, scale, flow.kind, flow.confidence]
    holes = [new.focal_px, config.fill_m, config.fill_trust]
    here = [new.part, reference.part, new.depth_m, turns, counts]
    launch("extend_kernels.fill_holes", tuple(new.face.shape), [*here, *holes, *fields])
    _extend(new, reference, config, turns, fields)
    return Flow(flow.xy, flow.kind.to(torch.uint8), flow.confidence, flow.reference)


def _own_places(new: SurfaceMap, reference: Size) -> Tensor:
    """(H, W, 2) the pixels' centres, in reference pixels as if its picture were laid over the new one."""
    across, down = (
        (torch.arange(here, device=new.face.device) + 0.5) * (there / here)
        for here, there in zip(new.size, reference, strict=True)
    )
    return torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=-1)


def _trace(new: SurfaceMap, reference: SurfaceMap, config: CorrespondenceConfig, flow: Flow, scale: Tensor) -> None:
    """Write down what the reference shows of the new picture's body."""
    here = [new.face, new.barycentric, new.depth_m, new.normal, new.mesh.faces]
    there = [reference.vertices, reference.vertex_normals, reference.depth_m]
    limits = [config.near_m, config.tolerance_m, config.slope, config.least_facing, config.full_facing, config.edge_m]
    launch(
        "correspond_kernels.trace",
        tuple(new.face.shape),
        [*here, *there, new.focal_px, reference.focal_px, *limits, flow.xy, scale, flow.kind, flow.confidence],
    )


def _extend(
    new: SurfaceMap, reference: SurfaceMap, config: CorrespondenceConfig, turns: Tensor, fields: list[Tensor]
) -> None:
    """Write down what lies around the new picture's body."""
    height, width = new.face.shape
    before, after, is_near = (torch.empty_like(new.part) for _ in range(3))
    launch("extend_kernels.find_in_row", height, [new.part, before, after])
    nearest_m = new.depth_m.amin().reshape(1)
    span = [new.focal_px, config.beyond_m]
    launch("extend_kernels.find_in_column", width, [before, after, nearest_m, *span, is_near])
    adjoining = torch.from_numpy(adjoining_parts()).to(new.part)
    here = [new.part, reference.part, adjoining, new.depth_m, nearest_m, before, after, is_near, turns]
    limits = [*span, config.front_m_per_m, config.inset_m]
    launch("extend_kernels.extend", (height, width), [*here, *limits, *fields])


def _measure_turns(new: SurfaceMap, flow: Flow) -> tuple[Tensor, Tensor]:
    """How many pixels of each part are seen (P,) int32, and its turn (P, 2) from here to there: cosine and sine.

    The least-squares rotation of the seen pixels (Procrustes), drawn towards none where they are few.
    """
    sums = torch.zeros((*new.face.shape[:1], len(PARTS), 7), dtype=torch.float64, device=new.face.device)
    launch("correspond_kernels.sum_moments", new.face.shape[0], [new.part, flow.kind, flow.xy, sums])
    count, x, y, u, v, dot, cross = sums.sum(dim=0).unbind(-1)
    some = count.clamp(min=1)
    cosine = dot - (x * u + y * v) / some + _STEADY_PX**2 * some
    sine = cross - (x * v - y * u) / some
    turns = torch.stack([cosine, sine], dim=-1)
    turns = turns / turns.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    return count.to(torch.int32), turns.to(torch.float32).contiguous()
