"""Fine-tunes a GPT-2 from its file: all of it, or small matrices (LoRA).

    python examples/gpt2_finetune.py gpt2/model.safetensors --text mine.txt --lora 8
    python examples/gpt2_finetune.py gpt2/model.safetensors --steps 0 --prompt "Once upon a time"

The file is `model.safetensors` as GPT-2 is published (Radford et al. 2019): the weights of its
linear layers stand transposed in it, and the head is the table of tokens. Beside it `vocab.json`
and `merges.txt` say what its tokens are; without them tokens are bytes. Nothing is downloaded.
`--lora r` trains A and B of W + B A alone (Hu et al., arXiv:2106.09685); they are added to W when
the model is saved, in a file of the same form.
"""

import argparse
import itertools
import json
import math
import re
import time
from pathlib import Path

import wengert as wg
from wengert import datasets, nn, optim, serialization
from wengert.nn import functional as F

# ---- the model


class LoRA(nn.Module):
    """y = linear(x) + x A^T B^T, with A random and B zero at first, and the linear layer fixed."""

    def __init__(self, linear, rank):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.a = nn.Parameter(wg.empty(rank, linear.in_features))
        self.b = nn.Parameter(wg.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x):
        return self.linear(x) + F.linear(F.linear(x, self.a), self.b)

    def merged(self):
        return self.linear.weight + self.b @ self.a


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.p = heads, dropout
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.attn_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.mlp_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, cache=None, at=None):
        b, t, c = x.shape
        q, k, v = (
            part.view(b, t, self.heads, c // self.heads).transpose(1, 2)
            for part in self.c_attn(self.ln_1(x)).split(c, dim=2)
        )  # (b, heads, t, c / heads)
        if cache is None:
            p = self.p if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        else:
            keys, values = cache
            keys.index_copy_(2, at, k)
            values.index_copy_(2, at, v)
            seen = wg.arange(keys.shape[2]) <= at
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen[None])
        x = x + self.dropout(self.attn_proj(y.transpose(1, 2).reshape(b, t, c)))
        h = F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")
        return x + self.dropout(self.mlp_proj(h))


class GPT2(nn.Module):
    def __init__(self, vocabulary, positions, width, layers, heads, dropout=0.1):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.dropout = nn.Dropout(dropout)
        self.h = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width)

    def forward(self, x, caches=None, at=None):
        """(b, t) -> logits (b, t, vocabulary)"""
        positions = wg.arange(x.shape[1]) if at is None else at
        h = self.dropout(self.wte(x) + self.wpe(positions))
        for i, block in enumerate(self.h):
            h = block(h, caches and caches[i], at)
        return F.linear(self.ln_f(h), self.wte.weight)

    def caches(self, length):
        """Zeros for the keys and values of every layer."""
        heads, width = self.h[0].heads, self.wte.weight.shape[1]
        shape = (1, heads, length, width // heads)
        return [(wg.zeros(shape), wg.zeros(shape)) for _ in self.h]


# ---- its file

#: What the file calls a layer of ours; the weights of these are transposed there.
TRANSPOSED = {
    "c_attn": "attn.c_attn",
    "attn_proj": "attn.c_proj",
    "c_fc": "mlp.c_fc",
    "mlp_proj": "mlp.c_proj",
}


def name_in_file(name):
    """(what the file calls a parameter, whether it is transposed there)"""
    parts = name.split(".")
    turned = parts[0] == "h" and parts[2] in TRANSPOSED
    if turned:
        parts[2] = TRANSPOSED[parts[2]]
    return ".".join(parts), turned and parts[-1] == "weight"


def load(path, heads=None, dropout=0.1):
    """The model in a file; by default its heads are those of `config.json`, or of size 64."""
    stored, _ = serialization.load_safetensors(path)
    stored = {name.removeprefix("transformer."): t for name, t in stored.items()}
    vocabulary, width = stored["wte.weight"].shape
    positions = stored["wpe.weight"].shape[0]
    layers = 1 + max(int(name.split(".")[1]) for name in stored if name.startswith("h."))
    config = Path(path).with_name("config.json")
    if heads is None and config.exists():
        heads = json.loads(config.read_text())["n_head"]
    model = GPT2(vocabulary, positions, width, layers, heads or width // 64, dropout)
    state = {}
    for name in model.state_dict():
        there, turned = name_in_file(name)
        state[name] = stored[there].t() if turned else stored[there]
    model.load_state_dict(state)
    return model


def save(model, path):
    """Writes the model as it is published; what LoRA learned is part of the weights."""
    state = {name: t.detach() for name, t in model.state_dict().items()}
    for name, module in model.named_modules():
        if isinstance(module, LoRA):
            del state[f"{name}.a"], state[f"{name}.b"]
            state[f"{name}.bias"] = state.pop(f"{name}.linear.bias")
            del state[f"{name}.linear.weight"]
            state[f"{name}.weight"] = module.merged().detach()
    stored = {}
    for name, t in state.items():
        there, turned = name_in_file(name)
        stored[there] = t.t().contiguous() if turned else t
    serialization.save_safetensors(stored, path)


def add_lora(model, rank):
    """Fixes all parameters, and puts LoRA around the linear layers."""
    model.requires_grad_(False)
    for block in model.h:
        for name in TRANSPOSED:
            setattr(block, name, LoRA(getattr(block, name), rank))


# ---- tokens


class Bytes:
    """Every byte is a token."""

    def encode(self, text):
        return list(text.encode())

    def decode(self, tokens):
        return bytes(t for t in tokens if t < 256).decode(errors="replace")


class BytePairs:
    """GPT-2's tokens: bytes, and pairs of tokens in the order in which they were found."""

    WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")

    def __init__(self, folder):
        self.numbers = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self.words = {i: word for word, i in self.numbers.items()}
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
        pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
        self.rank = {pair: i for i, pair in enumerate(pairs)}
        # Bytes that print stand for themselves, the others for characters from 256 on.
        shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
        hidden = [b for b in range(256) if b not in shown]
        self.letters = {b: chr(b) for b in shown}
        self.letters.update({b: chr(256 + i) for i, b in enumerate(hidden)})
        self.bytes = {c: b for b, c in self.letters.items()}

    def encode(self, text):
        tokens = []
        for word in self.WORDS.findall(text):
            parts = [self.letters[b] for b in word.encode()]
            while len(parts) > 1:
                pairs = enumerate(itertools.pairwise(parts))
                rank, i = min((self.rank.get(pair, math.inf), i) for i, pair in pairs)
                if rank == math.inf:
                    break
                parts[i : i + 2] = [parts[i] + parts[i + 1]]
            tokens += [self.numbers[p] for p in parts]
        return tokens

    def decode(self, tokens):
        letters = "".join(self.words[t] for t in tokens)
        return bytes(self.bytes[c] for c in letters if c in self.bytes).decode(errors="replace")


# ---- use


@wg.no_grad()
def write(model, tokens, n, temperature):
    """The tokens and n more; each is one call of a captured function."""
    model.eval()
    length = min(len(tokens) + n, model.wpe.weight.shape[0])
    caches, token = model.caches(length), wg.zeros(1, 1, dtype=wg.int64)
    at = wg.zeros(1, dtype=wg.int64)

    @wg.capture
    def step():
        logits = model(token, caches, at)[0, -1]
        token.copy_(wg.multinomial(F.softmax(logits / temperature, -1), 1)[None])
        at.add_(1)
        return token

    tokens = list(tokens)[: length - 1]
    for given in tokens:
        token.fill_(given)
        following = step().item()
    while len(tokens) < length:
        tokens.append(following)
        if len(tokens) < length:
            following = step().item()
    return tokens


def train(model, data, args):
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = optim.AdamW(trained, lr=args.lr, betas=(0.9, 0.95), weight_decay=0.01)
    offsets = wg.arange(args.length + 1)

    @wg.capture
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return loss

    model.train()
    spent = 0.0
    for i in range(1, args.steps + 1):
        starts = wg.randint(len(data) - args.length, (args.batch_size, 1))
        pieces = data[starts + offsets]
        begun = time.perf_counter()
        loss = step(pieces[:, :-1], pieces[:, 1:])
        spent += time.perf_counter() - begun
        if i % args.every == 0 or i in (1, args.steps):
            print(f"step {i:4d}  loss {loss.item():.4f}", flush=True)
    tokens = args.steps * args.batch_size * args.length
    print(f"trained in {spent:.1f} s: {tokens / spent:,.0f} tokens/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="FILE", help="model.safetensors of a GPT-2")
    parser.add_argument("--text", metavar="FILE", help="what it learns; without it, sonnets")
    parser.add_argument("--heads", type=int, help="if there is no config.json, and not of size 64")
    parser.add_argument(
        "--lora", type=int, metavar="RANK", help="train matrices of this rank alone"
    )
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--length", type=int, default=64, help="tokens of a piece of text")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--every", type=int, default=10, help="steps between two lines")
    parser.add_argument("--prompt", default="\n", help="what the model goes on with in the end")
    parser.add_argument("--tokens", type=int, default=60, help="how many it writes")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE", help="write the model (.safetensors)")
    args = parser.parse_args()

    wg.manual_seed(args.seed)
    model = load(args.model, args.heads, args.dropout)
    folder = Path(args.model).parent
    tokens = BytePairs(folder) if (folder / "vocab.json").exists() else Bytes()
    if args.lora:
        add_lora(model, args.lora)
    count = {kind: sum(p.numel() for p in model.parameters() if p.requires_grad or kind == "all")
             for kind in ("all", "trained")}  # fmt: skip
    print(f"{count['all']:,} parameters, {count['trained']:,} of them trained")
    if args.steps:
        text = Path(args.text).read_text(encoding="utf-8") if args.text else datasets.sonnets()
        train(model, wg.tensor(tokens.encode(text)), args)
    print(tokens.decode(write(model, tokens.encode(args.prompt), args.tokens, args.temperature)))
    if args.save:
        save(model, args.save)
        print(f"saved to {args.save}")


if __name__ == "__main__":
    main()
