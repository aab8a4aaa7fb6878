# needs: pytorch_lightning torchmetrics
"""A LightningModule under the Trainer on the CPU: logs, checkpoints, early stopping, a test."""

import sys
import time

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
import torchmetrics
from pytorch_lightning.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(pl.LightningModule):
    def __init__(self, hidden=16, lr=1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(
            nn.Linear(8, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, 3),
        )
        self.accuracy = torchmetrics.Accuracy(task="multiclass", num_classes=3)
        self.losses = []

    def forward(self, x):
        return self.layers(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        self.accuracy(logits, y)
        self.log("val_acc", self.accuracy)
        self.log("val_loss", F.cross_entropy(logits, y), prog_bar=True)

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.log("test_loss", F.cross_entropy(self(x), y))

    def predict_step(self, batch, batch_idx):
        return self(batch[0]).argmax(-1)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.7)
        return {"optimizer": optimizer, "lr_scheduler": schedule}


pl.seed_everything(0, verbose=False)
x = torch.randn(240, 8)
y = (x @ torch.randn(8, 3)).argmax(-1)
train, valid = random_split(TensorDataset(x, y), [200, 40])
loaders = DataLoader(train, 20, shuffle=True), DataLoader(valid, 20)
checkpoint = ModelCheckpoint("checkpoints", monitor="val_loss")
trainer = pl.Trainer(
    max_epochs=3,
    accelerator="cpu",
    logger=CSVLogger("logs"),
    callbacks=[checkpoint, EarlyStopping("val_loss", patience=3), LearningRateMonitor()],
    enable_progress_bar=False,
    log_every_n_steps=5,
    gradient_clip_val=1.0,
)
model = Net()
start = time.process_time()
trainer.fit(model, *loaders)
print("seconds", time.process_time() - start, file=sys.stderr)
print("value losses", model.losses)
print("value metrics", *(trainer.callback_metrics[k].item() for k in ("val_acc", "val_loss")))
print("value test", trainer.test(model, loaders[1], verbose=False)[0]["test_loss"])
again = Net.load_from_checkpoint(checkpoint.best_model_path)
with torch.no_grad():
    print("value loaded", again.eval()(x[:2]).tolist())
predicted = trainer.predict(again, loaders[1])
print("value predicted", torch.cat(predicted).tolist())
resumed = pl.Trainer(
    max_epochs=4, accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
model = Net()
resumed.fit(model, *loaders, ckpt_path=checkpoint.best_model_path)
print("value resumed", model.losses[-3:])
