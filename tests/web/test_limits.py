"""The queue is fair, bounded and never stuck."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.web.limits import Clock, Turnstile
from unmask.web.problems import Problem

LONG = 30.0


def test_first_come_first_served_and_the_rest_is_sent_away():
    gate = Turnstile(at_once=1, queue=2)
    first, second, third = gate.take(), gate.take(), gate.take()
    assert gate.counts() == (1, 2)
    with pytest.raises(Problem) as told:
        gate.take()
    assert told.value.status == 429
    assert int(told.value.headers()["Retry-After"]) >= 1
    first.wait(Clock(LONG))
    first.leave()
    second.wait(Clock(LONG))
    with pytest.raises(Problem) as told:
        third.wait(Clock(0.0), step=0.01)
    assert (told.value.status, told.value.retry_after) == (503, 1)
    third.leave()
    second.leave()
    assert gate.counts() == (0, 0)


def test_who_would_wait_too_long_is_sent_away_at_once():
    gate = Turnstile(at_once=1, queue=50, patience=2.5)
    first, second, third = gate.take(), gate.take(), gate.take()  # at a second each, as at first
    with pytest.raises(Problem) as told:
        gate.take()  # would be through after more than three
    assert told.value.status == 429
    first.leave()  # took no time: the next ones are taken to be quicker
    fourth = gate.take()
    assert gate.counts() == (1, 2)
    for each in (second, third, fourth):
        each.leave()


def test_slow_files_never_close_the_page():
    gate = Turnstile(at_once=2, queue=50, patience=0.0)
    held = [gate.take() for _ in range(4)]
    with pytest.raises(Problem):
        gate.take()
    assert gate.counts() == (2, 2)
    for each in held:
        each.leave()


def test_a_block_gives_its_ticket_back_whatever_happens():
    gate = Turnstile(at_once=1, queue=0)
    with pytest.raises(ValueError, match="broken"), gate.take():
        raise ValueError("broken")
    ticket = gate.take()
    ticket.leave()
    ticket.leave()
    assert gate.counts() == (0, 0)


def test_who_waits_is_told_how_many_come_first_and_let_in():
    gate = Turnstile(at_once=1, queue=2)
    first, second, third = gate.take(), gate.take(), gate.take()
    told = []

    def go_on(share, words):
        told.append((share, words))
        first.leave()
        second.leave()

    third.wait(Clock(LONG), go_on, step=0.01)
    assert told[0] == (0.0, "waiting: 2 before this one")
    third.leave()


def test_who_is_gone_stops_waiting():
    gate = Turnstile(at_once=1, queue=1)
    gate.take()
    with pytest.raises(Problem) as told:
        gate.take().wait(Clock(LONG, gone=lambda: True), step=0.01)
    assert told.value.reason == "gone"


def test_a_clock_runs_out():
    clock = Clock(LONG)
    clock.check()
    assert 0 < clock.left() <= LONG
    with pytest.raises(Problem) as told:
        Clock(0.0).check()
    assert told.value.status == 503
    assert "0 seconds" in told.value.detail


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(0, 3), st.lists(st.booleans(), max_size=30))
def test_never_more_inside_or_waiting_than_allowed(at_once, queue, steps):
    gate, held = Turnstile(at_once, queue), []
    for enter in steps:
        if enter:
            full = len(held) == at_once + queue
            try:
                held.append(gate.take())
                assert not full
            except Problem:
                assert full
        elif held:
            held.pop(len(held) // 2).leave()
        inside, waiting = gate.counts()
        assert inside == min(at_once, len(held))
        assert inside + waiting == len(held)


def test_many_threads_all_get_through():
    gate, most, inside, served = Turnstile(at_once=2, queue=20), [0], [0], []
    lock = threading.Lock()

    def visit(number):
        with gate.take() as ticket:
            ticket.wait(Clock(LONG))
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.002)
            with lock:
                inside[0] -= 1
                served.append(number)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert sorted(served) == list(range(20))
    assert most[0] <= 2
    assert gate.counts() == (0, 0)
