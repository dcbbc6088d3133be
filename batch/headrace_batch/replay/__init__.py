"""Raw records once more, into another stream."""
