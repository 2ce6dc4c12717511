"""The engine: feed -> features -> decision -> checks -> gate -> venue, fills.

strategy     features and decision
checks       pre-trade checks
enrichment   a language model's opinion, which may make an entry smaller
trader       from a row of the feed to an order
port         every order passes the gate here
provenance   ids that say who made an order
reconciler   agrees with the venue on orders, executions and position; finds what is not ours
restoring    what an earlier run has left
deadman      the venue's own dead man's switch
emergency    works off an emergency: cancels, liquidates, confirms
conditions   why the engine itself wants to be stepped down
venue        a connection to a paper venue
account      one venue: connections, orders and position (host.execution), reconciliation
ledger       the days of paper trading, for the audit log
loop         one loop over all of them
"""
