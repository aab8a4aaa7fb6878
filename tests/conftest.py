"""What all tests share. PyTorch is an oracle where it is installed, never needed."""

import pytest

pytest.register_assert_rewrite("tests.rows.table")

import wengert as wg  # noqa: E402  after the line above

try:
    import torch
except ImportError:
    torch = None
else:
    torch.set_num_threads(1)


@pytest.fixture
def oracle():
    """The torch module; the test is skipped where it is not installed."""
    if torch is None:
        pytest.skip("torch is not installed")
    return torch


@pytest.fixture(autouse=True)
def memory_holds_nan():
    """What a test allocates first is full of NaN: zeros that multiply what nobody wrote show it."""
    with wg.no_grad():
        sizes = [*range(8, 520, 8), *(2**k for k in range(10, 17))]  # in float64: a class each
        held = [wg.full((n,), float("nan"), dtype=wg.float64) for n in sizes for _ in range(2)]
    del held


@pytest.fixture(autouse=True)
def settings_are_restored():
    """Every test starts from the same seed and leaves modes and settings as it found them."""
    threads, dtype, state = wg.get_num_threads(), wg.get_default_dtype(), wg.get_rng_state()
    wg.manual_seed(0)
    yield
    wg.set_num_threads(threads)
    wg.set_default_dtype(dtype)
    wg.set_rng_state(state)
    assert wg.is_grad_enabled() and not wg.is_inference_mode_enabled()
