# run: --episodes 6
"""Deep Q-learning of a pole on a cart, with a replay buffer and a target network."""

import argparse
import math
import random
from collections import deque, namedtuple
from itertools import count

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))


class CartPole:
    def reset(self, seed):
        self.rng = random.Random(seed)
        self.state = [self.rng.uniform(-0.05, 0.05) for _ in range(4)]
        return list(self.state)

    def step(self, action):
        x, v, angle, spin = self.state
        force = 10.0 if action == 1 else -10.0
        sin, cos = math.sin(angle), math.cos(angle)
        temp = (force + 0.05 * spin**2 * sin) / 1.1
        alpha = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        a = temp - 0.05 * alpha * cos / 1.1
        self.state = [x + 0.02 * v, v + 0.02 * a, angle + 0.02 * spin, spin + 0.02 * alpha]
        done = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180
        return list(self.state), 1.0, done


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)

    def __len__(self):
        return len(self.memory)


class DQN(nn.Module):
    def __init__(self, n_observations, n_actions):
        super().__init__()
        self.layer1 = nn.Linear(n_observations, 64)
        self.layer2 = nn.Linear(64, 64)
        self.layer3 = nn.Linear(64, n_actions)

    def forward(self, x):
        return self.layer3(F.relu(self.layer2(F.relu(self.layer1(x)))))


def optimize_model(policy_net, target_net, memory, optimizer, device, batch_size=32, gamma=0.99):
    if len(memory) < batch_size:
        return None
    batch = Transition(*zip(*memory.sample(batch_size)))  # noqa: B905
    non_final_mask = torch.tensor(
        tuple(map(lambda s: s is not None, batch.next_state)), device=device, dtype=torch.bool
    )
    non_final_next_states = torch.cat([s for s in batch.next_state if s is not None])
    state_batch, action_batch = torch.cat(batch.state), torch.cat(batch.action)
    reward_batch = torch.cat(batch.reward)
    state_action_values = policy_net(state_batch).gather(1, action_batch)
    next_state_values = torch.zeros(batch_size, device=device)
    with torch.no_grad():
        next_state_values[non_final_mask] = target_net(non_final_next_states).max(1).values
    expected = (next_state_values * gamma) + reward_batch
    loss = nn.SmoothL1Loss()(state_action_values, expected.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    return loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--tau", type=float, default=0.005)
    args = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    device = torch.device(
        "cuda"
        if torch.cuda.is_available()
        else "mps"
        if torch.backends.mps.is_available()
        else "cpu"
    )
    env, memory, steps_done = CartPole(), ReplayMemory(10000), 0
    policy_net, target_net = DQN(4, 2).to(device), DQN(4, 2).to(device)
    target_net.load_state_dict(policy_net.state_dict())
    optimizer = optim.AdamW(policy_net.parameters(), lr=3e-4, amsgrad=True)
    for episode in range(args.episodes):
        state = torch.tensor(env.reset(episode), dtype=torch.float32, device=device).unsqueeze(0)
        losses = []
        for t in count(1):  # noqa: B007
            threshold = 0.05 + 0.85 * math.exp(-steps_done / 1000)
            steps_done += 1
            if random.random() > threshold:
                with torch.no_grad():
                    action = policy_net(state).max(1).indices.view(1, 1)
            else:
                action = torch.tensor([[random.randrange(2)]], device=device, dtype=torch.long)
            observation, reward, done = env.step(action.item())
            reward = torch.tensor([reward], device=device)
            next_state = None if done else torch.tensor([observation], device=device)
            memory.push(state, action, next_state, reward)
            state = next_state
            loss = optimize_model(policy_net, target_net, memory, optimizer, device)
            if loss is not None:
                losses.append(loss.item())
            target_state, policy_state = target_net.state_dict(), policy_net.state_dict()
            for key in policy_state:
                target_state[key] = policy_state[key] * args.tau + target_state[key] * (
                    1 - args.tau
                )
            target_net.load_state_dict(target_state)
            if done:
                break
        mean = sum(losses) / len(losses) if losses else 0.0
        print(f"episode {episode}: {t} steps, loss {mean:.6f}")


if __name__ == "__main__":
    main()
