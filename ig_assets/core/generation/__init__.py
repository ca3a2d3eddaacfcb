"""From a month's topics to drafts and polished variants."""
