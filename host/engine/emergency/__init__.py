"""The graduated emergency: cancel -> liquidate -> halted, each done when the venue answers so.

settings      timers, slices, slippage
liquidation   the next slice of a position: pure arithmetic
cancelling    the cancel rung at one venue, steps and deadlines
venue_ladder  the liquidate rung on top of it
slices        which order type the venue takes, how far the price has gone
covering      the stop that a position has not got, where it stays
stops         what a protective stop is, and the one that is placed without a price
ladder        all venues together: done when each of them is
progress      what survives a crash of the whole host
port          what the ladder needs of a venue's connection
"""
