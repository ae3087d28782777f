from collections import OrderedDict

import torch
import torch.nn as nn


class WideDeep(nn.Module):
    """Wide part over cross products, deep part over embeddings and numbers."""

    def __init__(self, wide_dim, embeddings_input, continuous_cols, hidden_layers, dropout, n_class):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(10, 8) for _ in range(embeddings_input)])
        self.continuous_cols = continuous_cols
        width = embeddings_input * 8 + continuous_cols
        layers = OrderedDict()
        for i, size in enumerate(hidden_layers):
            layers[f"linear{i}"] = nn.Linear(width, size)
            layers[f"relu{i}"] = nn.ReLU()
            layers[f"drop{i}"] = nn.Dropout(dropout)
            width = size
        self.deep = nn.Sequential(layers)
        self.output = nn.Linear(width + wide_dim, n_class)

    def forward(self, X_w, X_cat, X_cont):
        embedded = [emb(X_cat[:, i]) for i, emb in enumerate(self.embeddings)]
        deep = self.deep(torch.cat([*embedded, X_cont], 1))
        return torch.sigmoid(self.output(torch.cat([deep, X_w], 1)))


def main():
    model = WideDeep(wide_dim=50, embeddings_input=4, continuous_cols=3, hidden_layers=[64, 32], dropout=0.3, n_class=1)
    print(model)


if __name__ == "__main__":
    main()
