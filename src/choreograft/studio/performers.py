"""The two people of the demo, as unlike as two people are: build, skin, hair and clothes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from choreograft.studio.body import make_body
from choreograft.studio.costume import Costume, dress
from choreograft.studio.outfit import Outfit


@dataclass(frozen=True)
class StudioPerformer:
    """A synthetic person, as a recipe."""

    name: str
    shape: Mapping[str, float]
    """Anny's phenotypes; see `make_body`."""
    outfit: Outfit


PERFORMERS: Mapping[str, StudioPerformer] = {
    performer.name: performer
    for performer in (
        StudioPerformer(
            name="ada",  # tall and slim
            shape={"gender": 1.0, "age": 0.6, "muscle": 0.5, "weight": 0.38, "height": 0.62, "proportions": 0.75},
            outfit=Outfit(
                skin=(150, 98, 70),
                lips=(142, 66, 62),
                hair=(30, 22, 20),
                iris=(52, 32, 20),
                shirt=(236, 190, 48),
                stripe=(250, 244, 226),
                trousers=(26, 128, 126),
                shoes=(240, 238, 232),
                soles=(206, 96, 60),
                sleeve=0.62,
                hairstyle="bun",
            ),
        ),
        StudioPerformer(
            name="bruno",  # short and broad
            shape={"gender": 0.0, "age": 0.67, "muscle": 0.68, "weight": 0.74, "height": 0.16, "proportions": 0.35},
            outfit=Outfit(
                skin=(232, 186, 160),
                lips=(190, 112, 104),
                hair=(112, 70, 38),
                iris=(72, 104, 128),
                shirt=(192, 38, 44),
                stripe=(146, 24, 34),
                trousers=(36, 50, 92),
                shoes=(58, 44, 38),
                soles=(224, 220, 210),
                sleeve=1.75,
                hairstyle="short",
            ),
        ),
    )
}


@cache
def costume_of(name: str) -> Costume:
    """Build and dress one of `PERFORMERS`; about three seconds, once."""
    performer = PERFORMERS[name]
    return dress(make_body(performer.shape), performer.outfit)
