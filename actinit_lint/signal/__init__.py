"""Numbers for every chain: how the signal and the gradient fare through it, before any training."""

from actinit_lint.signal.gates import saturated_gates
from actinit_lint.signal.predict import Prediction, choice, drives, level_of, predict
from actinit_lint.signal.verdict import Verdict, verdict

__all__ = ["Prediction", "Verdict", "choice", "drives", "level_of", "predict", "saturated_gates", "verdict"]
