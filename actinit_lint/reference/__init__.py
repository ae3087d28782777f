"""Activations, initialisers and the theory of signals, in pure Python: tables and formulas that know no stage."""
