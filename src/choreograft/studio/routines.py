"""All routines by name."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from choreograft.studio import drills, moves
from choreograft.studio.improvise import improvise
from choreograft.studio.score import Motion
from choreograft.studio.showcase import showcase

Routine = Callable[[float, Fraction, int], Motion]
"""`routine(seconds, rate, seed)`: the motion of a clip of so many seconds at so many frames a second. Only those that
draw lots look at the seed; all the others do the same whatever it is."""

ROUTINES: Mapping[str, Routine] = {
    "calibration": moves.calibration,
    "dance": moves.dance,
    "showcase": showcase,
    "kicks": drills.kicks,
    "squats": drills.squats,
    "turns": drills.turns,
    "walk": drills.walk,
    "gestures": drills.gestures,
    "improvise": improvise,
}
