from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.body.body_track import FloorCamera
from choreograft.body.model import Body
from choreograft.body.surface import NO_FACE, PARTS, Mesh, SurfaceMap, render_surface, render_surfaces
from choreograft.studio.costume import Costume
from choreograft.video.size import Size
from plain_surface import make_sphere, make_wall, pixel_rays, trace_rays

SIZE, FOCAL_PX = Size(48, 64), 80.0
LARGE = Size(96, 128)


def mesh_of(faces: NDArray[np.int64], part: int = 0) -> Mesh:
    return Mesh.build(faces, np.full(len(faces), part), int(faces.max()) + 1)


def render(shape: tuple[NDArray[np.float64], NDArray[np.int64]], place: Any, size: Size = SIZE) -> SurfaceMap:
    vertices, faces = shape
    return render_surface(vertices + np.asarray(place), mesh_of(faces), FOCAL_PX, size)


def placed(body: Body) -> NDArray[np.float64]:
    """A body at rest 4 m before a camera, in its axes."""
    return FloorCamera(SIZE, FOCAL_PX, 1.0, 5.0).place(body.vertices + np.array([0.1, 4.0, 0]))


def test_a_wall_has_the_depth_of_its_plane_at_every_pixel() -> None:
    tilt = np.array([[1, 0, 0.3], [0, 1, -0.2], [0, 0, 1]])  # z = 2 + 0.3 x - 0.2 y in the wall's own x and y
    vertices, faces = make_wall(4, 4)
    surface = render((vertices @ tilt, faces), [0, 0, 2.0])
    rays = pixel_rays(SIZE, FOCAL_PX)
    depth = 2 / (1 - 0.3 * rays[..., 0] + 0.2 * rays[..., 1])
    assert surface.covered.all()
    assert_allclose(surface.depth_m, depth, rtol=1e-5)
    normal = np.array([0.3, -0.2, -1]) / np.linalg.norm([0.3, -0.2, -1])
    assert_allclose(surface.normal, np.broadcast_to(normal, (*depth.shape, 3)), atol=1e-5)


def test_barycentric_coordinates_give_the_point_in_space_that_the_pixel_shows() -> None:
    vertices, faces = make_wall(1.0, 1.2)
    vertices = vertices @ np.array([[1, 0, 2.0], [0, 1, 0], [0, 0, 1]]) + [0, 0, 2.0]  # strong perspective
    surface = render_surface(vertices, mesh_of(faces), FOCAL_PX, SIZE)
    corners = vertices[faces[surface.face[surface.covered]]]
    points = (surface.barycentric[surface.covered].numpy()[..., None] * corners).sum(axis=1)
    seen = points[:, :2] / points[:, 2:] * FOCAL_PX + np.array(SIZE) / 2
    y, x = np.nonzero(surface.covered.numpy())
    assert_allclose(seen, np.stack([x, y], axis=-1) + 0.5, atol=1e-3)
    assert_allclose(surface.barycentric[surface.covered].sum(-1), 1, atol=1e-6)


def test_a_sphere_has_the_depth_and_normal_of_a_sphere() -> None:
    centre, radius = np.array([0.1, -0.05, 3.0]), 0.9
    surface = render(make_sphere(radius, rings=80), centre)
    rays = pixel_rays(SIZE, FOCAL_PX)
    along, square = rays @ centre, (rays**2).sum(-1)
    hit = along**2 - square * (centre @ centre - radius**2)
    inside = hit > 0.05
    depth = ((along - np.sqrt(np.maximum(hit, 0))) / square)[inside]
    assert surface.covered.numpy()[inside].all()
    assert not surface.covered.numpy()[hit < 0].any()
    assert_allclose(surface.depth_m.numpy()[inside], depth, atol=2e-3)
    normal = (rays[inside] * depth[:, None] - centre) / radius
    assert_allclose(surface.normal.numpy()[inside], normal, atol=2e-2)


def test_no_pixel_falls_between_two_triangles() -> None:
    vertices, faces = make_wall(9, 9, cells=150)  # edges run exactly through many centres
    jitter = np.random.default_rng(0).integers(-1, 2, vertices.shape) / 64
    for wall in (vertices, vertices + jitter * [1, 1, 0]):
        assert render((wall, faces), [0, 0, 2.0]).covered.all()


def test_the_nearer_of_two_walls_hides_the_farther() -> None:
    near, far = make_wall(0.5, 0.5), make_wall(9, 9)
    vertices = np.concatenate([far[0] + [0, 0, 3.0], near[0] + [0, 0, 2.0]])
    faces = np.concatenate([far[1], near[1] + len(far[0])])
    surface = render_surface(vertices, Mesh.build(faces, np.array([7, 7, 3, 3]), len(vertices)), FOCAL_PX, SIZE)
    half = FOCAL_PX * 0.25 / 2.0
    x, y = np.meshgrid(np.arange(48) + 0.5 - 24, np.arange(64) + 0.5 - 32)
    inner = (np.abs(x) < half) & (np.abs(y) < half)
    assert_array_equal(surface.part, np.where(inner, 3, 7))
    assert_allclose(surface.depth_m, np.where(inner, 2.0, 3.0), rtol=1e-6)


def test_of_equally_near_triangles_the_lowest_is_shown() -> None:
    vertices, faces = make_wall(9, 9)
    twice = np.concatenate([faces, faces])
    surface = render_surface(vertices + np.array([0, 0, 2.0]), mesh_of(twice), FOCAL_PX, SIZE)
    assert surface.face.max() < len(faces)


@pytest.mark.parametrize("spoilt", [[0, 0, -2.0], [0, 0, 0.01], [np.nan, 0, 2.0], [0, 0, np.nan]])
def test_what_is_behind_the_lens_or_unknown_is_not_drawn(spoilt: list[float]) -> None:
    surface = render(make_wall(1, 1), spoilt)
    assert not surface.covered.any()
    assert (surface.face == NO_FACE).all()
    assert surface.depth_m.isinf().all()
    assert (surface.part == -1).all()


def test_what_faces_away_is_not_drawn() -> None:
    vertices, faces = make_wall(1, 1)
    assert not render((vertices, faces[:, ::-1]), [0, 0, 2.0]).covered.any()


def test_a_body_is_drawn_as_rays_find_it(ada: Costume) -> None:
    vertices = placed(ada.body)
    plain = trace_rays(vertices.astype(np.float32), ada.body.faces, FOCAL_PX, SIZE)
    surface = render_surface(vertices, Mesh.of(ada.body), FOCAL_PX, SIZE)
    both = surface.covered.numpy() & (plain.face >= 0)
    assert both.sum() > 150
    assert (surface.covered.numpy() != (plain.face >= 0)).sum() <= 1
    same = both & (surface.face.numpy() == plain.face)
    assert same.sum() >= 0.99 * both.sum()
    assert_allclose(surface.depth_m.numpy()[both], plain.depth_m[both], atol=1e-4)
    assert_allclose(surface.barycentric.numpy()[same], plain.barycentric[same], atol=2e-3)
    assert_allclose(surface.normal.numpy()[same], plain.normal[same], atol=2e-3)


def test_a_hand_before_the_chest_hides_it(ada: Costume) -> None:
    mesh, vertices = Mesh.of(ada.body), placed(ada.body)
    bare = render_surface(vertices, mesh, 2 * FOCAL_PX, LARGE)
    hand = np.isin(np.arange(len(mesh)), mesh.faces[mesh.face_part == PARTS.index("left_hand")])
    chest = vertices[ada.body.weight_of("spine02") > 0.5].mean(axis=0)
    moved = np.where(hand[:, None], vertices - vertices[hand].mean(axis=0) + chest - [0, 0, 0.5], vertices)
    surface = render_surface(moved, mesh, 2 * FOCAL_PX, LARGE)
    hides = (surface.part == PARTS.index("left_hand")) & (bare.part == PARTS.index("torso"))
    assert hides.sum() >= 10
    assert_allclose(bare.depth_m[hides] - surface.depth_m[hides], 0.5, atol=0.2)
    elsewhere = (surface.part == PARTS.index("torso")) & (bare.part == PARTS.index("torso"))
    assert torch.equal(bare.depth_m[elsewhere], surface.depth_m[elsewhere])


def test_a_map_of_twice_the_size_shows_the_same_body(ada: Costume) -> None:
    mesh, vertices = Mesh.of(ada.body), placed(ada.body)
    small = render_surface(vertices, mesh, FOCAL_PX, SIZE)
    large = render_surface(vertices, mesh, 3 * FOCAL_PX, Size(3 * SIZE.width, 3 * SIZE.height))
    middle = (slice(1, None, 3), slice(1, None, 3))  # every third pixel's centre lies on a small pixel's centre
    same = large.face[middle] == small.face
    assert same.float().mean() > 0.995
    assert_allclose(large.depth_m[middle][same], small.depth_m[same], rtol=1e-5)


def test_frames_drawn_one_after_another_are_those_drawn_alone(ada: Costume) -> None:
    mesh = Mesh.of(ada.body)
    frames = [placed(ada.body) + np.array([0.2 * t, 0, 0.1 * t]) for t in range(3)]
    for together, frame in zip(list(render_surfaces(frames, mesh, FOCAL_PX, SIZE)), frames, strict=True):
        alone = render_surface(frame, mesh, FOCAL_PX, SIZE)
        for name in ("face", "barycentric", "depth_m", "normal", "part"):
            assert torch.equal(getattr(together, name), getattr(alone, name))


def test_vertices_of_another_mesh_are_refused() -> None:
    vertices, faces = make_wall(1, 1)
    with pytest.raises(ValueError, match=r"found vertices of shape \(3, 3\); the mesh needs \(4, 3\)"):
        render_surface(vertices[:3], mesh_of(faces), FOCAL_PX, SIZE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_draws_what_a_cpu_draws(ada: Costume) -> None:
    vertices = placed(ada.body)
    here = render_surface(vertices, Mesh.of(ada.body), FOCAL_PX, SIZE)
    there = render_surface(vertices, Mesh.of(ada.body, "cuda"), FOCAL_PX, SIZE)
    assert there.face.device.type == "cuda"
    same = here.face == there.face.cpu()
    assert same.float().mean() > 0.995
    assert_allclose(there.depth_m.cpu()[same], here.depth_m[same], rtol=1e-5)
    assert_allclose(there.normal.cpu()[same], here.normal[same], atol=1e-3)
