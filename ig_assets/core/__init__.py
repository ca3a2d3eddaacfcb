"""The product's rules, as plain functions and dataclasses.

Nothing here imports Dagster or the SDK of a vendor.
"""
