"""The warehouse: its connection, tables, migrations and named views."""
