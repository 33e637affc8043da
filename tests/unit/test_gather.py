"""A burst of requests costs a batch or two, and none is forgotten."""

from __future__ import annotations

import threading

import pytest

from saltern.gather import Gatherer, gatherer


class Time:
    """A clock that sleeping moves; ``script`` runs what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.script: list[tuple[float, object]] = []

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pass ``seconds``, doing what falls into them."""
        until = self.now + seconds
        while self.script and self.script[0][0] <= until:
            self.now, action = self.script.pop(0)
            action()
        self.now = until


def test_one_request_is_served_after_the_quiet_time() -> None:
    """A lone request waits for others a moment, then is served."""
    time = Time()
    served = Gatherer(0.3, 5, time.clock, time.sleep).serve("a", lambda batch: (time.now, batch))
    assert served == (0.3, ["a"])


def test_requests_of_a_burst_are_served_together_by_the_first() -> None:
    """Later callers return at once; the first one's work has all of them."""
    time, batches = Time(), []
    gather = Gatherer(0.3, 5, time.clock, time.sleep)
    time.script = [(n / 10, lambda n=n: gather.serve(n, batches.append)) for n in range(1, 20)]
    gather.serve(0, batches.append)
    assert batches == [list(range(20))]


def test_burst_without_end_is_cut_at_the_limit() -> None:
    """Steady events delay nothing for longer than the limit."""
    time, starts = Time(), []
    gather = Gatherer(0.3, 5, time.clock, time.sleep)

    def work(_batch: list[int]) -> None:
        starts.append(time.now)
        time.sleep(1)

    time.script = [(n / 10, lambda n=n: gather.serve(n, work)) for n in range(1, 100)]
    gather.serve(0, work)
    assert starts == pytest.approx([5.0, 10.2], abs=0.3)


def test_request_during_the_work_is_served_next_by_the_same_thread() -> None:
    """What comes while the work runs is not lost with its end."""
    time, batches = Time(), []
    gather = Gatherer(0.3, 5, time.clock, time.sleep)

    def work(batch: list[str]) -> None:
        batches.append(batch)
        if batch == ["a"]:
            assert gather.serve("b", work) is None

    gather.serve("a", work)
    assert batches == [["a"], ["b"]]


def test_failed_work_leaves_the_next_request_free_to_be_served() -> None:
    """An error reaches its caller and does not block those who come later."""
    time, batches = Time(), []
    gather = Gatherer(0.3, 5, time.clock, time.sleep)

    def fail(_batch: list[str]) -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        gather.serve("a", fail)
    gather.serve("b", batches.append)
    assert batches == [["b"]]


def test_many_threads_lose_no_request() -> None:
    """With real threads every request is in exactly one batch, and batches never overlap."""
    gather: Gatherer[int] = Gatherer(0.005, 0.05)
    served: list[int] = []
    working = threading.Lock()

    def work(batch: list[int]) -> None:
        assert working.acquire(blocking=False)
        served.extend(batch)
        working.release()

    threads = [
        threading.Thread(target=lambda n=n: [gather.serve(n * 50 + i, work) for i in range(50)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(served) == list(range(400))


def test_gatherer_of_a_name_is_one_for_the_process() -> None:
    """Salt loads a runner several times; the gatherer must be the same one."""
    assert gatherer("x") is gatherer("x")
    assert gatherer("x") is not gatherer("y")
