from typing import List, Optional

from torch import nn


class Stages(nn.Module):
    """What is None by default is not optional."""

    def __init__(
        self,
        layers: List[int],
        in_channels: int = 3,
        widths: Optional[List[int]] = None,
        groups: Optional[int] = None,
        norm: Optional[int] = None,
    ):
        super().__init__()
        assert groups is not None
        self.features = widths[-1]
        stages = []
        for depth, width in zip(layers, widths):
            for _ in range(depth):
                stages += [nn.Conv2d(in_channels, width, 3, stride=2, padding=1), nn.GroupNorm(groups, width), nn.ReLU()]
                in_channels = width
        self.stages = nn.Sequential(*stages)
        self.norm = nn.GroupNorm(norm, self.features) if norm else nn.Identity()
        self.head = nn.Linear(self.features, 10)

    def forward(self, x):
        return self.head(self.norm(self.stages(x)).mean((2, 3)))
