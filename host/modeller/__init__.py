"""The modeller: listens to the feed, fits on schedule, says what the next bar may do.

Three processes, so that nothing waits for a fit: the engine reads a page; the modeller's loop takes each
row in a few microseconds and goes on with the fit before; the fitter, its child, does the slow work.

What "age" means. Event time is no measure of it: a replay runs through years in seconds, and a live feed
of daily bars says nothing for a day, while the forecast of yesterday's close is as good as one can be.
So age is by the clock, and it is the longer of two:

    how long the engine has known a row that the forecast does not include
    how long the modeller has not confirmed the forecast

The modeller confirms several times a second, while its feed stands and its fit is young enough
(`[modeller] max_fit_age_s`). A failed fit keeps the one before, until it is too old; then nothing is
confirmed, the age passes `[limits] max_forecast_age_s`, and the engine steps down to PAUSED
(FORECAST_STALE). In a replay both limits hold by the clock too: at 500 daily bars a second, a second of
age is two years of bars. That is a property of the replay, and of no other use than to try the path.

The horizon is one bar, times `horizon_bars`. Of trades and quotes a bar is one change of the price.
"""
