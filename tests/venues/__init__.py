"""The contract of a venue: what every process that speaks host.venues must do, whatever is behind it.

The tests (test_*.py) know a venue by its socket and by a `Stand` (stand.py), which puts it up, moves its
market and makes it misbehave. conftest.py runs all of them for each row of STANDS. To plug a venue in:

1. write a subclass of `Stand` (paper.py is one): it puts up what it needs in `folder`, and takes it down
   in `close`;
2. add a row to STANDS in conftest.py.

What a venue cannot do it leaves out of `can` in its answer to `rules`; the suite then asks that it says
NOT_SUPPORTED, and never that it does something else. What a stand cannot make its venue do it leaves out
of `misbehaves`; those tests are skipped, and say so.

What the suite holds every venue to, beside what host.venues says:

- each order that a request names gets an answer of its own: an OCO two acks, or two rejects;
- fill, cancelled, cancelled_all and amended go to every client that trades, all else to its asker;
- a second submit of an id is refused as DUPLICATE_ID, and a second cancel as UNKNOWN_ORDER;
- `unknown` comes where nobody can say what became of a request, and `order` says it afterwards;
- a fill's `trade` is unique, and `fills` tells every execution once, oldest first, page by page;
- positions count from what the account held before: the suite looks at differences.
"""
