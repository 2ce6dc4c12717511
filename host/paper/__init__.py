"""The paper exchange: a process of its own that fills orders against recorded prices.

It imports nothing that trades, so that its record is an outside view of what the host sent.
"""
