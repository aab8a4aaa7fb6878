# needs: stable_baselines3 gymnasium
"""DQN on CartPole; saved and loaded."""

import sys
import time

import numpy as np
import torch
from stable_baselines3 import DQN

torch.set_num_threads(1)
start = time.process_time()
model = DQN(
    "MlpPolicy", "CartPole-v1", learning_starts=50, buffer_size=1000, train_freq=4,
    target_update_interval=100, seed=0, device="cpu",
)  # fmt: skip
model.learn(500)
print("seconds", time.process_time() - start, file=sys.stderr)
for parameter in model.policy.parameters():
    print("value", parameter.double().abs().sum().item())
model.save("dqn")
again = DQN.load("dqn", device="cpu")
seen = torch.linspace(-1, 1, 8).reshape(2, 4)
with torch.no_grad():
    print("value of actions", again.q_net(seen).tolist())
print("value actions", again.predict(seen.numpy(), deterministic=True)[0].tolist())
assert np.array_equal(*(m.predict(seen.numpy(), deterministic=True)[0] for m in (model, again)))
