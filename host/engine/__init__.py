"""The engine: feed -> features -> decision -> checks -> gate -> venue, fills.

strategy     features and decision
checks       pre-trade checks
enrichment   a language model's opinion, which may make an entry smaller
trader       from a row of the feed to an order
orders       what is open at the venue, position, cash
port         every order passes the gate here
provenance   ids that say who made an order
reconciler   finds what is on the account and not ours
emergency    works off an emergency: cancels, liquidates, confirms
conditions   why the engine itself wants to be stepped down
venue        a connection to a paper venue
ledger       the days of paper trading, for the audit log
account      one venue: connections, book, reconciliation
protection   the stop at the venue that covers the position
loop         one loop over all of them
"""
