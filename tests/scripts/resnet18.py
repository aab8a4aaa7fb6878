"""ResNet-18 in torchvision's structure and names, on images of 32x32; SGD with momentum."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

#: Channels of the first stage: 64 in a ResNet-18. An eighth keeps the tests short.
WIDTH = 64


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, blocks, width, classes):
        super().__init__()
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(width, blocks[0], 1)
        self.layer2 = self._stage(width * 2, blocks[1], 2)
        self.layer3 = self._stage(width * 4, blocks[2], 2)
        self.layer4 = self._stage(width * 8, blocks[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width * 8, classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
        for m in self.modules():  # zero_init_residual
            if isinstance(m, BasicBlock):
                nn.init.constant_(m.bn2.weight, 0)

    def _stage(self, planes, blocks, stride):
        downsample = None
        if stride != 1 or self.inplanes != planes:
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, planes, 1, stride=stride, bias=False),
                nn.BatchNorm2d(planes),
            )
        layers = [BasicBlock(self.inplanes, planes, stride, downsample)]
        self.inplanes = planes
        layers += [BasicBlock(planes, planes) for _ in range(1, blocks)]
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (n, width, 8, 8)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def coloured(images):
    """(n, 3, 32, 32) of (n, 1, 8, 8): ink, paper and edges."""
    ink = torch.from_numpy(images).to(torch.get_default_dtype())
    ink = F.interpolate(ink, scale_factor=4, mode="bilinear", align_corners=False)
    edges = F.pad(ink[..., 1:] - ink[..., :-1], (0, 1))
    return torch.cat([ink, 1 - ink, edges], 1)


def setup(images, labels):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(2)
    inputs = coloured(images[:320])
    inputs += 0.1 * torch.randn_like(inputs)  # no two pixels alike
    data = TensorDataset(inputs, torch.from_numpy(labels)[:320])
    loader = DataLoader(data, batch_size=32, shuffle=True, drop_last=True)
    model = ResNet([2, 2, 2, 2], WIDTH, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0002, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=100, gamma=0.1)
    criterion = nn.CrossEntropyLoss()

    def batches():
        while True:
            yield from loader

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return [model], batches(), step, lambda i: scheduler.step()


def evaluate(modules, images):
    """What the trained network says of some images."""
    return modules[0](coloured(images))
