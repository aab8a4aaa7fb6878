"""What C++ and Python say to each other by files, where both are built for this machine.

    python tests/cpp/with_python.py FOLDER

FOLDER is where the C++ tests were built and run: Python loads the network that `digits_cnn` left
there, `run_program` runs what Python saves, bit by bit as Python does, and `run_calls` calls the
functions of `tests.functions` with the same results.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import wengert as wg  # noqa: E402  after the line above
from tests.capture.convolutional import NETWORKS, drawing, images, trained  # noqa: E402
from tests.function_calls import save  # noqa: E402
from wengert.serialization import save_safetensors  # noqa: E402


def run(folder, program, seed, arguments, results):
    """C++ gives these results."""
    data = {f"input.{i}": x for i, x in enumerate(arguments)}
    data |= {f"output.{i}": y for i, y in enumerate(results)}
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/data.safetensors"
        save_safetensors({**data, "seed": wg.tensor(seed)}, path)
        subprocess.run([f"{folder}/run_program", program, path], check=True)


def main(folder):
    subprocess.run([sys.executable, ROOT / "examples/cpp/digits_cnn.py", folder], check=True)
    count = 0
    for network in NETWORKS:
        for model in (trained(network), trained(network, wg.float64), drawing(network)):
            dtype = next(model.parameters()).dtype
            step = wg.capture(model)
            with tempfile.TemporaryDirectory() as place:
                one, every = f"{place}/one.safetensors", f"{place}/every.safetensors"
                step(images(4, dtype))
                step.program.save(one)
                wg.capture(model).save(every, images(4, dtype))
                for seed, program, rows in ((1, one, 4), (2, one, 4), (3, every, 9), (4, every, 1)):
                    x = images(rows, dtype)
                    wg.manual_seed(seed)
                    run(folder, program, seed, [x], [model(x).detach()])
                    count += 1
    with tempfile.TemporaryDirectory() as place:
        save(f"{place}/calls.safetensors")
        subprocess.run([f"{folder}/run_calls", f"{place}/calls.safetensors"], check=True)
    print(f"C++ ran {count} programs of Python's, bit by bit the same")


if __name__ == "__main__":
    main(sys.argv[1])
