# needs: transformers safetensors
"""GPT-2 of a small configuration: ten steps, greedy generation, saved and loaded again."""

import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def logits(model, tokens):
    with torch.no_grad():
        return model.eval()(tokens).logits


torch.manual_seed(0)
tokens = torch.randint(0, 65, (8, 32))
if "--load" not in sys.argv:
    config = GPT2Config(
        vocab_size=65,
        n_positions=32,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    start = time.process_time()
    for _ in range(10):
        loss = model(tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print("value loss", loss.item())
    model.eval()
    made = model.generate(tokens[:2, :5], max_new_tokens=8, do_sample=False, pad_token_id=0)
    print("seconds", time.process_time() - start, file=sys.stderr)
    print("value generated", made.tolist())
    model.save_pretrained("gpt2")
    print("value logits", logits(model, tokens)[:2, :2, :4].tolist())
again = GPT2LMHeadModel.from_pretrained("gpt2")
print("value logits of what was loaded", logits(again, tokens)[:2, :2, :4].tolist())
