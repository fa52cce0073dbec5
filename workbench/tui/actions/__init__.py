"""What several screens and the app do: leave, save and open recipes, stop and resume runs. They ask with dialogs."""
