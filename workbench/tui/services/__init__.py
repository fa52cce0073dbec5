"""What the app does outside of widgets: the worker's children, files listed off the event loop."""
