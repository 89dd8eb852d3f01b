import numpy as np
import pytest

from choreograft.performer.mover import LEAST_DEPTH_M, Laid, order_layers
from choreograft.performer.region import Region

SHAPE = (30, 60)


def lie(left: int, width: int, depth_m: float) -> Laid:
    """A layer that fills some columns, so far away."""
    maps = np.ones((SHAPE[0], width), np.float32)
    nothing = np.zeros(maps.shape, np.uint8)
    return Laid((), Region(0, left, *maps.shape), depth_m * maps, maps, maps, nothing, nothing)


def order(*layers: Laid) -> list[int]:
    ordered = order_layers(list(layers), SHAPE)
    return [next(n for n, layer in enumerate(layers) if layer is placed) for placed in ordered]


def test_layers_that_are_equally_near_or_apart_keep_their_order() -> None:
    assert order(lie(0, 30, 3.0), lie(20, 20, 3.0 + LEAST_DEPTH_M / 2), lie(45, 10, 2.0)) == [0, 1, 2]
    assert order_layers([], SHAPE) == []


@pytest.mark.parametrize("between", [0, 1, 4])
def test_an_arm_behind_the_trunk_is_drawn_before_it_whatever_is_between_them_in_the_list(between: int) -> None:
    trunk, arm = lie(0, 20, 3.0), lie(10, 20, 3.3)
    others = [lie(40 + 3 * n, 3, 1.0) for n in range(between)]
    assert order(trunk, *others, arm)[-2:] == [between + 1, 0]


def test_of_layers_that_lie_behind_each_other_in_a_circle_the_clearest_are_right() -> None:
    tilted = np.linspace(2.0, 4.0, 60, dtype=np.float32)[None].repeat(SHAPE[0], 0)
    left, right = lie(0, 40, 3.0), lie(20, 40, 3.5)
    across = lie(0, 60, 0.0)
    across.depth[:] = tilted  # before the left one, behind the right one
    placed = order(left, right, across)
    assert placed.index(1) < placed.index(0)
    assert sorted(placed) == [0, 1, 2]
