"""The database behind one face: `Store`, with a backend for SQLite and one for PostgreSQL."""

from .base import CHUNK, Migration, Row, Statement, Store
from .postgres import PostgresStore
from .sqlite import SqliteStore

__all__ = ["CHUNK", "Migration", "PostgresStore", "Row", "SqliteStore", "Statement", "Store"]
