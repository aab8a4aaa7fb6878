"""What the first lines of scripts ask and set, with one name changed."""

import importlib

import pytest

import wengert as wg

LINES = """
torch.manual_seed(1)
torch.cuda.manual_seed(1)
torch.cuda.manual_seed_all(1)
torch.mps.manual_seed(1)
torch.xpu.manual_seed_all(1)
torch.backends.cudnn.benchmark = True
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.enabled = False
torch.backends.cudnn.allow_tf32 = True
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cuda.enable_flash_sdp(False)
torch.set_float32_matmul_precision("high")
torch.use_deterministic_algorithms(True)
torch.set_num_threads(torch.get_num_threads())
torch.set_default_dtype(torch.float32)
torch.set_default_device("cpu")
torch.autograd.set_detect_anomaly(False)
torch.cuda.empty_cache()
torch.cuda.reset_peak_memory_stats()
torch.set_flush_denormal(True)
torch.set_printoptions(precision=4)
torch.multiprocessing.get_start_method
torch.__config__.show()
""".strip().splitlines()

ANSWERS = {
    "torch.cuda.is_available()": False,
    "torch.cuda.device_count()": 0,
    "torch.cuda.is_initialized()": False,
    "torch.cuda.is_bf16_supported()": False,
    "torch.cuda.memory_allocated()": 0,
    "torch.cuda.max_memory_allocated()": 0,
    "torch.cuda.get_rng_state_all()": [],
    "torch.backends.mps.is_available()": False,
    "torch.backends.mps.is_built()": False,
    "torch.backends.cudnn.is_available()": False,
    "torch.backends.cudnn.version()": None,
    "torch.backends.cuda.is_built()": False,
    "torch.mps.is_available()": False,
    "torch.xpu.is_available()": False,
    "torch.accelerator.is_available()": False,
    "torch.accelerator.current_accelerator()": None,
    "torch.accelerator.device_count()": 0,
    "torch.cpu.is_available()": True,
    "torch.cpu.device_count()": 1,
    "torch.version.cuda": None,
    "torch.version.hip": None,
    "torch.version.debug": False,
    "torch.distributed.is_initialized()": False,
    "torch.get_default_device()": wg.device("cpu"),
    "str(torch.device('cuda' if torch.cuda.is_available() else 'cpu'))": "cpu",
    "str(torch.accelerator.current_accelerator() or 'cpu')": "cpu",
    "torch.compiled_with_cxx11_abi()": True,
}

#: Each asks for a device that is not there.
REFUSED = """
torch.device("cuda")
torch.device("cuda:0")
torch.device("mps")
torch.zeros(2, device="cuda")
torch.tensor([1.0], device="cuda:1")
torch.ones(2).to("cuda")
torch.ones(2).cuda()
torch.nn.Linear(2, 2).cuda()
torch.nn.Linear(2, 2).to("cuda")
torch.Generator("cuda")
torch.set_default_device("cuda")
torch.set_default_tensor_type("torch.cuda.FloatTensor")
torch.cuda.current_device()
torch.cuda.get_device_name(0)
torch.cuda.get_device_properties(0)
torch.cuda.set_device(0)
torch.cuda.synchronize()
torch.cuda.Stream()
torch.cuda.Event(enable_timing=True)
torch.mps.synchronize()
torch.accelerator.synchronize()
torch.accelerator.set_device_index(0)
""".strip().splitlines()


@pytest.fixture(autouse=True)
def settings():
    """Set anew when a test ends."""
    yield
    for module, values in [
        (wg.backends.cudnn, {"benchmark": False, "deterministic": False, "enabled": True}),
        (wg.backends.cuda.matmul, {"allow_tf32": False}),
    ]:
        for name, value in values.items():
            setattr(module, name, value)
    wg.backends.cuda.enable_flash_sdp(True)
    wg.use_deterministic_algorithms(False)
    wg.set_float32_matmul_precision("highest")


@pytest.mark.quick
@pytest.mark.parametrize("line", LINES)
def test_lines_run(line):
    importlib.import_module("wengert.multiprocessing")
    exec(line, {"torch": wg})


@pytest.mark.quick
@pytest.mark.parametrize("question", ANSWERS)
def test_questions(question):
    assert eval(question, {"torch": wg}) == ANSWERS[question]


@pytest.mark.parametrize("question", ANSWERS)
def test_questions_are_answered_as_by_torch(question, oracle):
    assert str(eval(question, {"torch": oracle})) == str(ANSWERS[question])


@pytest.mark.quick
@pytest.mark.parametrize("line", REFUSED)
def test_other_devices_are_refused_in_one_line(line):
    with pytest.raises((RuntimeError, TypeError), match=r"CPU") as info:
        eval(line, {"torch": wg})
    assert "\n" not in str(info.value)


def test_names_that_are_nowhere():
    for module in (wg.cuda, wg.mps, wg.xpu, wg.accelerator):
        assert not hasattr(module, "no_such_name")


def test_seeds_of_other_devices_leave_the_generator_alone():
    state = wg.get_rng_state()
    wg.cuda.manual_seed_all(5)
    wg.cuda.manual_seed(5)
    wg.cuda.seed_all()
    wg.mps.manual_seed(5)
    assert wg.equal(wg.get_rng_state(), state)
    with pytest.raises(ValueError):
        wg.cuda.manual_seed_all("a")


def test_settings_are_remembered():
    for name in ("benchmark", "deterministic", "enabled"):
        for value in (True, False):
            setattr(wg.backends.cudnn, name, value)
            assert getattr(wg.backends.cudnn, name) is value
    with wg.backends.cudnn.flags(enabled=False), wg.backends.cuda.sdp_kernel(enable_flash=False):
        assert not wg.backends.cuda.flash_sdp_enabled()
    assert wg.backends.cuda.flash_sdp_enabled()
    wg.set_float32_matmul_precision("medium")
    assert wg.get_float32_matmul_precision() == "medium"
    with pytest.warns(UserWarning, match="not one of 'highest'"):
        wg.set_float32_matmul_precision("low")
    assert wg.get_float32_matmul_precision() == "medium"
    wg.use_deterministic_algorithms(True, warn_only=True)
    assert wg.are_deterministic_algorithms_enabled() and wg.get_deterministic_debug_mode() == 1
    wg.set_deterministic_debug_mode("error")
    assert not wg.is_deterministic_algorithms_warn_only_enabled()
    for wrong in ("loud", 3):
        with pytest.raises(RuntimeError, match="debug_mode"):
            wg.set_deterministic_debug_mode(wrong)
    wg.set_deterministic_debug_mode(0)
    assert not wg.are_deterministic_algorithms_enabled()


def test_devices_are_contexts():
    with wg.device("cpu") as device:
        assert wg.zeros(2).device == device


def test_mixed_precision_changes_nothing():
    model = wg.nn.Linear(2, 1)
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)
    x, scaler = wg.ones(3, 2), wg.amp.GradScaler("cuda", enabled=wg.cuda.is_available())
    expected = model(x)
    for context in (
        wg.autocast("cpu", dtype=None),
        wg.autocast(device_type="cuda", enabled=False),
        wg.amp.autocast("cpu"),
        wg.cuda.amp.autocast(),
    ):
        with context:
            assert wg.equal(model(x), expected)
        assert wg.equal(context(model)(x), expected)
    loss = model(x).sum()
    before = model.bias.item()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert model.bias.item() == pytest.approx(before - 0.3)
    assert scaler.get_scale() == 1.0 and not scaler.is_enabled() and scaler.state_dict() == {}
    with pytest.raises(ValueError, match="device_type"):
        wg.autocast(wg.float32)
