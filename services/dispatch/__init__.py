"""Dispatch: owns the state of incidents, asks the responsible departments to act, and keeps their clocks."""
