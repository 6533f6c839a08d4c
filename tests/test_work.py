"""Decoding ahead: how far, and how much."""

from concurrent.futures import Future

import pytest

from evaluator.embedding import ahead


def run_ahead(sizes):
    """How many items, and how many bytes, were decoded but not handed on each time that one is; None in `sizes` is a wait."""
    held, seen = [], []

    def start(item):
        held.append(item)
        future = Future()
        future.set_result(item)
        return [future]

    for (number, n_bytes), futures in ahead.start_ahead(
        [None if n is None else (number, n) for number, n in enumerate(sizes)], start, lambda item: item[1]
    ):
        assert futures[0].result() == (number, n_bytes)
        held.remove((number, n_bytes))
        seen.append((number, [other for other, _ in held], n_bytes + sum(n for _, n in held)))
    return seen


def test_short_batches_are_decoded_a_few_ahead():
    """The next two are under way while one is embedded; all come, in order."""
    seen = run_ahead([10] * 5)
    assert [number for number, _, _ in seen] == [0, 1, 2, 3, 4]
    assert [len(others) for _, others, _ in seen] == [2, 2, 2, 1, 0]


@pytest.mark.parametrize("large", [ahead.AHEAD_BYTES + 1, 10 * ahead.AHEAD_BYTES])
def test_a_long_recording_is_decoded_alone(large):
    """Nothing is decoded beside it, neither before nor after it, so that memory holds one."""
    seen = run_ahead([10, large, large, None, 10, 10, large, 10])
    assert [number for number, _, _ in seen] == [0, 1, 2, 4, 5, 6, 7]
    assert all(not ahead for number, ahead, _ in seen if number in (0, 1, 2, 6))
    assert max(n for _, _, n in seen) == large


def test_there_are_as_many_threads_as_cores():
    """At least two, so that one can wait for the disk, and never more than 32."""
    assert 2 <= ahead.DECODING_THREADS <= 32
