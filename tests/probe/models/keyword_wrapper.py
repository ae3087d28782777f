import torch
from torch import nn


class Layers(nn.Module):
    def __init__(self, dim, depth, mlp_ratio=2):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Sequential(nn.Linear(dim, dim * mlp_ratio), nn.GELU(), nn.Linear(dim * mlp_ratio, dim)) for _ in range(depth)]
        )

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)
        return x


class Encoder(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        self.emb = nn.Embedding(kwargs["num_tokens"], kwargs["dim"])
        self.layers = Layers(dim=kwargs["dim"], depth=kwargs["depth"])
        self.out = nn.Linear(kwargs["dim"], kwargs["num_tokens"])

    def forward(self, tokens):
        return self.out(torch.tanh(self.layers(self.emb(tokens))))
