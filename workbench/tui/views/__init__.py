"""View models of the screens, plain Python without Textual: run records, curves, epoch rows, marks, numbers as text."""
