"""Enrichment: a language model's opinion on what is in the news, in a process of its own.

It may make an entry smaller, and nothing else: it holds no venue, no key of one, and no way to the
guard. The engine reads a snapshot in shared memory (host.engine.enrichment) and never waits for it.

    feeds, sources     headlines and market context, from RSS, Atom and JSON: hostile input
    prompt             what the model is asked, stable part first, the feeds' text fenced
    opinion            what it may answer, checked and clamped
    grok               one request to the API, and what became of it
    money              prices, months and pace, in whole ticks (10^10 a US dollar)
    account            the month's budget as a pure state machine
    ledger             that account kept in SQLite, or in Redis for all hosts together
    breaker            leaves an API alone that keeps failing
    asking             reserve, ask, settle, try again
    disk, shared       the second and the third tier of the cache
    records            requests, counters and shadow decisions, kept for the report
    tiers              looking through them, one asker for each question
    snapshot           the first tier: the sealed page that the engine reads
    link, serving      hands the page out, takes what the engine says of its shadow decisions
    roi                whether it pays
    service            the loop over all of this
    report             what `bot4 enrich` prints

Nothing here may import the engine, the guard or a venue; lint-imports holds it to that.
"""
