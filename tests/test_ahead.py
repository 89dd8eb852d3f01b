"""Work that is done ahead of who asks for it."""

from collections.abc import Iterator
from threading import Barrier, current_thread

import pytest

from choreograft.progress import run_ahead, share_out


def test_items_come_in_order_and_are_made_elsewhere() -> None:
    made_in = []

    def count() -> Iterator[int]:
        for number in range(5):
            made_in.append(current_thread().name)
            yield number

    assert list(run_ahead(count(), "helper")) == [0, 1, 2, 3, 4]
    assert all(name.startswith("helper") for name in made_in)


def test_the_next_item_is_begun_before_the_present_one_is_done_with() -> None:
    begun = []
    items = run_ahead((begun.append(number) or number for number in range(9)), "helper")
    assert next(items) == 0
    assert next(items) == 1
    items.close()  # waits for what is under way
    assert begun == [0, 1, 2]


def test_what_goes_wrong_there_is_raised_here() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    items = run_ahead(fail(), "helper")
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)


def test_the_thread_is_prepared_before_anything_is_made_there() -> None:
    done = []
    items = run_ahead((done.append("made") for _ in range(2)), "helper", prepare=lambda: done.append("prepared"))
    assert len(list(items)) == 2
    assert done == ["prepared", "made", "made"]


def test_items_are_worked_on_side_by_side_and_come_in_order() -> None:
    both = Barrier(2, timeout=20)  # breaks unless two threads wait at it at once
    taken = []

    def square(number: int) -> int:
        both.wait()
        return number**2

    items = share_out(square, (taken.append(number) or number for number in range(8)), "helper")
    assert next(items) == 0
    assert len(taken) == 3  # no more than one waits
    assert list(items) == [1, 4, 9, 16, 25, 36, 49]
