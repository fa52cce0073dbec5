"""What the screens show, as plain Python without Textual: run records, curves, epoch rows, marks, numbers as text."""
