"""Lineage: which scripts fed which fine-tune, and on what evidence."""
