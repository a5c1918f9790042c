"""The limiter that clients of one process share: never more in the server's window, others' calls seen, stops heeded."""

import threading

import pytest

from crm_kare.errors import RetryError
from crm_kare.http import RateLimiter, shared_limiter
from crm_kare.testing.clock import FakeClock


def test_a_place_is_free_one_period_after_the_answer_not_after_the_sending() -> None:
    clock = FakeClock()
    limiter = RateLimiter(2, 10.0, clock)
    for latency in (1.0, 3.0):
        place = limiter.take()
        clock.advance(latency)
        place.ended()
    limiter.take()
    assert clock.monotonic() == 11.0


def test_the_server_never_counts_more_than_the_limit_whenever_calls_arrive_between_sending_and_answer() -> None:
    """Arrivals drawn to be as bad as they can be: early calls count late, late ones early."""
    clock = FakeClock()
    limiter = RateLimiter(5, 10.0, clock)
    arrivals = []
    for number in range(60):
        place = limiter.take()
        sent, latency = clock.monotonic(), (0.05, 2.0, 0.4)[number % 3]
        arrivals.append(sent + latency if number % 2 else sent)
        clock.advance(latency)
        place.ended()
    arrivals.sort()
    assert max(sum(at - 10.0 + 1e-9 < one <= at for one in arrivals) for at in arrivals) == 5


def test_it_keeps_the_window_as_full_as_the_latency_permits() -> None:
    clock = FakeClock()
    limiter = RateLimiter(190, 10.0, clock)
    for _ in range(1900):
        place = limiter.take()
        clock.advance(0.01)
        place.ended()
    assert 1900 / (clock.monotonic() / 10.0 + 1) >= 0.95 * 190


def test_a_share_of_the_limit_is_all_that_is_used() -> None:
    clock = FakeClock()
    limiter = RateLimiter(10, 10.0, clock)
    for _ in range(8):
        limiter.take(0.8).ended()
    assert clock.slept == []
    limiter.take(0.8)
    assert clock.slept == [10.0]


def test_a_place_that_was_not_used_is_free_at_once() -> None:
    clock = FakeClock()
    limiter = RateLimiter(1, 10.0, clock)
    limiter.take().unused()
    limiter.take()
    assert clock.slept == []


def test_what_others_sent_leaves_less_for_us_until_it_has_left_the_window() -> None:
    clock = FakeClock()
    limiter = RateLimiter(10, 10.0, clock)
    place = limiter.take()
    place.ended()
    limiter.learn(place, 10, 3)  # one call is ours, six are not
    for _ in range(3):
        limiter.take().ended()
    assert clock.slept == []
    limiter.take()
    assert clock.slept == [10.0]


def test_calls_of_ours_under_way_are_not_taken_for_others() -> None:
    limiter = RateLimiter(4, 10.0, FakeClock())
    first, second = limiter.take(), limiter.take()
    second.ended()
    limiter.learn(second, 4, 2)
    first.ended()
    limiter.learn(first, 4, 3)
    limiter.take()
    limiter.take()


def test_calls_together_wait_before_the_first_and_hardly_in_between() -> None:
    clock = FakeClock()
    limiter = RateLimiter(2, 10.0, clock)
    limiter.take().ended()
    with limiter.together(2):
        limiter.take().ended()
        assert clock.slept == [pytest.approx(9.8)]
        limiter.take().ended()
    assert clock.slept == [pytest.approx(9.8), pytest.approx(0.2)]


def test_what_is_promised_to_one_thread_nobody_else_takes() -> None:
    clock = FakeClock()
    limiter = RateLimiter(2, 10.0, clock)
    begun, over, got = threading.Event(), threading.Event(), threading.Event()

    def two_calls() -> None:
        with limiter.together(2):
            begun.set()
            assert over.wait(60)
            limiter.take().ended()
            limiter.take().ended()
            assert not got.is_set()

    def another() -> None:
        limiter.take().ended()
        got.set()

    first, second = threading.Thread(target=two_calls), threading.Thread(target=another)
    first.start()
    assert begun.wait(60)
    second.start()
    over.set()
    first.join(60)
    second.join(60)
    assert got.is_set()
    assert clock.slept[-1] == pytest.approx(10.0)


def test_calls_that_had_to_wait_go_at_a_distance_not_all_at_once() -> None:
    """Ten go at once; from then on the places come back together, and are used at twice the rate that lasts."""
    clock = FakeClock()
    limiter = RateLimiter(10, 10.0, clock)
    sent = []
    for _ in range(30):
        place = limiter.take()
        sent.append(clock.monotonic())
        place.ended()
    assert sent[:10] == [0.0] * 10
    assert sent[10:20] == pytest.approx([10.0 + number / 2 for number in range(10)])
    assert sent[20:30] == pytest.approx([20.0 + number / 2 for number in range(10)])


def test_places_kept_together_and_not_used_are_given_back() -> None:
    clock = FakeClock()
    limiter = RateLimiter(2, 10.0, clock)
    with limiter.together(2):
        limiter.take().ended()
    limiter.take()
    assert clock.slept == []


def test_after_too_fast_nobody_sends_before_the_wait_is_over() -> None:
    clock = FakeClock()
    limiter = RateLimiter(100, 10.0, clock)
    limiter.hold(10.0)
    limiter.take()
    assert clock.slept == [10.0]


def test_where_all_places_are_under_way_an_answer_is_waited_for() -> None:
    clock = FakeClock()
    limiter = RateLimiter(1, 10.0, clock)
    place, got = limiter.take(), threading.Event()

    def next_one() -> None:
        limiter.take()
        got.set()

    waiting = threading.Thread(target=next_one)
    waiting.start()
    assert not got.is_set()
    place.ended()
    waiting.join(timeout=60)
    assert got.is_set()
    assert clock.slept == [10.0]


def test_a_wait_that_is_cut_short_is_no_place() -> None:
    class Woken(FakeClock):
        def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)

    clock = Woken()
    limiter = RateLimiter(1, 10.0, clock)
    limiter.take().ended()
    with pytest.raises(RetryError):
        limiter.take()
    assert clock.slept == [10.0]


def test_one_name_on_one_clock_is_one_limiter() -> None:
    clock, other = FakeClock(), FakeClock()
    one = shared_limiter("burst", 5, 10.0, clock)
    assert shared_limiter("burst", 5, 10.0, clock) is one
    assert shared_limiter("search", 5, 10.0, clock) is not one
    assert shared_limiter("burst", 5, 10.0, other) is not one
