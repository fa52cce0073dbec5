"""Built-in plugin: data that ships inside well-kept packages, and the readers of data files."""
