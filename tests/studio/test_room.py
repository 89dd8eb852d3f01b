import numpy as np
import pytest
from numpy.testing import assert_array_equal

from choreograft.errors import OptionError
from choreograft.studio import room as rooms
from choreograft.studio.filming import LIGHTS, Camera
from choreograft.studio.room import FURNITURE, ROOMS, Room, draw_room
from choreograft.video.size import Size

CAMERAS = {
    "in front": Camera(Size(120, 160), 1.08, 4.2, 2.6),
    "wide, at the left": Camera(Size(192, 108), 1.3, 5.0, 2.6, 5.0, 40.0),
    "wide, at the right": Camera(Size(192, 108), 1.3, 5.0, 2.6, 5.0, -40.0),
    "low": Camera(Size(120, 160), 0.25, 4.2, 2.8, -10.0),
    "low, at the left": Camera(Size(192, 108), 0.25, 4.2, 2.8, -10.0, 40.0),
    "close": Camera(Size(120, 160), 1.5, 1.2, 0.7),
    "beside": Camera(Size(192, 108), 1.3, 5.0, 2.6, 0.0, 90.0),
}


@pytest.fixture(autouse=True)
def renderer() -> None:
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
def test_the_room_fills_the_picture(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a room without any red, nothing of the red that lies behind everything shows."""
    monkeypatch.setattr(rooms, "CEILING", (0, 255, 0))
    green = Room((0, 255, 0), (0, 255, 0), lambda: np.full((8, 8, 3), (0, 255, 0), np.uint8), "none")
    build = rooms._build

    def build_before_red(plotter: object, pv: object, room: Room, ambient: float) -> None:
        build(plotter, pv, room, ambient)
        plotter.set_background((1.0, 0.0, 0.0))  # type: ignore[attr-defined]

    monkeypatch.setattr(rooms, "_build", build_before_red)
    picture = draw_room(green, camera)
    assert picture[..., 0].max() == 0
    assert picture[..., 1].min() > 0


@pytest.mark.parametrize("camera", [Camera(Size(60, 80), 1, 4, 2, azimuth_deg=180), Camera(Size(60, 80), 1, 11, 2)])
def test_a_camera_outside_of_the_room_is_refused(camera: Camera) -> None:
    with pytest.raises(OptionError, match=r"outside of the room.*smaller distance"):
        draw_room(ROOMS["hall"], camera)


def test_every_room_is_furnished_and_unlike_the_others() -> None:
    pictures = {name: draw_room(room, CAMERAS["in front"]) for name, room in ROOMS.items()}
    assert {room.furniture for room in ROOMS.values()} <= set(FURNITURE)
    edges = {name: np.abs(np.diff(picture.astype(float), axis=1)).mean() for name, picture in pictures.items()}
    assert edges["brick"] > 5 * edges["hall"]
    names = list(pictures)
    for index, name in enumerate(names):
        for other in names[:index]:
            assert np.abs(pictures[name].astype(float) - pictures[other]).mean() > 15, (name, other)


def test_a_room_is_drawn_the_same_twice_and_lit_by_the_light() -> None:
    camera = CAMERAS["in front"]
    soft = draw_room(ROOMS["hall"], camera)
    assert_array_equal(soft, draw_room(ROOMS["hall"], camera, LIGHTS["soft"]))
    warm, dim = (draw_room(ROOMS["hall"], camera, LIGHTS[name]).astype(float) for name in ("warm side", "dim"))
    assert dim.mean() < 0.6 * soft.mean()
    red, _, blue = warm.mean(axis=(0, 1))
    assert red > 1.2 * blue
