"""The terminal app: screens and widgets that show the event stream. It never imports keras or tensorflow."""

import os

# How often a second Textual looks for what is to be painted, read when it is imported. A key waits for the next look:
# at its 60 it is answered some 5 ms later. What does not change is not painted, however often it looks.
os.environ.setdefault("TEXTUAL_FPS", "120")
