"""A mixture density network."""

import torch
from torch import nn, optim
from torch.distributions import Categorical, Normal


class MixtureDensityNetwork(nn.Module):
    """
    Mixture density network.

    Parameters
    ----------
    dim_in : int; dimensionality of the covariates
    dim_out : int; dimensionality of the response variable
    n_components : int; number of components in the mixture model
    """

    def __init__(self, dim_in, dim_out, n_components, hidden_dim=None):
        super().__init__()
        if hidden_dim is None:
            hidden_dim = dim_in
        self.pi_network = nn.Sequential(nn.Linear(dim_in, hidden_dim), nn.ELU(), nn.Linear(hidden_dim, n_components))
        self.n_components, self.dim_out = n_components, dim_out
        self.normal_network = nn.Sequential(
            nn.Linear(dim_in, hidden_dim), nn.ELU(), nn.Linear(hidden_dim, 2 * dim_out * n_components)
        )

    def forward(self, x):
        params = self.normal_network(x)
        mean, sd = torch.split(params, params.shape[1] // 2, dim=1)
        mean = mean.reshape(-1, self.n_components, self.dim_out)
        sd = sd.exp().reshape(-1, self.n_components, self.dim_out)
        return Categorical(logits=self.pi_network(x)), Normal(mean, sd)

    def loss(self, x, y):
        pi, normal = self.forward(x)
        return -torch.logsumexp(pi.logits + normal.log_prob(y.unsqueeze(1)).sum(dim=2), dim=1)


if __name__ == "__main__":
    model = MixtureDensityNetwork(1, 1, n_components=3, hidden_dim=50)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
