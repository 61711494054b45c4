"""Run by Alembic for every upgrade and downgrade, on the connection that `mailbot.adapters.database.migrate` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=True,  # SQLite cannot alter most things in place
    transactional_ddl=True,  # ours begins transactions itself, so SQLite rolls back a half-done step too
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
