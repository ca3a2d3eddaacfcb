"""The tables, the connection and the migrations of the warehouse."""
