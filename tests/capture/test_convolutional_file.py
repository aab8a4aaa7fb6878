"""Saved programs of convolutional networks: buffers of batch norms and draws of dropouts too."""

import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.capture.convolutional import NETWORKS, drawing, images, trained


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "program.safetensors")


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
def test_round_trip(path, network, dtype):
    model = trained(network, dtype)
    xs = [images(4, dtype) for _ in range(3)]
    step = wg.capture(model)
    step(xs[0])
    step.program.save(path)
    program = wg.load_program(path)
    for x in xs:
        assert bits(program(x)) == bits(model(x))
    # What the file holds is what it was when it was saved.
    expected = model(xs[0])
    model.train()(xs[1])
    model.eval()
    assert bits(program(xs[0])) == bits(expected)
    if any("running_mean" in name for name, _ in model.named_buffers()):
        assert bits(model(xs[0])) != bits(expected)


@pytest.mark.parametrize("network", NETWORKS)
def test_dropouts_draw_in_a_file(path, network):
    model, x = drawing(network), images(4)
    step = wg.capture(model)
    step(x)
    step.program.save(path)
    program = wg.load_program(path)
    draws = any("Dropout" in type(module).__name__ for module in model.modules())
    for seed in (1, 2):
        wg.manual_seed(seed)
        first, second, state = model(x), model(x), wg.get_rng_state()
        wg.manual_seed(seed)
        assert bits([program(x), program(x)]) == bits([first, second])
        assert bits(wg.get_rng_state()) == bits(state)
        assert (bits(first) != bits(second)) == draws


@pytest.mark.parametrize("network", NETWORKS)
def test_batches_of_every_size(path, network):
    model = trained(network)
    wg.capture(model).save(path, images(4))
    program = wg.load_program(path)
    assert program.takes_any_batch
    for rows in (4, 1, 7):
        x = images(rows)
        assert bits(program(x)) == bits(model(x))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_batch_norm_in_training_is_refused(path, network):
    """It moves the running statistics, which are from outside."""
    step = wg.capture(network())
    step(images(4))
    with pytest.raises(RuntimeError, match="writes to a tensor from"):
        step.program.save(path)
