"""An ordinary PyTorch script: with torch, put `import torch` in place of the first import."""

import wengert as torch
from wengert import datasets

nn = torch.nn
data = torch.utils.data


class MLP(nn.Module):
    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.head(self.layers(x))


torch.manual_seed(0)
images, labels = (torch.from_numpy(t.numpy()) for t in datasets.digits("train"))
loader = data.DataLoader(data.TensorDataset(images, labels), batch_size=64, shuffle=True)
model = MLP(64, 128, 10)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
losses = []
for epoch in range(3):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        correct = (model(images).argmax(dim=1) == labels).sum().item()
    print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, accuracy {correct / len(labels):.3f}")
