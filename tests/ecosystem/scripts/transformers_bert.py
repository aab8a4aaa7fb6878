# needs: transformers safetensors
"""BERT of a small configuration: ten steps of a classification, saved and loaded again."""

import sys
import time

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    get_linear_schedule_with_warmup,
)


def logits(model, tokens, mask):
    with torch.no_grad():
        return model.eval()(input_ids=tokens, attention_mask=mask).logits


torch.manual_seed(0)
tokens, labels = torch.randint(0, 100, (8, 16)), torch.randint(0, 3, (8,))
mask = torch.ones_like(tokens)
mask[:, 12:] = 0
if "--load" not in sys.argv:
    config = BertConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=32, num_labels=3,
    )  # fmt: skip
    model = BertForSequenceClassification(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = get_linear_schedule_with_warmup(optimizer, 2, 10)
    start = time.process_time()
    for _ in range(10):
        loss = model(input_ids=tokens, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        print("value loss", loss.item())
    print("seconds", time.process_time() - start, file=sys.stderr)
    model.save_pretrained("bert")
    print("value logits", logits(model, tokens, mask).tolist())
again = BertForSequenceClassification.from_pretrained("bert")
print("value logits of what was loaded", logits(again, tokens, mask).tolist())
