"""Networks with more than one way through them: residual, attention, gates, recurrence, skip connections."""

from __future__ import annotations

from random import Random

from networks.chains import KERAS, TORCH

#: How the weights of a normalised or residual network may be drawn: with norms in front of every block, or behind it,
#: both drift by powers of the depth at most (pre-norm: q grows by a constant for each block).
ANY_SCALE = (
    "",
    "nn.init.xavier_uniform_(module.weight)",
    "nn.init.normal_(module.weight, std=0.02)",
    "nn.init.trunc_normal_(module.weight, std=0.02)",
    'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
)


def _drawn(statement: str, kinds: str = "nn.Linear") -> str:
    """Lines at the end of __init__ that draw the weights of every module of these kinds."""
    if not statement:
        return ""
    return f"""
        for module in self.modules():
            if isinstance(module, {kinds}):
                {statement}
                if module.bias is not None:
                    nn.init.zeros_(module.bias)"""


def residual_mlp(rng: Random) -> str:
    width, depth = rng.choice((32, 48, 64)), rng.randint(2, 8)
    act = rng.choice(("F.gelu", "F.relu", "F.silu", "torch.tanh"))
    zero = rng.random() < 0.3
    return (
        TORCH
        + f"""class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, {rng.choice((1, 2, 4))} * width)
        self.down = nn.Linear(self.up.out_features, width)

    def forward(self, x):
        return x + self.down({act}(self.up(self.norm(x))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear({rng.choice((8, 16, 40))}, {width})
        self.blocks = nn.ModuleList([Block({width}) for _ in range({depth})])
        self.norm = nn.LayerNorm({width})
        self.head = nn.Linear({width}, 5){_drawn(rng.choice(ANY_SCALE))}
"""
        + ("        for block in self.blocks:\n            nn.init.zeros_(block.down.weight)\n" if zero else "")
        + """
    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))
"""
    )


def resnet(rng: Random) -> str:
    width, depth = rng.choice((8, 16)), rng.randint(1, 4)
    draw = rng.choice(("", 'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")'))
    body = f"""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                {draw}"""
    return (
        TORCH
        + f"""class BasicBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != width:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d({rng.choice((1, 3))}, {width}, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d({width})
        blocks = [BasicBlock({width}, {width}, 1) for _ in range({depth})]
        self.first = nn.Sequential(*blocks)
        self.second = nn.Sequential(BasicBlock({width}, {2 * width}, 2), BasicBlock({2 * width}, {2 * width}, 1))
        self.head = nn.Linear({2 * width}, 10){body if draw else ""}

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        x = self.second(self.first(x))
        return self.head(x.mean((2, 3)))
"""
    )


def transformer(rng: Random, constant: float | None = None) -> str:
    """Written out, norms before or behind; or the library's. `constant`: every weight of the blocks."""
    width, depth = rng.choice((32, 64)), rng.randint(2, 5)
    before, act = rng.random() < 0.5, rng.choice(("F.gelu", "F.relu"))
    draw = rng.choice(ANY_SCALE) if constant is None else f"nn.init.constant_(module.weight, {constant:g})"
    attended, mixed = "x = x + self.attend(self.norm1(x))", f"x = x + self.down({act}(self.up(self.norm2(x))))"
    if not before:
        attended, mixed = "x = self.norm1(x + self.attend(x))", f"x = self.norm2(x + self.down({act}(self.up(x))))"
    return (
        TORCH
        + f"""class Block(nn.Module):
    def __init__(self, width={width}, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def attend(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, t, c))

    def forward(self, x):
        {attended}
        {mixed}
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding({rng.choice((50, 100))}, {width})
        self.blocks = nn.ModuleList([Block() for _ in range({depth})])
        self.norm = nn.LayerNorm({width})
        self.head = nn.Linear({width}, 20){_drawn(draw)}

    def forward(self, ids):
        x = self.tokens(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))
"""
    )


def encoder(rng: Random) -> str:
    width = rng.choice((32, 64))
    return (
        TORCH
        + f"""class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            {width}, 4, {2 * width}, activation="{rng.choice(("relu", "gelu"))}", batch_first=True,
            norm_first={rng.random() < 0.5},
        )
        self.stem = nn.Linear({rng.choice((6, 12))}, {width})
        self.body = nn.TransformerEncoder(layer, {rng.randint(2, 4)}, enable_nested_tensor=False)
        self.head = nn.Linear({width}, 3)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean(1))
"""
    )


def gated(rng: Random) -> str:
    """GLU or SwiGLU between norms."""
    width, depth = rng.choice((32, 64)), rng.randint(2, 6)
    gate = rng.choice(("F.glu(self.up(x), dim=-1)", "F.silu(self.up(x).chunk(2, -1)[0]) * self.up(x).chunk(2, -1)[1]"))
    return (
        TORCH
        + f"""class GatedBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x):
        skip, x = x, self.norm(x)
        return skip + self.down({gate})


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(16, {width})
        self.blocks = nn.Sequential(*[GatedBlock({width}) for _ in range({depth})])
        self.head = nn.Linear({width}, 4){_drawn(rng.choice(ANY_SCALE))}

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))
"""
    )


def recurrent(rng: Random, std: float | None = None) -> str:
    """LSTM, GRU or tanh cells over features; `std`: of every weight, where the default would be fine."""
    kind = rng.choice(("LSTM", "GRU", "RNN") if std is None else ("LSTM", "GRU"))
    hidden, both = rng.choice((32, 64)), rng.random() < 0.4 and std is None
    inputs, layers = rng.choice((4, 8)), rng.randint(1, 2)
    draw = (
        ""
        if std is None
        else f"""
        for name, parameter in self.body.named_parameters():
            if "weight" in name:
                nn.init.normal_(parameter, std={std:g})"""
    )
    return (
        TORCH
        + f"""class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.{kind}({inputs}, {hidden}, {layers}, batch_first=True, bidirectional={both})
        self.head = nn.Linear({hidden * (2 if both else 1)}, 2){draw}

    def forward(self, x):
        states, _ = self.body(x)
        return self.head(states[:, -1])
"""
    )


def generator(rng: Random) -> str:
    """Transposed convolutions with batch norm, spread 0.02, tanh at the end."""
    width = rng.choice((8, 16))
    return (
        TORCH
        + f"""class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(32, {4 * width}, 4, 1, 0, bias=False), nn.BatchNorm2d({4 * width}), nn.ReLU(True),
            nn.ConvTranspose2d({4 * width}, {2 * width}, 4, 2, 1, bias=False), nn.BatchNorm2d({2 * width}),
            nn.ReLU(True),
            nn.ConvTranspose2d({2 * width}, {width}, 4, 2, 1, bias=False), nn.BatchNorm2d({width}), nn.ReLU(True),
            nn.ConvTranspose2d({width}, 3, 4, 2, 1, bias=False), nn.Tanh(),
        )
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, z):
        return self.main(z)
"""
    )


def unet(rng: Random) -> str:
    width = rng.choice((8, 16))
    return (
        TORCH
        + f"""def double(inputs, width):
    return nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = double(1, {width}), double({width}, {2 * width})
        self.middle = double({2 * width}, {4 * width})
        self.up2 = nn.ConvTranspose2d({4 * width}, {2 * width}, 2, 2)
        self.up1 = nn.ConvTranspose2d({2 * width}, {width}, 2, 2)
        self.join2, self.join1 = double({4 * width}, {2 * width}), double({2 * width}, {width})
        self.out = nn.Conv2d({width}, {rng.choice((1, 2))}, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.middle(F.max_pool2d(b, 2))
        b = self.join2(torch.cat([self.up2(c), b], 1))
        return self.out(self.join1(torch.cat([self.up1(b), a], 1)))
"""
    )


def variational(rng: Random) -> str:
    width, latent = rng.choice((64, 128)), rng.choice((4, 8))
    return (
        TORCH
        + f"""class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.into = nn.Linear(100, {width})
        self.mean, self.spread = nn.Linear({width}, {latent}), nn.Linear({width}, {latent})
        self.back, self.out = nn.Linear({latent}, {width}), nn.Linear({width}, 100)

    def forward(self, x):
        h = F.relu(self.into(x))
        mean, spread = self.mean(h), self.spread(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * spread)
        return torch.sigmoid(self.out(F.relu(self.back(z)))), mean, spread
"""
    )


def keras_residual(rng: Random) -> str:
    width = rng.choice((32, 64))
    return (
        KERAS
        + f"""def build_model():
    inputs = keras.Input(({rng.choice((16, 30))},))
    x = layers.Dense({width})(inputs)
    for _ in range({rng.randint(2, 5)}):
        h = layers.LayerNormalization()(x)
        h = layers.Dense({2 * width}, activation="{rng.choice(("gelu", "relu"))}")(h)
        x = layers.Add()([x, layers.Dense({width})(h)])
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
"""
    )


def keras_recurrent(rng: Random) -> str:
    kind = rng.choice(("LSTM", "GRU"))
    return (
        KERAS
        + f"""def build_model():
    return keras.Sequential([
        keras.Input((12, 6)),
        layers.{kind}({rng.choice((16, 32))}, return_sequences=True),
        layers.{kind}(16),
        layers.Dense(1),
    ])
"""
    )


def bare_residual(rng: Random, depth: int) -> str:
    """He before every ReLU of residual blocks without a norm: the second moment doubles with each block."""
    width = rng.choice((64, 96))
    return (
        TORCH
        + f"""class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        return x + self.second(F.relu(self.first(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(32, {width})
        self.blocks = nn.Sequential(*[Block({width}) for _ in range({depth})])
        self.head = nn.Linear({width}, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))
"""
    )


def hidden_softmax(rng: Random) -> str:
    """Softmax between hidden layers: its outputs are near 1/width whatever goes in."""
    width, depth = rng.choice((64, 128)), rng.randint(4, 6)
    return (
        TORCH
        + f"""class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear({width}, {width}) for _ in range({depth})])
        self.head = nn.Linear({width}, 10)

    def forward(self, x):
        for layer in self.layers:
            x = torch.softmax(layer(x), dim=-1)
        return self.head(x)
"""
    )
