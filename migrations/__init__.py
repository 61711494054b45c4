"""The database's history, one step a file (Alembic); imports nothing of the program's own."""
