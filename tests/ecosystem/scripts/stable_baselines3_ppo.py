# needs: stable_baselines3 gymnasium
"""PPO with a normal distribution of actions on a small environment of its own; saved and loaded."""

import sys
import time

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy


class Line(gym.Env):
    """A point on a line that should stand at zero; the action is its push."""

    observation_space = gym.spaces.Box(-10, 10, (2,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.steps = self.np_random.uniform(-1, 1, 2).astype(np.float32), 0
        return self.state.copy(), {}

    def step(self, action):
        self.state[1] += 0.1 * float(np.clip(action[0], -1, 1))
        self.state[0] += 0.1 * self.state[1]
        self.steps += 1
        reward = -float(np.square(self.state).sum())
        return self.state.copy(), reward, False, self.steps >= 40, {}


torch.set_num_threads(1)
start = time.process_time()
model = PPO("MlpPolicy", Line(), n_steps=128, batch_size=64, n_epochs=4, seed=0, device="cpu")
model.learn(512)
print("seconds", time.process_time() - start, file=sys.stderr)
for parameter in model.policy.parameters():
    print("value", parameter.double().abs().sum().item())
trial = Line()
trial.reset(seed=3)
mean, _ = evaluate_policy(model, trial, n_eval_episodes=2, warn=False)
model.save("ppo")
again = PPO.load("ppo", device="cpu")
seen = np.array([[0.5, -0.5], [0.1, 0.2]], np.float32)
found = [m.predict(seen, deterministic=True)[0] for m in (model, again)]
assert np.array_equal(*found)
print("value reward", mean, "actions", found[0].tolist())
