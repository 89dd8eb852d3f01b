from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.camera import FloorCamera
from choreograft.body.correspond import BEYOND, FILLED, NOTHING, SEEN, Flow, correspond
from choreograft.body.model import Body
from choreograft.body.parts import PARTS
from choreograft.body.surface import Mesh, SurfaceMap, render_surface
from choreograft.config import CorrespondenceConfig
from choreograft.studio.costume import Costume
from choreograft.video.size import Size
from plain_flow import PlainView, nearest_pixel, trace_points
from plain_surface import PlainMap, make_sphere, make_wall

SIZE, FOCAL_PX = Size(72, 96), 130.0
CONFIG = CorrespondenceConfig()
FIELDS = ("xy", "kind", "confidence")


def stand(body: Body, turn_deg: float = 0.0, place: Any = (0.0, 4.0, 0.0)) -> NDArray[np.float64]:
    """A body at rest, turned about the vertical, in a camera's axes."""
    turn = Rotation.from_euler("z", turn_deg, degrees=True).as_matrix()
    return FloorCamera(SIZE, FOCAL_PX, 1.0, 5.0).place(body.vertices @ turn.T + np.asarray(place))


def bend(body: Body) -> NDArray[np.float64]:
    """A body with its left upper arm swung forwards and its right forearm bent, in a camera's axes."""
    rotations, origins = np.tile(np.eye(3), (len(body.bones), 1, 1)), body.heads.copy()
    for top, angles in (("upperarm01.L", [-70, 0, 20]), ("lowerarm01.R", [-90, 0, 0])):
        turn, below = Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), {body.bone(top)}
        for bone, parent in enumerate(body.parents):
            if parent in below or bone in below:
                below.add(bone)
                rotations[bone] = turn
                origins[bone] = body.head(top) + turn @ (body.heads[bone] - body.head(top))
    vertices = body.skin(body.vertices, body.weights, rotations, origins)
    return FloorCamera(SIZE, FOCAL_PX, 1.0, 5.0).place(vertices + np.array([0.0, 4.0, 0.0]))


def view(vertices: NDArray[np.float64], mesh: Mesh, size: Size = SIZE, focal_px: float = FOCAL_PX) -> SurfaceMap:
    return render_surface(vertices, mesh, focal_px, size)


def plain(surface: SurfaceMap) -> PlainView:
    """The same map for the plain twin."""
    names = ("face", "barycentric", "depth_m", "normal")
    arrays = [getattr(surface, name).numpy() for name in names]
    mesh = surface.mesh
    found = PlainMap(*arrays)
    return PlainView(surface.vertices.numpy(), mesh.faces.numpy(), mesh.face_part.numpy(), surface.focal_px, found)


def centres(size: Size) -> NDArray[np.float64]:
    return np.stack(np.meshgrid(np.arange(size.width) + 0.5, np.arange(size.height) + 0.5), axis=-1)


def points_of(surface: SurfaceMap) -> NDArray[np.float64]:
    """(N, 3) the points in space that the covered pixels show."""
    x, y, z = *np.moveaxis(centres(surface.size) - np.array(surface.size) / 2, -1, 0), surface.depth_m.numpy()
    points = np.stack([x * z / surface.focal_px, y * z / surface.focal_px, z], axis=-1)
    return points[surface.covered.numpy()]


@pytest.fixture(scope="module")
def mesh(ada: Costume) -> Mesh:
    return Mesh.of(ada.body)


@pytest.fixture(scope="module")
def pair(ada: Costume, mesh: Mesh) -> tuple[SurfaceMap, SurfaceMap]:
    """Two poses: the first is drawn anew, the second is the reference."""
    return view(bend(ada.body), mesh), view(stand(ada.body, 15), mesh)


@pytest.fixture(scope="module")
def flow(pair: tuple[SurfaceMap, SurfaceMap]) -> Flow:
    return correspond(*pair)


def test_the_flow_of_a_body_onto_itself_is_identity(pair: tuple[SurfaceMap, SurfaceMap]) -> None:
    new, _ = pair
    flow = correspond(new, new)
    assert_allclose(flow.xy, centres(SIZE), atol=1e-2)
    assert flow.visible[new.covered].float().mean() > 0.98
    assert_array_equal(flow.visible & ~new.covered, False)


def test_the_flow_of_a_rigid_body_is_its_projected_motion(ada: Costume, mesh: Mesh) -> None:
    turn, shift = Rotation.from_euler("xyz", [5, 12, -8], degrees=True).as_matrix(), np.array([0.2, -0.1, 0.6])
    centre = np.array([0, 0, 4.0])
    here = stand(ada.body)
    new = view(here, mesh)
    size, focal_px = Size(120, 100), 150.0
    reference = view((here - centre) @ turn.T + centre + shift, mesh, size, focal_px)
    flow = correspond(new, reference)
    moved = (points_of(new) - centre) @ turn.T + centre + shift
    expected = np.zeros((*new.face.shape, 2))
    expected[new.covered.numpy()] = moved[:, :2] / moved[:, 2:] * focal_px + np.array(size) / 2
    assert flow.visible.float().sum() > 0.8 * new.covered.float().sum()
    assert_allclose(flow.xy[flow.visible], expected[flow.visible.numpy()], atol=0.02)


def test_the_flow_follows_the_surface_from_one_person_to_another(ada: Costume, bruno: Costume, mesh: Mesh) -> None:
    new, reference = view(stand(ada.body), mesh), view(stand(bruno.body, 10), mesh)
    flow = correspond(new, reference)
    there = flow.xy[flow.visible].floor().long()
    shown = reference.part[there[:, 1], there[:, 0]]
    assert (shown == new.part[flow.visible]).float().mean() > 0.9
    assert flow.visible.sum() > 0.6 * new.covered.sum()


def test_the_flow_is_what_the_plain_twin_finds(pair: tuple[SurfaceMap, SurfaceMap], flow: Flow) -> None:
    xy, visible = trace_points(plain(pair[0]), plain(pair[1]), CONFIG)
    assert (flow.visible.numpy() != visible).sum() <= 2
    both = flow.visible.numpy() & visible
    assert both.sum() > 400
    assert_allclose(flow.xy[both], xy[both], atol=1e-2)


def test_what_a_limb_hides_in_the_reference_is_not_visible() -> None:
    back, front = make_wall(2.0, 2.0, cells=8), make_wall(0.15, 3.0)
    faces = np.concatenate([back[1], front[1] + len(back[0])])
    mesh = Mesh.build(faces, np.repeat([2, 4], [len(back[1]), len(front[1])]), len(back[0]) + len(front[0]))

    def scene(limb_x: float) -> SurfaceMap:
        walls = [back[0] + [0, 0, 4.0], front[0] + [limb_x, 0, 3.0]]
        return view(np.concatenate(walls), mesh)

    flow, wall = correspond(scene(5.0), scene(0.2)), scene(5.0).part == 2
    hidden = np.abs((centres(SIZE)[..., 0] - 36) / FOCAL_PX * 3.0 - 0.2) < 0.075  # behind the limb, seen from the lens
    assert_array_equal(flow.visible.numpy(), wall.numpy() & ~hidden)
    assert_array_equal(flow.kind == FILLED, wall.numpy() & hidden)
    assert_allclose(flow.xy[flow.visible], centres(SIZE)[flow.visible.numpy()], atol=1e-3)  # nothing moved
    drawn = flow.sample(torch.from_numpy(hidden).float()[None])[0]  # of the wall on either side, not of the limb
    assert drawn[wall].max() < 0.01


def test_the_back_is_not_visible_from_the_front(ada: Costume, mesh: Mesh) -> None:
    new = view(stand(ada.body, 180), mesh)
    assert correspond(new, view(stand(ada.body), mesh)).visible.sum() < 0.02 * new.covered.sum()


def test_holes_are_carried_by_the_nearest_seen_pixel_of_their_part(
    pair: tuple[SurfaceMap, SurfaceMap], flow: Flow
) -> None:
    part, seen = pair[0].part.numpy(), flow.visible.numpy()
    bound = CONFIG.fill_m * FOCAL_PX / pair[0].depth_m.numpy()
    for y, x in np.argwhere((part >= 0) & ~seen):
        away, nearest = nearest_pixel(y, x, seen & (part == part[y, x]))
        if away > bound[y, x] + 1e-3 or nearest is None:
            assert flow.kind[y, x] == NOTHING
            assert flow.confidence[y, x] == 0
        else:
            assert flow.kind[y, x] == FILLED
            trust = CONFIG.fill_trust * flow.confidence[nearest] * (1 - away / bound[y, x])
            assert_allclose(flow.confidence[y, x], trust, atol=1e-4)
            reach = flow.xy[y, x] - flow.xy[nearest]
            assert np.linalg.norm(reach) <= 2 * away  # at most the ratio of the two scales


def test_pixels_beyond_the_silhouette_move_with_the_nearest_of_the_body(pair: tuple[SurfaceMap, SurfaceMap]) -> None:
    new = pair[0]
    flow = correspond(new, new, replace(CONFIG, front_m_per_m=0.0))
    covered, depth = new.covered.numpy(), new.depth_m.numpy()
    for y, x in np.argwhere(~covered):
        y_all, x_all = np.nonzero(covered)
        away_m = np.hypot(y_all - y, x_all - x) * depth[covered] / FOCAL_PX
        inside = away_m.min() < CONFIG.beyond_m
        assert (flow.kind[y, x] == BEYOND) == inside
        fade = max(0.0, 1 - away_m.min() / CONFIG.beyond_m)
        assert 0 <= flow.confidence[y, x] <= fade + 1e-5
    assert (flow.confidence[flow.kind == BEYOND] > 0).float().mean() > 0.9


def test_what_is_beyond_the_silhouette_turns_with_its_limb() -> None:
    vertices, faces = make_wall(0.2, 1.2, cells=6)
    mesh = Mesh.build(faces, np.full(len(faces), 5), len(vertices))
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    place = np.array([0.003, 0.003, 4.0])
    new, reference = view(vertices + place, mesh), view(vertices @ quarter.T + place, mesh, Size(96, 72))
    flow = correspond(new, reference)
    beyond = flow.kind == BEYOND
    assert beyond.sum() > 50
    expected = (centres(SIZE) - np.array(SIZE) / 2) @ quarter[:2, :2].T + np.array([48, 36])
    offset = FOCAL_PX * 0.003 / 4
    expected += np.array([offset, offset]) - quarter[:2, :2] @ np.array([offset, offset])
    error = np.linalg.norm(flow.xy[beyond].numpy() - expected[beyond.numpy()], axis=-1)
    assert (error < 0.1).mean() > 0.85
    assert error.max() < 2.1  # beside pixels of the silhouette that the reference, by a hair, does not show


def test_the_part_in_front_takes_the_pixels_between_two() -> None:
    strip, faces = make_wall(0.4, 2.5, cells=4)
    near, far = strip + np.array([-0.27, 0, 3.6]), strip + np.array([0.28, 0, 4.0])
    mesh = Mesh.build(np.concatenate([faces, faces + len(strip)]), np.repeat([2, 5], len(faces)), 2 * len(strip))
    new = view(np.concatenate([near, far]), mesh)
    reference = view(np.concatenate([near, far + np.array([0.3, 0, 0])]), mesh)
    columns = {}
    for front in (0.0, 0.3):
        flow = correspond(new, reference, replace(CONFIG, front_m_per_m=front, beyond_m=0.2))
        moves = (flow.xy[48, :, 0] - torch.arange(SIZE.width) - 0.5).abs() > 1
        columns[front] = (~moves & (flow.kind[48] == BEYOND)).sum()
    assert columns[0.3] > columns[0.0] > 0


def test_a_neighbouring_limb_in_the_reference_is_not_trusted() -> None:
    strip, faces = make_wall(0.4, 2.5, cells=4)
    mesh_faces = np.concatenate([faces, faces + len(strip)])
    labels = np.repeat([PARTS.index("right_thigh"), PARTS.index("right_hand")], len(faces))
    mesh = Mesh.build(mesh_faces, labels, 2 * len(strip))
    thigh = strip + np.array([-0.2, 0, 4.0])
    new = view(np.concatenate([thigh, strip + np.array([9.0, 0, 4.0])]), mesh)
    flow = correspond(new, view(np.concatenate([thigh, strip + np.array([0.2, 0, 4.0])]), mesh))
    row, edge = 48, int(SIZE.width / 2)
    assert (flow.kind[row, edge : edge + 2] == BEYOND).all()
    assert (flow.confidence[row, edge : edge + 2] == 0).all()
    left = int(SIZE.width / 2 - 0.4 * FOCAL_PX / 4) - 1
    assert flow.confidence[row, left] > 0


def test_confidence_falls_with_angle_resolution_and_nearby_edges() -> None:
    sphere, faces = make_sphere(0.5, rings=30)
    ball = Mesh.build(faces, np.zeros(len(faces)), len(sphere))
    new = view(sphere + np.array([0, 0, 4.0]), ball)
    turned = sphere @ Rotation.from_euler("y", 50, degrees=True).as_matrix().T
    flow = correspond(new, view(turned + np.array([0, 0, 4.0]), ball))
    seen = flow.confidence[48, flow.visible[48]]
    assert seen.max() > 0.9
    assert min(seen[0], seen[-1]) < 0.3
    middle = correspond(new, new).confidence[48, 36]
    farther = correspond(new, view(sphere + np.array([0, 0, 8.0]), ball)).confidence[48, 36]
    assert_allclose(middle, 1, atol=1e-3)
    assert_allclose(farther, 0.5, atol=0.05)
    assert correspond(new, new).confidence.max() <= 1


def test_pictures_are_drawn_where_the_flow_says(pair: tuple[SurfaceMap, SurfaceMap], flow: Flow) -> None:
    new, reference = pair
    ramp = torch.from_numpy(np.moveaxis(centres(SIZE), -1, 0)).float()  # each pixel's colour is its own place
    drawn = flow.sample(ramp)
    inside = ((flow.xy > 0.5) & (flow.xy < torch.tensor(SIZE) - 0.5)).all(-1)
    assert_allclose(drawn[:, inside], flow.xy[inside].T, atol=1e-3)
    small = torch.nn.functional.avg_pool2d(ramp[None], 2)[0]  # the same picture at half the resolution
    assert_allclose(flow.sample(small)[:, flow.visible], flow.xy[flow.visible].T, atol=1e-3)
    assert flow.reference == reference.size
    assert drawn.shape[1:] == new.face.shape


def test_equal_input_gives_equal_flow(pair: tuple[SurfaceMap, SurfaceMap], flow: Flow) -> None:
    again = correspond(*pair)
    assert all(torch.equal(getattr(flow, name), getattr(again, name)) for name in FIELDS)


def test_a_body_that_is_not_there_gives_no_flow(ada: Costume, mesh: Mesh, pair: tuple[SurfaceMap, SurfaceMap]) -> None:
    gone = view(stand(ada.body) * np.nan, mesh)
    for flow in (correspond(gone, pair[1]), correspond(pair[0], gone)):
        assert (flow.kind == NOTHING).all()
        assert (flow.confidence == 0).all()
        assert_allclose(flow.xy, centres(SIZE))


def test_maps_of_different_meshes_are_refused(pair: tuple[SurfaceMap, SurfaceMap]) -> None:
    vertices, faces = make_wall(1, 1)
    wall = view(vertices + np.array([0, 0, 2.0]), Mesh.build(faces, np.zeros(2), 4))
    with pytest.raises(ValueError, match="13718 vertices on cpu and 4 on cpu; expected one mesh"):
        correspond(pair[0], wall)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_finds_what_a_cpu_finds(ada: Costume, flow: Flow) -> None:
    mesh = Mesh.of(ada.body, "cuda")
    there = correspond(view(bend(ada.body), mesh), view(stand(ada.body, 15), mesh))
    same = there.kind.cpu() == flow.kind
    assert same.float().mean() > 0.99
    seen = same & (flow.kind == SEEN)
    assert_allclose(there.xy.cpu()[seen], flow.xy[seen], atol=1e-2)
    assert (there.confidence.cpu() - flow.confidence)[same].abs().mean() < 1e-3
