"""The check screen: entries and what `kwb check` finds out about them."""
