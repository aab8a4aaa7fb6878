"""Classes that C++ makes: what Python asks of any object of theirs is answered, or refused."""

import copy
import pickle

import pytest

import wengert as wg
from wengert import _native


def a_program():
    recording, copies = _native._start_recording([wg.ones(2)], False)
    result = copies[0] * 2
    _native._stop_recording(recording)
    return _native._finish_recording(recording, [result])


def a_packed_tensor():
    with wg.autograd.graph.saved_tensors_hooks(wg.clone, wg.clone):
        return _native._pack_saved(wg.ones(2), True)


MADE = {
    "_Program": a_program,
    "_Loop": lambda: _native._Loop([wg.ones(4, 2)]),
    "SavedTensor": lambda: wg.ones(2, requires_grad=True).exp().grad_fn._raw_saved_result,
    "_PackedTensor": a_packed_tensor,
}


@pytest.mark.parametrize("name", MADE)
def test_what_cannot_be_copied_says_so(name):
    value = MADE[name]()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot pickle"):
            value.__reduce_ex__(protocol)
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(value, protocol)
    for copied in (value.__reduce__, lambda: copy.copy(value), lambda: copy.deepcopy(value)):
        with pytest.raises(TypeError, match="cannot pickle"):
            copied()


def test_a_generator_is_copied_with_its_state():
    g = wg.Generator().manual_seed(3)
    wg.rand(5, generator=g)
    copies = [pickle.loads(pickle.dumps(g, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)]
    copies += [copy.copy(g), copy.deepcopy(g)]
    expected = wg.rand(3, generator=g)
    assert all(wg.rand(3, generator=c).equal(expected) for c in copies)


def test_every_class_of_the_kind_is_here():
    base = type(wg.Generator()).__mro__[-2]
    assert base.__name__ == "pybind11_object"
    ours = {c.__name__ for c in base.__subclasses__() if c.__module__.startswith("wengert")}
    assert ours == {*MADE, "Generator"}
