"""Actions of several screens and the app: leave, save and open recipes, stop and resume runs. They ask with dialogs."""
