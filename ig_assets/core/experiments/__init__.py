"""Posts, engagement, evidence and decisions."""
