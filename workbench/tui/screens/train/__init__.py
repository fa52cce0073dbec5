"""The train screen: a training as it runs, here or elsewhere, or as it ran.

`training_view` is the state of a training (pure, without Textual), `curves`, `epoch_rows` and `distributions`
hold its numbers in bounded memory, `record` puts them together and takes the events. `source` says where events come
from, `follow` reads them from a run's folder. The other modules are the widgets, and `screen` joins them.
"""
