"""What a shopkeeper could check: pure functions over facts, stock, texts and money.

Nothing in here reads a clock, a network or a database; the import-arrow test keeps it so.
"""
