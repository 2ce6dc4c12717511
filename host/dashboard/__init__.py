"""The dashboard: two processes, and nothing between them but a pipe.

    reader  the host's user; guard's status, read-only pages, the log opened read-only; no network
    web     a user of its own where started as root; the network; no descriptor of the host at all

The pipe goes one way, so nothing that a browser sends can reach the host (host.dashboard.start).
What cannot be read is None on its way and "not known" on the page, never a guess.
"""
