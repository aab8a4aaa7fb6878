"""Datasets and functions for workers of every kind: they can be pickled, in either library."""

import os
import random
import time

import numpy as np

import wengert as wg
from wengert.utils.data import Dataset, IterableDataset, get_worker_info

LENGTH = 13


class Drawing(Dataset):
    """Samples made of all three generators of a worker."""

    def __len__(self):
        return LENGTH

    def __getitem__(self, index):
        return wg.rand(2) + index, random.random(), float(np.random.rand()), index


class Waits(Dataset):
    """The first sample is ready when the caller says so."""

    def __init__(self, length):
        self.length, self.done = length, wg.zeros(1).share_memory_()

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        while index == 0 and self.done.item() == 0:
            time.sleep(0.005)
        return index


class Streaming(IterableDataset):
    """Each worker has its share; the last has one sample."""

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        last = first + 1 if step > 1 and first == step - 1 else LENGTH
        for i in range(first, last, step):
            yield wg.rand(1) + i


class Counting(Streaming):
    """An iterable dataset with a state of its own."""

    def __init__(self):
        self.at = 0

    def __iter__(self):
        while self.at < LENGTH:
            self.at += 1
            yield wg.rand(1) + self.at

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


class Big(Dataset):
    """Batches of which every part is larger than what a socket holds."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        image = wg.full((3, 100, 100), float(index))
        return {"image": image, "array": np.full((50, 200), index), "text": "ab" * 40_000}


def as_they_are(samples):
    return samples


class Kinds(Dataset):
    """What a batch may hold besides a stack of tensors."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        x = wg.arange(12.0).reshape(3, 4)
        p = wg.nn.Parameter(wg.ones(2))
        return {
            "t": x.t(), "same": x, "expanded": wg.ones(1).expand(3), "empty": wg.zeros(0, 3),
            "scalar": wg.tensor(3), "parameter": p, "array": np.arange(6).reshape(2, 3).T,
            "strings": np.array(["a", "bc"]), "size": wg.Size([1, 2]), "bool": wg.tensor([True]),
            "big": wg.arange(100_000).flip(0), "none": None, "leaf": wg.ones(2, requires_grad=True),
        }  # fmt: skip


class Own(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


class Failing(Dataset):
    def __init__(self, kind, at=2):
        self.kind, self.at = kind, at

    def __len__(self):
        return 6

    def __getitem__(self, index):
        if index == self.at:
            if self.kind == "kill":
                os.kill(os.getpid(), 9)
            if self.kind == "exit":
                raise SystemExit(3)
            if self.kind == "interrupt":
                raise KeyboardInterrupt
            if self.kind == "sleep":
                time.sleep(100)
            if self.kind == "own":
                raise Own(1, 2)
            if self.kind == "history":
                return wg.ones(1, requires_grad=True) * 2
            if self.kind == "lambda":
                return {"f": lambda: 1}
            raise self.kind("no file")
        return index


class Where(Dataset):
    """Which worker made a sample, and the numbers it began with."""

    offset = 0

    def __len__(self):
        return 4

    def __getitem__(self, index):
        info = get_worker_info()
        assert info.dataset is self
        return (
            index + self.offset, info.id, info.num_workers, info.seed, wg.initial_seed(),
            wg.get_num_threads(), os.getpid(),
        )  # fmt: skip


def set_offset(worker):
    get_worker_info().dataset.offset = 10 * worker


def fail_to_begin(worker):
    raise LookupError("no file")
