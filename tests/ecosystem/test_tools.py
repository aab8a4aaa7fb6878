"""Pruning, counting of operations, files with classes of the user's; names that only refuse."""

import importlib
import pickle

import numpy as np
import pytest

import wengert as wg

PRUNED = [
    ("l1_unstructured", {"amount": 0.4}),
    ("l1_unstructured", {"amount": 3}),
    ("random_unstructured", {"amount": 0.5}),
    ("ln_structured", {"amount": 2, "n": 2, "dim": 0}),
    ("ln_structured", {"amount": 0.5, "n": 1, "dim": -1}),
    ("random_structured", {"amount": 1, "dim": 1}),
    ("identity", {}),
]


def prune_of(torch):
    return importlib.import_module(f"{torch.__name__}.nn.utils.prune")


def pruned(torch, steps):
    """The states that a layer goes through."""
    prune = prune_of(torch)
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 4)
    states = []
    for name, options in steps:
        getattr(prune, name)(layer, "weight", **options)
        layer(torch.ones(2, 6)).sum().backward()
        states += [layer.weight.detach(), layer.weight_mask, layer.weight_orig.grad]
        assert prune.is_pruned(layer)
    assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_mask"]
    prune.remove(layer, "weight")
    assert not prune.is_pruned(layer) and list(dict(layer.named_parameters())) == ["bias", "weight"]
    return [x.numpy().copy() for x in (*states, layer.weight.detach())]


@pytest.mark.parametrize("first", range(len(PRUNED)))
def test_pruned_parameters(first, oracle):
    steps = [PRUNED[first], PRUNED[(first + 2) % len(PRUNED)]]
    for ours, theirs in zip(pruned(wg, steps), pruned(oracle, steps), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_pruning_over_several_parameters(oracle):
    results = []
    for torch in (wg, oracle):
        prune = prune_of(torch)
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Linear(4, 3))
        places = [(net[0], "weight"), (net[1], "weight"), (net[1], "bias")]
        for amount in (0.3, 5):
            prune.global_unstructured(places, prune.L1Unstructured, amount=amount)
        results.append([getattr(m, f"{name}_mask").tolist() for m, name in places])
        with pytest.raises(ValueError, match="smaller"):
            prune.l1_unstructured(net[0], "bias", 100)
        with pytest.raises((TypeError, ValueError)):
            prune.L1Unstructured(-1)
        with pytest.raises(ValueError, match="has to be pruned"):
            prune.remove(net, "weight")
    assert results[0] == results[1]


def test_flops_are_counted_as_in_torch(oracle):
    totals = []
    for torch in (wg, oracle):
        counter = importlib.import_module(f"{torch.__name__}.utils.flop_counter").FlopCounterMode
        net = torch.nn.Sequential(
            torch.nn.Conv2d(2, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(27, 5)
        )
        with counter(display=False) as flops:
            net(torch.ones(2, 2, 5, 5)).sum().backward()
        counts = flops.get_flop_counts()
        places = {place: sum(found.values()) for place, found in counts.items()}
        totals.append((flops.get_total_flops(), places))
        assert torch is oracle or "Sequential.0: 3888\n" in flops.get_table()
    assert totals[0] == totals[1]


class Own:
    def __init__(self, x):
        self.x = x


def test_classes_that_are_allowed_are_read(tmp_path):
    path = tmp_path / "own.pt"
    wg.save({"a": Own(3), "b": wg.ones(2)}, path)
    with pytest.raises(pickle.UnpicklingError, match="Own"):
        wg.load(path)
    with wg.serialization.safe_globals([Own]):
        assert wg.serialization.get_safe_globals() == [Own]
        assert wg.load(path)["a"].x == 3
    assert wg.serialization.get_safe_globals() == []
    wg.serialization.add_safe_globals([(Own, f"{Own.__module__}.Own")])
    assert wg.load(path)["a"].x == 3
    wg.serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError, match="Own"):
        wg.load(path)


def test_what_is_named_only_refuses():
    import wengert.fx
    from wengert import _C

    for make in (wengert.fx.GraphModule, wengert.fx.Proxy, wengert.fx.symbolic_trace):
        with pytest.raises(NotImplementedError, match="capture"):
            make(wg.nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match=r"wengert\.load"):
        _C.PyTorchFileReader("file")
    with pytest.raises(AttributeError, match="internal to PyTorch"):
        _C._functorch  # noqa: B018
    assert _C._nn._parse_to(wg.float64, non_blocking=True) == (None, wg.float64, True, None)
    assert _C._nn._parse_to("cpu")[0] == wg.device("cpu")
