"""Data: the values and roles of the columns, the split and the scaling."""
