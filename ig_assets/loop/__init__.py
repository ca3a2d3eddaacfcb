"""The loop, headless: the same definitions that the UI shows, turned month by month."""
