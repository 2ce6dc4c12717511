"""The engine: feed -> features -> decision -> risk -> gate -> venue, fills.

strategy   features and decision
risk       pre-trade checks
orders     what is open at the venue, position, cash
ladder     works off an emergency: cancels, asks, confirms
venue      the connection to the paper venue
loop       one loop over all of them
"""
