"""What lies between the app and the terminal: keys as they are typed, text as it is written, a slow link, crashes."""
