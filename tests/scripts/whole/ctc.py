# run: --epochs 3
"""Transcribes drawn tones by a convolution, a bidirectional LSTM and CTC, with greedy decoding."""

import argparse
import string
from itertools import groupby

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

ALPHABET = "-" + string.ascii_lowercase[:6]


class Tones(Dataset):
    def __init__(self, size, seed):
        g = torch.Generator()
        g.manual_seed(seed)
        self.items = []
        for _ in range(size):
            n = torch.randint(2, 6, (1,), generator=g).item()
            text = torch.randint(1, len(ALPHABET), (n,), generator=g)
            repeats = torch.randint(2, 5, (n,), generator=g)
            frames = torch.repeat_interleave(text, repeats)
            spectrum = nn.functional.one_hot(frames, 12).float()
            self.items.append((spectrum + 0.2 * torch.randn(spectrum.shape, generator=g), text))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def collate(batch):
    batch.sort(key=lambda item: len(item[0]), reverse=True)
    spectra, texts = map(list, zip(*batch))  # noqa: B905
    return (
        pad_sequence(spectra, batch_first=True),
        torch.cat(texts),
        torch.tensor([len(s) for s in spectra]),
        torch.tensor([len(t) for t in texts], dtype=torch.long),
    )


class Recognizer(nn.Module):
    def __init__(self, features=12, hidden=16):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(features, 16, kernel_size=3, padding="same"), nn.Hardtanh(0, 20, inplace=True)
        )
        self.rnn = nn.LSTM(16, hidden, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, len(ALPHABET))

    def forward(self, x, lengths):
        x = self.conv(x.transpose(1, 2)).permute(2, 0, 1)
        packed = pack_padded_sequence(x, lengths.cpu())
        self.rnn.flatten_parameters()
        out, _ = self.rnn(packed)
        out, lengths = pad_packed_sequence(out)
        return self.fc(out).log_softmax(2), lengths


def greedy(log_probs, lengths):
    best = log_probs.argmax(dim=-1).t()
    texts = []
    for row, n in zip(best, lengths):  # noqa: B905
        texts.append("".join(ALPHABET[k] for k, _ in groupby(row[:n].tolist()) if k != 0))
    return texts


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=0.01)
    args = parser.parse_args()
    torch.manual_seed(0)
    use_cuda = torch.cuda.is_available()
    device = torch.device("cuda" if use_cuda else "cpu")
    kwargs = {"num_workers": 1, "pin_memory": True} if use_cuda else {}
    train = DataLoader(Tones(64, 0), args.batch_size, shuffle=True, collate_fn=collate, **kwargs)
    test = DataLoader(Tones(16, 1), args.batch_size, collate_fn=collate, **kwargs)
    model = Recognizer().to(device)
    print(model)
    criterion = nn.CTCLoss(blank=0, zero_infinity=True).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), args.lr, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, steps_per_epoch=len(train), epochs=args.epochs, anneal_strategy="linear"
    )
    for epoch in range(1, args.epochs + 1):
        model.train()
        for i, (spectra, texts, lengths, text_lengths) in enumerate(train):
            optimizer.zero_grad()
            output, lengths = model(spectra.to(device), lengths)
            loss = criterion(output, texts.to(device), lengths, text_lengths)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10, norm_type="inf")
            optimizer.step()
            scheduler.step()
            print(f"Train epoch {epoch} [{i}/{len(train)}]\tLoss: {loss.item():.6f}")
        model.eval()
        errors = total = 0
        with torch.no_grad():
            for spectra, texts, lengths, text_lengths in test:
                output, lengths = model(spectra.to(device), lengths)
                each = nn.functional.ctc_loss(
                    output, texts, lengths, text_lengths, reduction="none", zero_infinity=True
                )
                said = ["".join(ALPHABET[k] for k in t) for t in texts.split(text_lengths.tolist())]
                errors += sum(edit_distance(a, b) for a, b in zip(greedy(output, lengths), said))  # noqa: B905
                total += int(text_lengths.sum())
        print(f"test loss {each.mean():.5f}, character errors {errors}/{total}")


if __name__ == "__main__":
    main()
