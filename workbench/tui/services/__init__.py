"""Services of the app outside of widgets: the worker's children, and files listed off the event loop."""
