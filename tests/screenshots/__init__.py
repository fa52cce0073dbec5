"""Pictures of the main screens for the README, taken from the real app: `python -m tests.screenshots`."""
