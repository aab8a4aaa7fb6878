import wengert as wg
from wengert import datasets, nn, optim
from wengert.utils.data import DataLoader, TensorDataset

wg.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.Adam(model.parameters(), lr=2e-3)
loader = DataLoader(TensorDataset(*datasets.digits("train")), batch_size=64, shuffle=True)
for _ in range(30):
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
images, labels = datasets.digits("test")
print(f"test accuracy: {(model(images).argmax(1) == labels).float().mean().item():.1%}")
