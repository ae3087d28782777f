"""A measurement that only shows that a model can be built, fed and differentiated: for tests of the running half."""

from __future__ import annotations

from typing import Any

import torch


def measure(subject: Any, task: Any) -> dict[str, Any]:
    """Two builds with two seeds; forward and backward on eight inputs."""
    norms = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = subject.build()
        if subject.framework == "torch":
            model.train(subject.trains)
        args, kwargs = subject.inputs(subject.batch or 8, "normal")
        if subject.framework == "keras":
            kwargs = {**kwargs, "training": subject.trains}
        output = model(*args, **kwargs)
        leaves = [leaf for leaf in _tensors(output) if leaf.requires_grad]
        if leaves:
            sum((leaf * torch.randn_like(leaf)).sum() for leaf in leaves).backward()
        grads = [p.grad.norm().item() for p in model.parameters() if p.grad is not None] if leaves else []
        weights = [p.detach().norm().item() for p in model.parameters() if p.is_floating_point()]
        norms.append({"gradients": len(grads), "parameters": len(weights), "weights": sum(weights)})
    return {"runs": norms, "task": task}


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif hasattr(value, "__dict__") and not isinstance(value, (list, tuple)):
        value = vars(value).values()
    return (
        [leaf for part in value for leaf in _tensors(part)]
        if hasattr(value, "__iter__") and not isinstance(value, str)
        else []
    )
