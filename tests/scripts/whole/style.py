# run: --num-steps 6
"""Style transfer by L-BFGS on the picture: Gram matrices of features that hooks collect."""

import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.set_default_device(device)


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    G = torch.mm(features, features.t())
    return G.div(a * b * c * d)


class ContentLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target = target.detach()

    def forward(self, input):
        self.loss = F.mse_loss(input, self.target)
        return input


class StyleLoss(nn.Module):
    def __init__(self, target_feature):
        super().__init__()
        self.target = gram_matrix(target_feature).detach()

    def forward(self, input):
        self.loss = F.mse_loss(gram_matrix(input), self.target)
        return input


class Normalization(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = torch.tensor(mean).view(-1, 1, 1)
        self.std = torch.tensor(std).view(-1, 1, 1)

    def forward(self, img):
        return (img - self.mean) / self.std


def pictures(size=24):
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    content = torch.stack([((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1).float(), x, y])
    style = torch.stack([torch.sin(20 * x + i) * torch.cos(14 * y) for i in range(3)]) / 2 + 0.5
    return content.unsqueeze(0), style.unsqueeze(0)


def backbone():
    torch.manual_seed(9)
    cnn = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(inplace=True),
    )
    for p in cnn.parameters():
        p.requires_grad_(False)
    return cnn.eval()


def get_style_model_and_losses(cnn, style_img, content_img):
    content_losses, style_losses = [], []
    model = nn.Sequential(Normalization([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    i = 0
    for layer in cnn.children():
        if isinstance(layer, nn.Conv2d):
            i += 1
            name = f"conv_{i}"
        elif isinstance(layer, nn.ReLU):
            name = f"relu_{i}"
            layer = nn.ReLU(inplace=False)
        elif isinstance(layer, nn.MaxPool2d):
            name = f"pool_{i}"
        else:
            raise RuntimeError(f"Unrecognized layer: {layer.__class__.__name__}")
        model.add_module(name, layer)
        if name == "conv_3":
            content_loss = ContentLoss(model(content_img))
            model.add_module(f"content_loss_{i}", content_loss)
            content_losses.append(content_loss)
        if name.startswith("conv"):
            style_loss = StyleLoss(model(style_img))
            model.add_module(f"style_loss_{i}", style_loss)
            style_losses.append(style_loss)
    for i in range(len(model) - 1, -1, -1):
        if isinstance(model[i], (ContentLoss, StyleLoss)):
            break
    return model[: (i + 1)], style_losses, content_losses


def total_variation(img):
    return (img[..., 1:] - img[..., :-1]).abs().mean() + img.diff(dim=-2).abs().mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--num-steps", type=int, default=100)
    parser.add_argument("--style-weight", type=float, default=1e4)
    parser.add_argument("--content-weight", type=float, default=1)
    args = parser.parse_args()
    content_img, style_img = pictures()
    cnn = backbone()
    shapes = {}

    def record(name):
        def hook(module, args, output):
            shapes[name] = tuple(output.shape)

        return hook

    handles = [m.register_forward_hook(record(n)) for n, m in cnn.named_modules() if n]
    cnn(content_img.clone())
    for handle in handles:
        handle.remove()
    print(shapes)
    input_img = content_img.clone()
    model, style_losses, content_losses = get_style_model_and_losses(cnn, style_img, content_img)
    input_img.requires_grad_(True)
    model.eval()
    model.requires_grad_(False)
    optimizer = optim.LBFGS([input_img], max_iter=4)
    run = [0]
    while run[0] <= args.num_steps:

        def closure():
            with torch.no_grad():
                input_img.clamp_(0, 1)
            optimizer.zero_grad()
            model(input_img)
            style_score = sum(sl.loss for sl in style_losses) * args.style_weight
            content_score = sum(cl.loss for cl in content_losses) * args.content_weight
            loss = style_score + content_score + 0.01 * total_variation(input_img)
            loss.backward()
            run[0] += 1
            print(f"run {run[0]}: Style loss: {style_score.item():.6f}")
            print(f"Content loss: {content_score.item():.6f}")
            return style_score + content_score

        optimizer.step(closure)
    with torch.no_grad():
        input_img.clamp_(0, 1)
    mse = F.mse_loss(input_img.detach(), content_img)
    print(f"PSNR {-10 * math.log10(mse):.2f} loss {mse.item():.6f}")


if __name__ == "__main__":
    main()
