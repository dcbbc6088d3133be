"""Dead letters: events that became no row are counted, shown, mended and staged once more."""
