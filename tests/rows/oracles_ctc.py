"""Connectionist temporal classification in NumPy, step by step, in the words of the paper."""

import numpy as np


def states_of(labels, blank):
    """The labels with blanks around them, and which may be come to from the last but one."""
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    return states, skips


def forward_probabilities(p, states, skips):
    """alpha(t, s): of all paths up to state s in step t; p is (steps, classes)."""
    alpha = np.zeros((len(p), len(states)))
    alpha[0, :2] = p[0, states[:2]]
    for t in range(1, len(p)):
        sums = alpha[t - 1].copy()
        sums[1:] += alpha[t - 1, :-1]
        sums[2:] += np.where(skips[2:], alpha[t - 1, :-2], 0)
        alpha[t] = sums * p[t, states]
    return alpha


def samples(log_probs, targets, input_lengths, target_lengths, blank):
    for n, (steps, length) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        p = np.exp(log_probs[:steps, n])
        yield n, p, *states_of(targets[n, :length], blank)


def loss_each(log_probs, targets, input_lengths, target_lengths, blank=0, zero_infinity=False):
    found = np.zeros(log_probs.shape[1])
    for n, p, states, skips in samples(log_probs, targets, input_lengths, target_lengths, blank):
        found[n] = -np.log(forward_probabilities(p, states, skips)[-1, -2:].sum())
    return found


def backward(g, log_probs, targets, input_lengths, target_lengths, loss, blank=0, finite=False):
    dx = np.zeros_like(log_probs)
    for n, p, states, skips in samples(log_probs, targets, input_lengths, target_lengths, blank):
        back_states, back_skips = states_of(states[1::2][::-1], blank)
        alpha = forward_probabilities(p, states, skips)
        beta = forward_probabilities(p[::-1], back_states, back_skips)[::-1, ::-1]
        share = alpha * beta / p[:, states] * np.exp(loss[n])
        dx[: len(p), n] = p
        for s, c in enumerate(states):
            dx[: len(p), n, c] -= share[:, s]
        dx[:, n] *= g[n]
    return dx


HIDDEN = {"ctc_loss_each": loss_each, "ctc_loss_backward": backward}
