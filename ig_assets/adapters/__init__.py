"""What vendors offer: one module a vendor or embedded stand-in."""
