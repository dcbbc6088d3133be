"""Raw records are staged once more, by the code that ran live, and take the place of what they were staged to."""
