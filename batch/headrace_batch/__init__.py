"""Files land, Spark stages raw records once more, dead letters come back: through the code that ran live."""
