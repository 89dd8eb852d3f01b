import numpy as np
import pytest
from numpy.testing import assert_array_equal

from choreograft.body.model import Body, make_body
from choreograft.errors import OptionError
from choreograft.studio.costume import Costume, costume_of
from choreograft.studio.performers import PATTERNS, PERFORMERS, draw_person, find_performer


def body_of(name: str) -> Body:
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    return make_body(find_performer(name).shape)


def volume_m3(body: Body) -> float:
    """By the divergence theorem: tetrahedra from the origin to every triangle."""
    a, b, c = (body.vertices[body.faces[:, corner]] for corner in range(3))
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


def test_dina_has_adas_body_and_none_of_her_colours(ada: Costume) -> None:
    assert_array_equal(body_of("dina").vertices, ada.body.vertices)
    first, second = PERFORMERS["ada"].outfit, PERFORMERS["dina"].outfit
    for part in ("skin", "hair", "shirt", "trousers", "shoes"):
        assert np.abs(np.subtract(getattr(first, part), getattr(second, part))).max() > 60, part


def test_emil_is_as_tall_as_ada_and_much_heavier(ada: Costume) -> None:
    emil = body_of("emil")
    assert emil.height_m == pytest.approx(ada.body.height_m, abs=1e-3)
    assert volume_m3(emil) > 1.3 * volume_m3(ada.body)


def test_fay_is_short_and_gus_is_the_tallest(ada: Costume) -> None:
    assert 0.75 < body_of("fay").height_m / ada.body.height_m <= 0.85
    heights = {name: body_of(name).height_m for name in PERFORMERS}
    assert max(heights, key=lambda name: heights[name]) == "gus"
    assert volume_m3(body_of("gus")) / heights["gus"] ** 3 < volume_m3(body_of("emil")) / heights["emil"] ** 3


def test_names_find_their_performers() -> None:
    assert all(find_performer(name) is performer for name, performer in PERFORMERS.items())
    assert find_performer("seed-12").name == "seed-12"


@pytest.mark.parametrize("name", ["zoe", "seed-", "seed--1", "seed-1.5", "seed-²", "", "Ada"])
def test_an_unknown_name_is_answered_with_what_there_is(name: str) -> None:
    with pytest.raises(OptionError, match="ada, bruno, dina, emil, fay, gus, and seed-N") as caught:
        find_performer(name)
    assert "\n" not in str(caught.value)
    with pytest.raises(OptionError):
        costume_of(name)


def test_a_seed_is_always_the_same_person_and_another_seed_another() -> None:
    assert draw_person(3) == draw_person(3)
    people = [draw_person(seed) for seed in range(100)]
    assert len({str(person) for person in people}) == 100
    outfits = [outfit for _, outfit in people]
    assert {outfit.pattern for outfit in outfits} == set(PATTERNS)
    assert {outfit.legwear for outfit in outfits} == {"trousers", "skirt"}
    assert {outfit.hairstyle for outfit in outfits} == {"short", "bun", "ponytail"}
    for outfit in outfits:
        for colour in (outfit.skin, outfit.lips, outfit.hair, outfit.shirt, outfit.stripe, outfit.trousers):
            assert all(0 <= value <= 255 for value in colour)
        if outfit.pattern != "plain":
            assert np.abs(np.subtract(outfit.shirt, outfit.stripe)).max() > 40, outfit


def test_people_from_seeds_have_the_heights_of_adults() -> None:
    heights = [body_of(f"seed-{seed}").height_m for seed in range(12)]
    assert min(heights) > 1.45
    assert max(heights) < 1.95
    assert np.std(heights) > 0.04
