"""Loading a user's file for its definitions: scripts pruned, missing packages stood in for, nothing run that trains."""
