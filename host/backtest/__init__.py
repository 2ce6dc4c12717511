"""The backtest: the engine's own code over recorded rows, by the clock of the data.

One engine, one execution path, three clocks: what `bot4 run` does by the machine's clock, on paper or
live, happens here by the time of the data, in one process, without sockets and without waiting.

market      the rows: prices, times, what each of them reaches
exchange    the paper venue's own book and desk, in this process
broker      port, gate, execution manager: as the engine has them
forecasts   the modeller's fits and forecasts, due by the same rules
script      changes of the mode at given times
run         one run: which row is worked off where, in which order
ledger      what the fills made of the account, exactly
figures     what came of it: equity, statistics, costs, months
account     the figures as one JSON object
shown       for a terminal
charts      pictures for the page
page        one HTML file
"""

from pathlib import Path

# The configuration without --config.
DEFAULT = Path(__file__).with_name("default.toml")
