"""Model files and run folders: saving and reloading, checks on untrusted files, inspection."""
