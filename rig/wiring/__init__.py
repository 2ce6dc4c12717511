"""The wiring as a person at the bench needs it: a list, and a picture, both from the one table."""
