"""Forms: fields made from the description of a constructor, checked at every key."""
