import torch
import torch.nn as nn


class BasicConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class InceptionA(nn.Module):
    def __init__(self, in_channels, pool_features):
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, 16, kernel_size=1)
        self.branch5x5_1 = BasicConv2d(in_channels, 12, kernel_size=1)
        self.branch5x5_2 = BasicConv2d(12, 16, kernel_size=5, padding=2)
        self.branch_pool = BasicConv2d(in_channels, pool_features, kernel_size=1)

    def forward(self, x):
        pool = self.branch_pool(nn.functional.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), pool], 1)


class Inception(nn.Module):
    def __init__(self, num_classes=1000, aux_logits=True):
        super().__init__()
        self.aux_logits = aux_logits
        self.stem = BasicConv2d(3, 32, kernel_size=3, stride=2)
        self.mixed1 = InceptionA(32, 32)
        self.mixed2 = InceptionA(64, 32)
        if aux_logits:
            self.aux = nn.Linear(64, num_classes)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x):
        x = self.mixed1(self.stem(x))
        aux = self.aux(x.mean((2, 3))) if self.aux_logits and self.training else None
        x = self.fc(self.mixed2(x).mean((2, 3)))
        return (x, aux) if aux is not None else x
