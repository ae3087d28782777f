import torch.nn.functional as F
from torch import nn


class Stack(nn.Module):
    def __init__(self, dim, depth=None, **kwargs):
        super().__init__()
        assert depth is not None, "`depth` must be passed in"
        self.dim = dim
        self.layers = nn.ModuleList([nn.Linear(dim, dim) for _ in range(depth)])

    def forward(self, x):
        for layer in self.layers:
            x = x + F.gelu(layer(x))
        return x


class CausalStack(Stack):
    def __init__(self, **kwargs):
        super().__init__(causal=True, **kwargs)


class TokenModel(nn.Module):
    def __init__(self, *, num_tokens, stack: CausalStack):
        super().__init__()
        self.max_context = 64
        self.emb = nn.Embedding(num_tokens, stack.dim)
        self.stack = stack
        self.to_logits = nn.Linear(stack.dim, num_tokens)

    def forward(self, tokens):
        return self.to_logits(self.stack(self.emb(tokens)))


class NextToken(nn.Module):
    """Trains what it is given, of which its name says nothing."""

    def __init__(self, net, ignore_index=-100):
        super().__init__()
        self.net = net
        self.context = net.max_context
        self.ignore_index = ignore_index

    def forward(self, tokens):
        logits = self.net(tokens[:, : self.context])
        return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], ignore_index=self.ignore_index)
