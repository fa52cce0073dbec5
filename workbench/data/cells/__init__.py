"""What cells hold and what becomes of them: numbers, dates, texts, labels; one column at a time."""
