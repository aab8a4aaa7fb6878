"""utils.data: batches are the right rows, and the draws are those of the contract."""

from itertools import chain

import pytest

import wengert as wg
from wengert.datasets import digits
from wengert.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
)


def table(n=10):
    return TensorDataset(wg.arange(n).float().reshape(n, 1) * wg.ones(1, 3), wg.arange(n))


def item_by_item(samples):
    """The default collation under another name, so that nothing is gathered natively."""
    return default_collate(samples)


def labels(loader):
    return [batch[1].tolist() for batch in loader]


def state(generator=None):
    return (generator or wg.default_generator).get_state().tolist()


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return {"i": i, "square": wg.tensor([float(i * i)])}


class Count(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


def make_sampler(kind, data, generator):
    if kind == "sequential":
        return SequentialSampler(data)
    if kind == "random":
        return RandomSampler(data, generator=generator)
    if kind == "more":
        return RandomSampler(data, num_samples=2 * len(data) + 3, generator=generator)
    if kind == "replacement":
        return RandomSampler(data, replacement=True, num_samples=70, generator=generator)
    if kind == "subset":
        return SubsetRandomSampler([1, 3, 5, 7, 9], generator=generator)
    return WeightedRandomSampler([1.0] * len(data), 7, generator=generator)


KINDS = ("sequential", "random", "more", "replacement", "subset", "weighted")


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 32, 50])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("own", [False, True])
def test_gathered_batches_are_those_made_item_by_item(kind, batch_size, drop_last, own):
    """Same rows, and after every single batch the generators are in the same state."""
    data, runs = table(), []
    for collate in (None, item_by_item):
        wg.manual_seed(3)
        generator = wg.Generator().manual_seed(7) if own else None
        sampler = make_sampler(kind, data, generator)
        loader = DataLoader(
            data,
            batch_size,
            sampler=sampler,
            drop_last=drop_last,
            generator=generator,
            collate_fn=collate,
        )
        log = []
        for images, numbers in loader:
            assert images.tolist() == [[float(i)] * 3 for i in numbers.tolist()]
            log.append((numbers.tolist(), state(generator), state()))
        log.append((state(generator), state()))
        assert len(log) - 1 == len(loader)
        runs.append(log)
    assert runs[0] == runs[1]


def test_shuffle_is_a_new_permutation_every_pass():
    wg.manual_seed(0)
    loader = DataLoader(table(100), 7, shuffle=True)
    first, second = (list(chain(*labels(loader))) for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert first != list(range(100))


def test_known_shuffles():
    """Recorded once from PyTorch 2.13."""
    wg.manual_seed(0)
    assert labels(DataLoader(table(6), 2, shuffle=True)) == [[0, 4], [3, 5], [2, 1]]
    generator = wg.Generator().manual_seed(5)
    assert labels(DataLoader(table(6), 4, shuffle=True, generator=generator)) == [
        [1, 0, 4, 2],
        [3, 5],
    ]
    generator = wg.Generator().manual_seed(5)
    split = random_split(table(6), [0.5, 0.3, 0.2], generator=generator)
    assert [part.indices for part in split] == [[5, 0, 1, 3], [4], [2]]


CONFIGS = [
    {"batch_size": 4, "shuffle": True},
    {"batch_size": 5, "shuffle": True, "drop_last": True},
    {"batch_size": 3},
    {"batch_size": None, "shuffle": True},
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("own", [False, True])
def test_same_batches_and_state_as_torch(config, own):
    torch = pytest.importorskip("torch")
    data = pytest.importorskip("torch.utils.data")
    results = []
    for lib, make_set, make_loader in (
        (wg, TensorDataset, DataLoader),
        (torch, data.TensorDataset, data.DataLoader),
    ):
        lib.manual_seed(11)
        generator = lib.Generator() if own else None
        if own:
            generator.manual_seed(2**40 + 5)
        loader = make_loader(make_set(lib.arange(23)), generator=generator, **config)
        seen = []
        for _ in range(2):
            for batch in loader:
                seen.append(batch[0].tolist())
                seen.append(lib.rand(2).tolist())  # draws in the loop's body
        seen.append(lib.randint(0, 2**31, (3,), generator=generator).tolist())
        results.append(seen)
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", KINDS)
def test_same_samples_as_torch(kind):
    data = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")
    source = list(range(20))
    ours = make_sampler(kind, source, wg.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    theirs = {
        "sequential": lambda: data.SequentialSampler(source),
        "random": lambda: data.RandomSampler(source, generator=generator),
        "more": lambda: data.RandomSampler(source, num_samples=43, generator=generator),
        "replacement": lambda: data.RandomSampler(source, True, 70, generator=generator),
        "subset": lambda: data.SubsetRandomSampler([1, 3, 5, 7, 9], generator=generator),
        "weighted": lambda: data.WeightedRandomSampler([1.0] * 20, 7, generator=generator),
    }[kind]()
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)


@pytest.mark.parametrize("indices", [[4, 2, 2, 7], [-1, 0, -10], [], range(2, 8)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_subset_of_a_subset_is_gathered_right(indices, shuffle):
    base = Subset(table(20), list(range(19, 9, -1)))
    subset = Subset(base, indices)
    if shuffle and not len(indices):
        return
    wg.manual_seed(1)
    fast = labels(DataLoader(subset, 3, shuffle=shuffle))
    wg.manual_seed(1)
    assert fast == labels(DataLoader(subset, 3, shuffle=shuffle, collate_fn=item_by_item))
    assert sorted(chain(*fast)) == sorted(19 - (i % 10) for i in indices)


def test_batches_do_not_alias_the_dataset():
    source = wg.zeros(4, 2)
    for (batch,) in DataLoader(TensorDataset(source), 2):
        batch.add_(1)
    assert source.sum().item() == 0


def test_random_split_lengths():
    data = table(10)
    assert [len(part) for part in random_split(data, [7, 3])] == [7, 3]
    assert [len(part) for part in random_split(data, [0.34, 0.33, 0.33])] == [4, 3, 3]
    parts = random_split(data, [0.5, 0.5])
    assert sorted(parts[0].indices + parts[1].indices) == list(range(10))
    with pytest.warns(UserWarning, match="index 1 is 0"):
        random_split(data, [0.95, 0.05])
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(data, [7, 4])
    with pytest.raises(ValueError, match="index 0 is not between 0 and 1"):
        random_split(data, [1.2, -0.2])


def test_map_dataset_of_dicts():
    batches = list(DataLoader(Squares(5), 2))
    assert [sorted(batch) for batch in batches] == [["i", "square"]] * 3
    assert batches[1]["i"].tolist() == [2, 3]
    assert batches[1]["square"].tolist() == [[4.0], [9.0]]
    assert batches[1]["i"].dtype == wg.int64


@pytest.mark.parametrize("drop_last", [False, True])
def test_iterable_dataset(drop_last):
    loader = DataLoader(Count(5), 2, drop_last=drop_last)
    expected = [[0, 1], [2, 3]] + ([] if drop_last else [[4]])
    assert [batch.tolist() for batch in loader] == expected
    assert list(DataLoader(Count(3), None)) == [0, 1, 2]
    chained = ChainDataset([Count(2), Count(3)])
    assert list(chained) == [0, 1, 0, 1, 2]
    assert list(Count(1) + Count(2)) == [0, 0, 1]
    with pytest.raises(TypeError):
        len(DataLoader(Count(3)))


def test_composite_datasets():
    joined = table(3) + table(4)
    assert isinstance(joined, ConcatDataset)
    assert [joined[i][1].item() for i in range(7)] == [0, 1, 2, 0, 1, 2, 3]
    assert joined[-1][1].item() == 3
    with pytest.raises(ValueError, match="absolute value"):
        joined[-8]
    with pytest.raises(IndexError):
        joined[7]
    stacked = StackDataset(a=table(3), b=[5, 6, 7])
    assert stacked[1]["b"] == 6
    (batch,) = DataLoader(StackDataset(table(3), [5, 6, 7]), 3)
    assert batch[1].tolist() == [5, 6, 7]
    assert batch[0][1].tolist() == [0, 1, 2]


def test_getitems_is_used_once_per_batch():
    calls = []

    class Many(Squares):
        def __getitems__(self, indices):
            calls.append(indices)
            return [float(i) for i in indices]

    assert [b.tolist() for b in DataLoader(Many(4), 3)] == [[0.0, 1.0, 2.0], [3.0]]
    assert calls == [[0, 1, 2], [3]]


def test_custom_batch_sampler_and_order():
    loader = DataLoader(table(6), batch_sampler=[[5, 0], [1]])
    assert labels(loader) == [[5, 0], [1]]
    assert len(loader) == 2
    assert labels(DataLoader(table(6), 4, sampler=[3, 1])) == [[3, 1]]
    batches = BatchSampler(SequentialSampler(range(5)), 2, False)
    assert labels(DataLoader(table(5), batch_sampler=batches)) == [[0, 1], [2, 3], [4]]


def test_collate_kinds():
    np = pytest.importorskip("numpy")
    out = default_collate(
        [(1, 2.5, "a", True, np.arange(2)), (3, 4.5, "b", False, np.ones(2, int))]
    )
    assert isinstance(out, list)
    assert [out[0].dtype, out[1].dtype, out[3].dtype] == [wg.int64, wg.float64, wg.bool]
    assert list(out[2]) == ["a", "b"]
    assert out[4].tolist() == [[0, 1], [1, 1]]
    assert default_collate([np.float32(1), np.float32(2)]).dtype == wg.float32
    converted = default_convert({"a": np.arange(2), "b": ("x", 1)})
    assert converted["a"].tolist() == [0, 1]
    assert converted["b"] == ["x", 1]
    with pytest.raises(TypeError, match="default_collate: batch must contain"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])


def test_replicas_share_the_data_out():
    shares = []
    for rank in range(3):
        sampler = DistributedSampler(range(10), 3, rank)
        sampler.set_epoch(4)
        shares.append(list(sampler))
    assert [len(share) for share in shares] == [4, 4, 4]
    assert set(chain(*shares)) == set(range(10))
    with pytest.raises(ValueError, match="Invalid rank"):
        DistributedSampler(range(3), 2, 2)


@pytest.mark.parametrize(
    ("error", "options", "text"),
    [
        (ValueError, {"batch_size": 0}, "positive integer"),
        (ValueError, {"batch_size": 2.5}, "positive integer"),
        (ValueError, {"shuffle": True, "sampler": [0]}, "mutually exclusive with shuffle"),
        (ValueError, {"batch_size": 2, "batch_sampler": [[0]]}, "batch_sampler option"),
        (ValueError, {"batch_size": None, "drop_last": True}, "disables auto-batching"),
        (ValueError, {"num_workers": -1}, "non-negative"),
        (ValueError, {"timeout": -1}, "non-negative"),
        (ValueError, {"prefetch_factor": 2}, "prefetch_factor"),
        (ValueError, {"persistent_workers": True}, "num_workers > 0"),
    ],
)
def test_contradicting_options(error, options, text):
    with pytest.raises(error, match=text):
        DataLoader(table(), **options)


def test_other_errors():
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(wg.zeros(2), wg.zeros(3))
    with pytest.raises(ValueError, match="num_samples"):
        DataLoader(table(0), shuffle=True)
    with pytest.raises(ValueError, match="should not be set after"):
        DataLoader(table()).batch_size = 3
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Count(3), shuffle=True)
    with pytest.raises(ValueError, match="1d sequence"):
        WeightedRandomSampler([[1.0]], 1)
    with pytest.raises(IndexError):
        list(DataLoader(Subset(table(3), [3]), 1))


def test_generator_state_round_trip():
    wg.manual_seed(5)
    saved = wg.get_rng_state()
    first = wg.rand(3).tolist()
    wg.set_rng_state(saved)
    assert wg.rand(3).tolist() == first
    wg.set_rng_state(saved)
    with wg.random.fork_rng():
        wg.rand(100)
        wg.manual_seed(1)
    assert wg.rand(3).tolist() == first
    wg.manual_seed(5)
    assert wg.initial_seed() == 5
    assert wg.random.seed() == wg.initial_seed()


def test_digits():
    images, numbers = digits()
    assert tuple(images.shape) == (1797, 64)
    assert images.dtype == wg.float32
    assert numbers.dtype == wg.int64
    assert (images.min().item(), images.max().item()) == (0.0, 1.0)
    assert numbers[:10].tolist() == list(range(10))
    parts = [digits(split) for split in ("train", "valid", "test")]
    assert [part[1].shape[0] for part in parts] == [1257, 180, 360]
    together = sorted(row for part in parts for row in part[0].tolist())
    assert together == sorted(images.tolist())
    for _, part in parts:  # every digit has its share of each part
        counts = [part.tolist().count(digit) for digit in range(10)]
        assert max(counts) - min(counts) <= 6
    with pytest.raises(ValueError, match="needed None, 'train', 'valid' or 'test'"):
        digits("all")
