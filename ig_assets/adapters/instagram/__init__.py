"""Instagram by Meta's Graph API: publish reels, read insights, keep the token alive."""
