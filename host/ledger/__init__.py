"""What paper trading earned, day by day: kept while it runs, read back from the audit log, judged.

trips       closed trades out of fills, in exact fractions
paper       what the engine calls: one growing account of each UTC day
history     the days of a log, and which of them count
statistics  Sharpe ratio with its error, probabilistic and deflated, mean with its interval
"""
