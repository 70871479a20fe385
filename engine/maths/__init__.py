"""Pure mathematics: no database, no clock."""
