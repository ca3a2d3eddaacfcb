"""Scripts for people who change this project; no part of the package."""
