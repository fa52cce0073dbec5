"""The queue: trainings that wait for their turn, on disk, for the app and `kwb queue run` alike."""
