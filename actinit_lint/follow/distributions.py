"""`torch.distributions`: what a network's output parametrises, and what is made of that."""

from __future__ import annotations

from actinit_lint.follow.calls import flows_in
from actinit_lint.follow.state import Run
from actinit_lint.follow.values import Args, Flow, Method, Unknown, Value
from actinit_lint.model import Place

#: Properties whose values are tensors.
PROPERTIES = frozenset({"mean", "mode", "stddev", "variance", "probs", "logits", "loc", "scale", "base_dist"})
DRAWS = frozenset({"sample", "rsample", "sample_n", "enumerate_support", "icdf"})
LIKELIHOODS = frozenset({"log_prob", "entropy", "cdf", "perplexity"})


def make(run: Run, name: str, args: Args, place: Place) -> Value:
    """`Normal(mean, std)`, `kl_divergence(p, q)`: the network ends here, unless something is drawn and goes on."""
    flows = flows_in(args.values())
    if not flows:
        return Unknown(f"a {name}")
    node = Flow("loss", flows, place, name=name)
    node.info["distribution"] = name != "kl_divergence"
    return run.flow(node)


def attribute(run: Run, owner: Flow, name: str, place: Place) -> Value:
    """`dist.mean`, or a method."""
    return run.flow(Flow("pass", [owner], place, name=name)) if name in PROPERTIES else Method(owner, name, place)


def call(run: Run, owner: Flow, name: str, place: Place) -> Value:
    """`dist.rsample()`, `dist.log_prob(action)`."""
    if name in DRAWS:
        return run.flow(Flow("pass", [owner], place, name=name))
    if name in LIKELIHOODS:
        return run.flow(Flow("loss", [owner], place, name=name))
    return owner if name == "expand" else Unknown(f"{name} of a distribution")
