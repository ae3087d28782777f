"""Networks drawn at random that are healthy or sick by construction, as source code."""
