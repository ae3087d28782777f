"""PyTorch Lightning where it is not installed: a `LightningModule` that is an `nn.Module`, the rest as stubs."""

from __future__ import annotations

import inspect
import sys
import types
from functools import lru_cache
from typing import Any

#: Packages whose modules have a `LightningModule`.
PACKAGES = ("lightning", "pytorch_lightning")


@lru_cache(maxsize=1)
def lightning_module() -> type:
    """The class, made when it is first asked for: it needs torch."""
    from torch import nn

    class LightningModule(nn.Module):  # type: ignore[misc]
        """What a model's constructor and `forward` use of Lightning's own."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            self.trainer = None
            self.current_epoch = self.global_step = 0
            self.hparams: Any = _Parameters()

        @property
        def device(self) -> Any:
            import torch

            return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

        def save_hyperparameters(self, *names: Any, ignore: Any = (), frame: Any = None, **_: Any) -> None:
            """Keep the constructor's arguments as `self.hparams`."""
            caller: types.FrameType | None = frame or sys._getframe(1)
            assert caller is not None
            arguments = inspect.getargvalues(caller)
            found = {name: arguments.locals[name] for name in arguments.args if name != "self"}
            if arguments.keywords:
                found.update(arguments.locals[arguments.keywords])
            chosen = [name for name in names if isinstance(name, str)]
            left_out = (ignore,) if isinstance(ignore, str) else tuple(ignore or ())
            for name in chosen or found:
                if name in found and name not in left_out:
                    self.hparams[name] = found[name]
            for value in names:
                if not isinstance(value, str):  # save_hyperparameters(args)
                    self.hparams.update(value if isinstance(value, dict) else vars(value))

        def log(self, *_: Any, **__: Any) -> None:
            pass

        def log_dict(self, *_: Any, **__: Any) -> None:
            pass

        def print(self, *_: Any, **__: Any) -> None:
            pass

    return LightningModule


class _Parameters(dict):  # type: ignore[type-arg]
    """`hparams.name` and `hparams["name"]`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value
