"""What data looks like, column by column, part by part and row by row: for people, before anything is trained."""
