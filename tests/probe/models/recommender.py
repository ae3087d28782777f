import pandas as pd
import torch
from torch import nn

ratings = pd.read_csv("ratings.csv")
n_users = ratings.user_id.nunique()
n_items = ratings.item_id.nunique()


class NCF(nn.Module):
    def __init__(self, num_users, num_items, factor_num, num_layers, dropout=0.0):
        super().__init__()
        self.embed_user = nn.Embedding(num_users, factor_num * (2 ** (num_layers - 1)))
        self.embed_item = nn.Embedding(num_items, factor_num * (2 ** (num_layers - 1)))
        modules = []
        for i in range(num_layers):
            size = factor_num * (2 ** (num_layers - i))
            modules += [nn.Dropout(p=dropout), nn.Linear(size, size // 2), nn.ReLU()]
        self.layers = nn.Sequential(*modules)
        self.predict_layer = nn.Linear(factor_num, 1)
        for m in self.layers:
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)

    def forward(self, user, item):
        interaction = torch.cat((self.embed_user(user), self.embed_item(item)), -1)
        return self.predict_layer(self.layers(interaction)).view(-1)


class MF(nn.Module):
    def __init__(self, n_factors=20):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors)
        self.item_factors = nn.Embedding(n_items, n_factors)

    def forward(self, user, item):
        return (self.user_factors(user) * self.item_factors(item)).sum(1)


model = NCF(n_users, n_items, 32, 3)
for epoch in range(20):
    model(torch.LongTensor(ratings.user_id.values), torch.LongTensor(ratings.item_id.values)).sum().backward()
