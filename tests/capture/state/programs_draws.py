"""Functions that take the next of something: iterators, random numbers, clocks."""

import datetime
import itertools
import os
import queue
import random
import secrets
import time
import uuid

import numpy as np

import wengert as wg
from tests.capture.state.programs import refused, replayed


@refused
def queue_of_the_library(cap):
    q = queue.Queue()
    for i in range(50):
        q.put(float(i))
    yield cap(lambda x: x * q.get()), lambda: q.qsize()


@refused
def count_of_itertools(cap):
    n = itertools.count(1)
    yield cap(lambda x: x * next(n))


@refused
def cycle_of_itertools(cap):
    n = itertools.cycle([1.0, 2.0, 3.0])
    yield cap(lambda x: x * next(n))


@refused
def iterator_of_a_list(cap):
    it = iter([float(i) for i in range(50)])
    yield cap(lambda x: x * next(it, 0.0))


@refused
def iterator_in_a_loop(cap):
    it = iter(range(50))

    def f(x):
        for k in it:
            return x * k

    yield cap(f)


@refused
def iterator_by_islice(cap):
    it = iter(range(500))
    yield cap(lambda x: x * sum(itertools.islice(it, 2)))


@refused
def iterator_unpacked_by_zip(cap):
    it = iter(range(500))
    yield cap(lambda x: x * list(zip(it, "ab", strict=False))[1][0])


@refused
def iterator_called_by_name(cap):
    it = iter(range(500))
    yield cap(lambda x: x * it.__next__())


@refused
def generator_kept_outside(cap):
    def rates():
        k = 1.0
        while True:
            yield k
            k *= 0.5

    g = rates()
    yield cap(lambda x: x * next(g))


@refused
def generator_sent_to(cap):
    def running():
        total = 0.0
        while True:
            total += yield total

    g = running()
    next(g)
    yield cap(lambda x: x * g.send(1.0))


@refused
def iterator_of_the_users(cap):
    class Rates:
        def __init__(self):
            self.n = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.n += 1
            return self.n

    rates = Rates()
    yield cap(lambda x: x * next(rates)), lambda: rates.n


@refused
def random_number(cap):
    yield cap(lambda x: x * random.random())


@refused
def random_choice(cap):
    yield cap(lambda x: x * random.choice([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))


@refused
def random_decides(cap):
    yield cap(lambda x: x if random.uniform(0, 1) < 0.5 else -x)


@refused
def random_generator_of_ones_own(cap):
    rng = random.Random(3)
    yield cap(lambda x: x * rng.gauss(0, 1) + rng.randint(0, 9))


@refused
def random_shuffle(cap):
    order = list(range(8))

    def f(x):
        random.shuffle(order)
        return x * order[0]

    yield cap(f), lambda: order


@replayed
def random_seeded_inside(cap):
    yield cap(lambda x: x * random.Random(3).random())


@refused
def numpy_random_legacy(cap):
    yield cap(lambda x: x * float(np.random.rand()))


@refused
def numpy_random_state(cap):
    rng = np.random.RandomState(3)
    yield cap(lambda x: x * float(rng.normal()))


@refused
def numpy_random_generator(cap):
    rng = np.random.default_rng(3)
    yield cap(lambda x: x + wg.from_numpy(rng.standard_normal(2)))


@refused
def numpy_random_permutation(cap):
    rng = np.random.default_rng(3)
    yield cap(lambda x: x * int(rng.permutation(5)[0]))


@replayed
def numpy_random_made_inside(cap):
    yield cap(lambda x: x * float(np.random.default_rng(3).random()))


@replayed
def random_of_the_package(cap):
    yield cap(lambda x: x * wg.rand(2) + wg.randn(2))


def of_no_value(f):
    """The part of the result that can be compared."""
    return lambda x: f(x) * 0


@refused
def clock(cap):
    yield of_no_value(cap(lambda x: x * time.perf_counter()))


@refused
def clock_of_the_day(cap):
    yield of_no_value(cap(lambda x: x * datetime.datetime.now().microsecond))


@refused
def unique_number(cap):
    yield of_no_value(cap(lambda x: x * (uuid.uuid4().int % 7)))


@refused
def secret_number(cap):
    yield of_no_value(cap(lambda x: x * secrets.randbelow(7)))


@refused
def bytes_of_the_system(cap):
    yield of_no_value(cap(lambda x: x * os.urandom(1)[0]))
