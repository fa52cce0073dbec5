"""The terminal app: screens and widgets over the event stream. It never imports keras or tensorflow."""
