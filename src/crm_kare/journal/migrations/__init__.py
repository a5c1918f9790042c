"""Alembic's folder: `env.py` says how, `versions/` what."""
