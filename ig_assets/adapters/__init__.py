"""Adapters to vendors: one module per vendor or embedded stand-in."""
