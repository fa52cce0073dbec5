"""Acme's layers, models and data for kwb."""
