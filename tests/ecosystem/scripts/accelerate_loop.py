# needs: accelerate
"""A training loop by Accelerate: accumulated gradients, clipping, a schedule, its own state."""

import sys
import time

import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

set_seed(0)
accelerator = Accelerator(
    cpu=True,
    gradient_accumulation_steps=2,
    project_config=ProjectConfiguration("state", automatic_checkpoint_naming=False),
)
x = torch.randn(96, 6)
y = x @ torch.randn(6, 1)
model = nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
loader = DataLoader(TensorDataset(x, y), batch_size=12, shuffle=True)
model, optimizer, loader, schedule = accelerator.prepare(model, optimizer, loader, schedule)
start = time.process_time()
for _ in range(3):
    for inputs, targets in loader:
        with accelerator.accumulate(model):
            loss = nn.functional.mse_loss(model(inputs), targets)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    gathered = accelerator.gather_for_metrics((loss.detach(), targets))
    accelerator.print("value loss", gathered[0].item(), schedule.get_last_lr()[0])
print("seconds", time.process_time() - start, file=sys.stderr)
accelerator.wait_for_everyone()
accelerator.save_state("state")
before = [p.detach().clone() for p in model.parameters()]
drawn = torch.rand(2)
with torch.no_grad():
    for p in model.parameters():
        p.zero_()
accelerator.load_state("state")
assert all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))
assert torch.equal(torch.rand(2), drawn)
accelerator.save_model(model, "model")
whole = accelerator.unwrap_model(model)
print("value parameters", *(p.double().abs().sum().item() for p in whole.parameters()))
for batch in accelerator.skip_first_batches(loader, 7):
    print("value rest", batch[0].sum().item(), batch[0].shape[0])
