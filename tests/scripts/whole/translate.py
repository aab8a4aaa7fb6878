# run: --n-epochs 2 --teacher-forcing 0.5
"""Numbers into their digits' names reversed: an encoder and a decoder with attention."""

import argparse
import random
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

SOS, EOS, PAD = 0, 1, 2
WORDS = ["<sos>", "<eos>", "<pad>", "zero", "one", "two", "three", "four", "five", "six"]


class Encoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden, padding_idx=PAD)
        self.rnn = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, hidden)
        self.dropout = nn.Dropout(0.1)

    def forward(self, src, src_len):
        embedded = self.dropout(self.embedding(src))
        packed = pack_padded_sequence(embedded, src_len, batch_first=True, enforce_sorted=False)
        outputs, hidden = self.rnn(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, padding_value=0.0)
        hidden = torch.tanh(self.fc(torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1)))
        return outputs, hidden


class Attention(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.attn = nn.Linear(3 * hidden, hidden)
        self.v = nn.Linear(hidden, 1, bias=False)

    def forward(self, hidden, outputs, mask):
        hidden = hidden.unsqueeze(1).repeat(1, outputs.shape[1], 1)
        energy = torch.tanh(self.attn(torch.cat((hidden, outputs), dim=2)))
        attention = self.v(energy).squeeze(2)
        return F.softmax(attention.masked_fill(mask == 0, -1e10), dim=1)


class Decoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.vocab = vocab
        self.attention = Attention(hidden)
        self.embedding = nn.Embedding(vocab, hidden)
        self.rnn = nn.GRUCell(3 * hidden, hidden)
        self.fc_out = nn.Linear(4 * hidden, vocab)

    def forward(self, word, hidden, outputs, mask):
        embedded = self.embedding(word)
        a = self.attention(hidden, outputs, mask)
        weighted = torch.bmm(a.unsqueeze(1), outputs).squeeze(1)
        hidden = self.rnn(torch.cat((embedded, weighted), dim=1), hidden)
        prediction = self.fc_out(torch.cat((hidden, weighted, embedded), dim=1))
        return prediction, hidden, a


class Seq2Seq(nn.Module):
    def __init__(self, encoder, decoder, device):
        super().__init__()
        self.encoder, self.decoder, self.device = encoder, decoder, device

    def forward(self, src, src_len, trg, teacher_forcing_ratio=0.5):
        batch_size, trg_len = trg.shape
        outputs = torch.zeros(trg_len, batch_size, self.decoder.vocab).to(self.device)
        encoded, hidden = self.encoder(src, src_len)
        mask = src[:, : encoded.shape[1]] != PAD
        word = torch.full((batch_size,), SOS, device=self.device)
        for t in range(trg_len):
            output, hidden, _ = self.decoder(word, hidden, encoded, mask)
            outputs[t] = output
            teacher_force = random.random() < teacher_forcing_ratio
            word = trg[:, t] if teacher_force else output.argmax(1)
        return outputs

    @torch.no_grad()
    def greedy(self, src, max_len=10):
        encoded, hidden = self.encoder(src, torch.tensor([src.shape[1]]))
        word, said = torch.tensor([SOS]), []
        for _ in range(max_len):
            output, hidden, _ = self.decoder(word, hidden, encoded, src != PAD)
            _, topi = output.data.topk(1)
            if topi.item() == EOS:
                said.append("<EOS>")
                break
            said.append(WORDS[topi.item()])
            word = topi.squeeze(0).detach()
        return said


def collate(batch):
    src = [torch.tensor([*[c + 3 for c in digits], EOS]) for digits in batch]
    trg = [torch.tensor([*[c + 3 for c in reversed(digits)], EOS]) for digits in batch]
    lengths = torch.tensor([len(s) for s in src])
    pad = lambda x: pad_sequence(x, batch_first=True, padding_value=PAD)  # noqa: E731
    return pad(src), lengths, pad(trg)


def epoch_time(start, end):
    return divmod(int(end - start), 60)


def init_weights(m):
    for name, param in m.named_parameters():
        if "weight" in name:
            nn.init.normal_(param.data, mean=0, std=0.05)
        else:
            nn.init.constant_(param.data, 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-epochs", type=int, default=10)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--teacher-forcing", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1234)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.cuda.manual_seed(args.seed)
    torch.backends.cudnn.deterministic = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    numbers = [[random.randrange(7) for _ in range(random.randint(2, 6))] for _ in range(96)]
    train = DataLoader(numbers[:72], batch_size=12, shuffle=True, collate_fn=collate)
    valid = DataLoader(numbers[72:], batch_size=24, collate_fn=collate)
    vocab = len(WORDS)
    model = Seq2Seq(Encoder(vocab, args.hidden), Decoder(vocab, args.hidden), device).to(device)
    model.apply(init_weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1], gamma=0.5)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    best_valid_loss = float("inf")
    for epoch in range(args.n_epochs):
        start_time = time.time()
        model.train()
        for src, lengths, trg in train:
            src, trg = src.to(device), trg.to(device)
            optimizer.zero_grad()
            output = model(src, lengths, trg, args.teacher_forcing)
            tokens = (trg != PAD).sum()
            loss = criterion(output.view(-1, vocab), trg.T.reshape(-1)) / tokens
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            print(f"\tTrain Loss: {loss.item():.6f}")
        scheduler.step()
        model.eval()
        valid_loss, tokens = 0.0, 0
        with torch.no_grad():
            for src, lengths, trg in valid:
                output = model(src, lengths, trg, 0)
                valid_loss += criterion(output.flatten(0, 1), trg.t().flatten()).item()
                tokens += torch.count_nonzero(trg != PAD).item()
        valid_loss /= tokens
        minutes, seconds = epoch_time(start_time, time.time())
        if valid_loss < best_valid_loss:
            best_valid_loss = valid_loss
            torch.save(model.state_dict(), "tut-model.pt")
        print(f"Epoch: {epoch + 1:02} | Time: {minutes}m {seconds}s")
        print(f"\t Val. Loss: {valid_loss:.6f}")
    model.load_state_dict(torch.load("tut-model.pt"))
    print(numbers[0], " ".join(model.greedy(collate([numbers[0]])[0])))


if __name__ == "__main__":
    main()
