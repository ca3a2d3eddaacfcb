"""Instagram Reels scripts that get better every month, with proof."""

__version__ = "0.1.0"
