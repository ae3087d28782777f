"""Fixes: findings to changes of the text that cure them. Beside `program`, the only place that imports libcst."""
