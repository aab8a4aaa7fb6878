"""Loads the network that `digits_cnn` trained in C++: the same outputs for the same images.

python examples/cpp/digits_cnn.py FOLDER      where digits_cnn was run
"""

import os
import sys

import wengert
from wengert import datasets, nn
from wengert.serialization import load_safetensors

folder = sys.argv[1] if len(sys.argv) > 1 else "."
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.25),
    nn.Linear(128, 10),
)
tensors, _ = load_safetensors(os.path.join(folder, "digits_cnn.safetensors"))
model.load_state_dict(tensors)
model.eval()

images, labels = datasets.digits("test")
with wengert.no_grad():
    outputs = model(images.reshape(-1, 1, 8, 8))
expected = load_safetensors(os.path.join(folder, "digits_cnn_outputs.safetensors"))[0]["outputs"]
assert wengert.allclose(outputs, expected, rtol=1e-5, atol=1e-5), (outputs - expected).abs().max()
accuracy = (outputs.argmax(1) == labels).float().mean().item()
print(f"the network that C++ trained reaches {100 * accuracy:.1f} % in Python")
