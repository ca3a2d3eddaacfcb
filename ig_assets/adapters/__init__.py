"""Adapters: implementations of the core's ports, one package or module per vendor."""
