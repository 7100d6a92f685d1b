"""Swimmers' positions: logs to readings, sessions, styles, laps and alerts."""
