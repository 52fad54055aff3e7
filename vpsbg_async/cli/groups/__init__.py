"""The commands for what there is beside tickets: one module for a group or for some small ones.

Each has what is shown of its things, then its commands. They are loaded when they are used.
"""
