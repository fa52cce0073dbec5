"""The code between the app and the terminal: typed keys, written text, a slow link, crashes."""
