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
torch._dynamo.config.suppress_errors = True
torch._dynamo.reset()
torch.compiler.cudagraph_mark_step_begin()
torch.compiler.disable(len)([])
torch.hub.set_dir(torch.hub.get_dir())
torch.distributed.init_process_group
torch.distributed.ReduceOp.SUM
torch.nn.DataParallel(torch.nn.Linear(2, 2), device_ids=[0]).module
torch.nn.parallel.DistributedDataParallel
torch.onnx.is_in_onnx_export()
torch.jit.ignore(len)
torch.jit.Final[int]
torch.types.Device
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
    "torch.jit.is_scripting()": False,
    "torch.jit.is_tracing()": False,
    "torch.jit.annotate(int, 3)": 3,
    "torch.jit.isinstance([1], list[int])": True,
    "torch.jit.fork(len, [1, 2]).wait()": 2,
    "torch.compiler.is_compiling()": False,
    "torch.onnx.is_in_onnx_export()": False,
    "torch.nn.modules.utils._pair(3)": (3, 3),
    "torch.nn.modules.utils._triple([1, 2])": (1, 2),
    "torch.futures.wait_all([])": [],
    "torch.get_default_device()": wg.device("cpu"),
    "str(torch.device('cuda' if torch.cuda.is_available() else 'cpu'))": "cpu",
    "str(torch.accelerator.current_accelerator() or 'cpu')": "cpu",
    "torch.compiled_with_cxx11_abi()": True,
}

#: Each asks for a device that is not there.
REFUSED = """
torch.device("cuda").__enter__()
torch.zeros(2, device=torch.device("mps"))
torch.zeros(2, device="cuda")
torch.ones(2).to(torch.device("cuda:0"))
torch.nn.Linear(2, 2).to(torch.device("cuda"))
torch.as_tensor([1.0], device=torch.device("cuda"))
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


#: Each asks for what there is not, and is told what there is.
NOT_THERE = {
    "torch.distributed.init_process_group('nccl')": "MPI is",
    "torch.distributed.TCPStore('localhost', 1)": "MPI needs no store",
    "torch.distributed.get_rank()": "has not been initialized",
    "torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 2))": "has not been initialized",
    "torch.jit.save(torch.nn.Linear(2, 2), 'f')": "wengert.capture",
    "torch.jit.load('f')": "wengert.capture",
    "torch.onnx.export(torch.nn.Linear(2, 2), torch.ones(1, 2), kwargs={'x': 1})": "dynamic_axes",
    "torch.onnx.dynamo_export(torch.nn.Linear(2, 2), torch.ones(1, 2))": "onnx.export",
    "torch.hub.load('owner/repository', 'model')": "github.com/owner/repository",
    "torch.hub.load_state_dict_from_url('https://x.org/a/w.pt?b')": "checkpoints/w.pt",
    "torch.hub.load('/nowhere', 'model', source='local')": "no hubconf.py",
    "cpp_extension.load('name', ['a.cpp'])": "autograd.Function",
    "cpp_extension.CppExtension('name', ['a.cpp'])": "autograd.Function",
}


@pytest.mark.parametrize("line", NOT_THERE)
def test_what_is_not_there_says_what_is(line, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", "/nowhere")
    monkeypatch.setattr(wg.hub, "_hub_dir", None)
    names = {"torch": wg, "cpp_extension": importlib.import_module("wengert.utils.cpp_extension")}
    with pytest.raises((RuntimeError, ValueError)) as info:
        eval(line, names)
    assert NOT_THERE[line] in str(info.value) and "\n" not in str(info.value)


NAMESPACES = [
    "jit",
    "compiler",
    "onnx",
    "hub",
    "futures",
    "distributed",
    "nn.parallel",
    "nn.modules.utils",
    "types",
    "_dynamo",
    "utils.cpp_extension",
    "utils.model_zoo",
    "utils.dlpack",
    "torch_version",
    "profiler",
    "multiprocessing",
    "utils.benchmark",
    "overrides",
]


@pytest.mark.parametrize("name", NAMESPACES)
def test_names_are_those_of_torch(name, oracle):
    """`dynamo_export` and the like are of versions before; `onnx.load` has no counterpart."""
    ours = importlib.import_module(f"wengert.{name}")
    theirs = importlib.import_module(f"torch.{name}")
    public = getattr(ours, "__all__", None) or [
        n for n, v in vars(ours).items()
        if not n.startswith("_") and getattr(v, "__module__", "") == ours.__name__
    ]  # fmt: skip
    older = {"dynamo_export", "export_opnames", "to_dlpack", "Final", "is_torchelastic_launched"}
    assert {n for n in public if not hasattr(theirs, n)} <= older | {"load"}


def test_scripted_functions_are_the_functions(monkeypatch):
    monkeypatch.setattr(wg.jit, "_warned", False)
    model = wg.nn.Linear(2, 2)
    with pytest.warns(UserWarning, match="no TorchScript") as seen:
        assert wg.jit.script(model) is model
        assert wg.jit.trace(model, wg.ones(1, 2)) is model
    assert len(seen) == 1
    assert wg.jit.script_if_tracing(len) is len and wg.jit.ignore(drop=True)(len) is len
    with pytest.raises(TypeError):
        wg.jit.script(3)
    failed = wg.jit.fork(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wg.jit.wait(failed)


def test_futures():
    first, second = wg.futures.Future(), wg.futures.Future()
    both, after = wg.futures.collect_all([first, second]), first.then(lambda f: f.wait() + 1)
    failing = after.then(lambda f: f.wait() / 0)
    with pytest.raises(RuntimeError):
        first.value()
    first.set_result(1)
    assert after.wait() == 2 and not both.done()
    with pytest.raises(ZeroDivisionError):
        failing.wait()
    second.set_exception(KeyError("x"))
    assert both.wait() == [first, second]
    for wrong in (lambda: first.set_result(2), lambda: first.set_exception(3)):
        with pytest.raises((RuntimeError, TypeError)):
            wrong()


def test_models_of_a_local_directory(tmp_path, monkeypatch):
    text = (
        "dependencies = ['numpy']\nimport helper\ndef net(n=2):\n  'A net.'\n  return helper.f(n)\n"
    )
    for folder in (tmp_path / "here", tmp_path / "hub" / "owner_project_main"):
        folder.mkdir(parents=True)
        (folder / "hubconf.py").write_text(text)
        (folder / "helper.py").write_text("f = lambda n: n + 1\n")
    monkeypatch.setattr(wg.hub, "_hub_dir", str(tmp_path / "hub"))
    for repo, source in ((tmp_path / "here", "local"), ("owner/project", "github")):
        assert wg.hub.load(repo, "net", source=source, n=4) == 5
        assert wg.hub.list(repo, source=source) == ["net"]
        assert wg.hub.help(repo, "net", source=source) == "A net."
        with pytest.raises(RuntimeError, match="Cannot find callable other"):
            wg.hub.load(repo, "other", source=source)
    (tmp_path / "here" / "hubconf.py").write_text("dependencies = ['no_such_package']")
    with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
        wg.hub.list(tmp_path / "here", source="local")
    with pytest.raises(ValueError, match="Unknown source"):
        wg.hub.load("x", "net", source="elsewhere")
    (tmp_path / "hub" / "checkpoints").mkdir()
    wg.save({"w": wg.ones(2)}, tmp_path / "hub" / "checkpoints" / "w.pt")
    found = wg.hub.load_state_dict_from_url("https://x.org/y/w.pt", map_location="cpu")
    assert wg.equal(found["w"], wg.ones(2))


def test_data_parallel_keys_and_their_prefix():
    model = wg.nn.DataParallel(wg.nn.Linear(2, 2))
    state = model.state_dict()
    assert list(state) == ["module.weight", "module.bias"]
    wg.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
    assert list(state) == ["weight", "bias"] and list(state._metadata) == [""]
    wg.nn.Linear(2, 2).load_state_dict(state)


def test_capsules_share_memory():
    dlpack = importlib.import_module("wengert.utils.dlpack")
    x = wg.ones(3)
    y = dlpack.from_dlpack(dlpack.to_dlpack(x))
    z = dlpack.from_dlpack(x)
    x[0] = 5
    assert y[0] == z[0] == 5


def test_the_environment_is_told(capsys):
    importlib.import_module("wengert.utils.collect_env").main()
    assert f"torch_version: wengert {wg.__version__}" in capsys.readouterr().out


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


def test_mixed_precision_on_other_devices_changes_nothing():
    model = wg.nn.Linear(2, 1)
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)
    x, scaler = wg.ones(3, 2), wg.amp.GradScaler("cuda", enabled=wg.cuda.is_available())
    expected = model(x)
    for context in (
        wg.autocast("cpu", enabled=False),
        wg.autocast(device_type="cuda", enabled=False),
        wg.amp.autocast("cuda"),
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
