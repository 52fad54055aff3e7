"""What every call has in common, whichever endpoint it goes to."""
