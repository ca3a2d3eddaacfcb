"""Prices, budgets and the ledger of paid calls."""
