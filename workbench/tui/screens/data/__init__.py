"""Data: what the columns hold, what they are for, how rows are split and scaled."""
