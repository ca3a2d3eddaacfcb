"""What was paid, what would be paid, and what may still be paid."""
