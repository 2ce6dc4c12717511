"""Value at risk, expected shortfall, their back-tests, and the position that a limit leaves room for.

Returns are log returns in percent, as in host.models. A tail forecast is a pair of returns: the
quantile and the mean beyond it, both below zero for anything that can fall. VaR and CVaR are what a
position loses there, as a share of its value (`tails.loss_share`) or in quote currency, above zero.

bars        of one file: returns, grid, calendar
tails       from an innovation to a return, from a return to a loss
rolling     historical simulation: quantile and tail mean of a moving window
methods     GARCH-t, filtered historical, historical, and their median, walked forward
coverage    how often it was violated: Kupiec, Christoffersen, traffic light, crisis windows
severity    how badly: Acerbi-Szekely, pinball loss, Diebold-Mariano
portfolio   filtered historical simulation across assets
sizing      from a limit to the largest position
report      back-tests of one file or of several, and the limits they are held to
pictures    the same to look at
"""
