"""Model files and run folders: atomic writes, saving and reloading, checks on untrusted files, inspection."""
