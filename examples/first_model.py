"""A small model with mistakes in its initialisation: what a first run of actinit-lint has to say about it."""

import torch
from torch import nn
from torch.nn import functional as F


class Digits(nn.Module):
    """A classifier of 28 x 28 pictures."""

    def __init__(self, classes=10):
        super().__init__()
        self.wide = nn.Linear(784, 256)
        self.deep = nn.Linear(256, 256)
        self.narrow = nn.Linear(256, 64)
        self.head = nn.Linear(64, classes)
        self.scale = nn.Parameter(torch.empty(64, 64))
        self.reset_weights()

    def reset_weights(self):
        nn.init.xavier_uniform_(self.wide.weight)
        nn.init.kaiming_normal_(self.deep.weight, nonlinearity="relu")
        nn.init.zeros_(self.narrow.weight)
        nn.init.kaiming_uniform_(self.head.weight, nonlinearity="softmax")

    def forward(self, x):
        x = F.relu(self.wide(x.flatten(1)))
        x = torch.tanh(self.deep(x))
        x = F.relu(self.narrow(x))
        x = F.relu(x @ self.scale)
        return F.softmax(self.head(x), dim=1)


def train(batches):
    model = Digits()
    loss = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for pictures, labels in batches:
        optimiser.zero_grad()
        loss(model(pictures), labels).backward()
        optimiser.step()
