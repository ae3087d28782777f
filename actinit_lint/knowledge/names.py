"""One canonical name for everything that libraries export under several."""

from __future__ import annotations

import re

#: Prefixes and what they stand for, longest first.
PREFIXES: tuple[tuple[str, str], ...] = (
    ("tensorflow.compat.v1.keras.", "keras."),
    ("tensorflow.compat.v2.keras.", "keras."),
    ("tensorflow.compat.v1.", "tensorflow.v1."),
    ("tensorflow.compat.v2.", "tensorflow."),
    ("tensorflow.python.keras.", "keras."),
    ("tensorflow.python.", "tensorflow."),
    ("tensorflow.contrib.", "tensorflow.contrib."),
    ("tensorflow.keras.", "keras."),
    ("tensorflow.v1.keras.", "keras."),
    ("tf_keras.", "keras."),
    ("keras.src.", "keras."),
    ("keras.api._v2.keras.", "keras."),
    ("keras.api.", "keras."),
    ("keras.engine.", "keras."),
    ("torch.nn.modules.", "torch.nn."),
    ("torch._C._nn.", "torch.nn.functional."),
    ("torch.special.", "torch."),
)
EXACT: dict[str, str] = {
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "tensorflow.compat.v1.keras": "keras",
    "tensorflow.compat.v1": "tensorflow.v1",
    "tensorflow.compat.v2": "tensorflow",
    "tf_keras": "keras",
    "keras.src": "keras",
    "keras.api": "keras",
    "keras.Sequential": "keras.Sequential",
    "keras.utils.torch_utils.TorchModuleWrapper": "keras.layers.TorchModuleWrapper",
    "keras.backend.remat": "keras.remat",
    "torch.nn.modules": "torch.nn",
    "torch.autograd.Variable": "torch.autograd.Variable",
    "torch.nn.parameter.Parameter": "torch.nn.Parameter",
    "torch.nn.utils.parametrize": "torch.nn.utils.parametrize",
}
#: `keras.<module>.<sub>.<Name>`: which modules flatten to `keras.<module>.<Name>`.
_FLAT = re.compile(r"^keras\.(layers|initializers|activations|losses|models|ops|backend)\.(?:\w+\.)+(\w+)$")
_TORCH_MODULE = re.compile(r"^torch\.nn\.(?:[a-z_0-9]+)\.([A-Z]\w*)$")
#: Classes of mmcv that are torch's, with a guard for empty input in addition.
_OPENMMLAB = frozenset(
    [
        "Linear",
        "Conv2d",
        "Conv3d",
        "ConvTranspose2d",
        "ConvTranspose3d",
        "MaxPool2d",
        "MaxPool3d",
    ]
)
_MODELS = {"Sequential", "Model", "Input", "InputLayer", "Functional"}


def canonical(name: str) -> str:
    """The name under which the tables know a library object."""
    if name in EXACT:
        return EXACT[name]
    if name.startswith(("mmcv.cnn.", "mmengine.model.")) and name.rsplit(".", 1)[-1] in _OPENMMLAB:
        return f"torch.nn.{name.rsplit('.', 1)[-1]}"
    if name.startswith("six.moves."):
        return f"builtins.{name[10:]}"
    head = name.split(".", 1)[0]
    if head not in ("torch", "keras", "tensorflow", "tf_keras"):
        return name
    changed = True
    while changed:
        changed = False
        for prefix, other in PREFIXES:
            if name.startswith(prefix) and not name.startswith(other + "contrib"):
                new = other + name[len(prefix) :]
                if new != name:
                    name, changed = new, True
                    break
    if name.startswith("keras."):
        match = _FLAT.match(name)
        if match:
            name = f"keras.{match[1]}.{match[2]}"
        last = name.rsplit(".", 1)[-1]
        if last in _MODELS and name.startswith(
            ("keras.models.", "keras.layers.", "keras.training.", "keras.sequential.")
        ):
            return f"keras.{last}"
        return EXACT.get(name, name)
    match = _TORCH_MODULE.match(name)
    if match and not name.startswith(("torch.nn.utils.", "torch.nn.init.", "torch.nn.functional.")):
        return f"torch.nn.{match[1]}"
    return EXACT.get(name, name)
