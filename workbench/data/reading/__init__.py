"""Get the rows: datasets and readers are called, files found, batches copied, several files joined."""
