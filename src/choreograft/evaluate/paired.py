"""Pairs of the studio as cases of an evaluation against rendered truth; known without loading torch."""

from collections.abc import Sequence
from pathlib import Path

from choreograft.errors import FileFormatError, OptionError
from choreograft.files import content_hash, fit_name
from choreograft.performer.header import read_training
from choreograft.studio.pairs import CASES, PAIR_FILE, Pair, load_pair


def find_pairs(folders: Sequence[Path]) -> list[Pair]:
    """The pairs in folders: each is a pair itself or holds some, in the order of the standard set, others after it.

    Raises:
        FileFormatError: a folder holds none, or a damaged one.
    """
    pairs = []
    for folder in folders:
        inside = sorted(path.parent for path in folder.glob(f"*/{PAIR_FILE}"))
        inner = [folder] if (folder / PAIR_FILE).exists() else inside
        if not inner:
            raise FileFormatError(
                f"{folder}: found no {PAIR_FILE} in it or in its folders; expected a pair; render one with"
                f" choreograft studio {folder}"
            )
        pairs += [load_pair(path) for path in inner]
    order = {name: place for place, name in enumerate(CASES)}
    return sorted(pairs, key=lambda pair: (order.get(pair.name, len(order)), pair.name))


def check_performer(performer: Path, pairs: Sequence[Pair]) -> None:
    """Refuse a performer that is not the pairs' target.

    Raises:
        OptionError: it was trained on other footage. FileFormatError: not a performer file.
    """
    known = set(read_training(performer).get("clips", {}).values())
    for pair in pairs:
        if content_hash(pair.target) not in known:
            raise OptionError(
                f"{performer} was not trained on {pair.target}; expected a performer of the pair's own target; train"
                f" one with choreograft train {pair.target}, or leave it out"
            )


def name_cases(pairs: Sequence[Pair]) -> list[str]:
    """What the cases are called: as the pairs, with the folder before it where several share a name (other seeds).

    Raises:
        OptionError: one pair is given twice.
    """
    names = [pair.name for pair in pairs]
    unique = [
        name if names.count(name) == 1 else fit_name(f"{pair.folder.resolve().parent.name}-{name}", "")
        for name, pair in zip(names, pairs, strict=True)
    ]
    twice = sorted({name for name in unique if unique.count(name) > 1})
    if twice:
        raise OptionError(f"--pair: found {', '.join(twice)} more than once; give every pair once")
    return unique
