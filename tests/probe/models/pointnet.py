import torch
import torch.nn as nn
import torch.nn.functional as F


class TNet(nn.Module):
    def __init__(self, k=3):
        super().__init__()
        self.k = k
        self.conv1 = nn.Conv1d(k, 64, 1)
        self.conv2 = nn.Conv1d(64, 128, 1)
        self.fc1 = nn.Linear(128, 64)
        self.fc2 = nn.Linear(64, k * k)
        self.bn1 = nn.BatchNorm1d(64)
        self.bn2 = nn.BatchNorm1d(128)

    def forward(self, input):
        bs = input.size(0)
        x = F.relu(self.bn1(self.conv1(input)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = nn.MaxPool1d(x.size(-1))(x)
        x = F.relu(self.fc1(nn.Flatten(1)(x)))
        init = torch.eye(self.k, requires_grad=True).repeat(bs, 1, 1)
        return self.fc2(x).view(-1, self.k, self.k) + init


class PointNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.input_transform = TNet(k=3)
        self.conv1 = nn.Conv1d(3, 64, 1)
        self.conv2 = nn.Conv1d(64, 256, 1)
        self.fc = nn.Linear(256, classes)
        self.logsoftmax = nn.LogSoftmax(dim=1)

    def forward(self, input):
        matrix = self.input_transform(input)
        x = torch.bmm(torch.transpose(input, 1, 2), matrix).transpose(1, 2)
        x = self.conv2(F.relu(self.conv1(x)))
        return self.logsoftmax(self.fc(torch.max(x, 2)[0])), matrix
