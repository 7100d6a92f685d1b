"""Food prices: published files to observations, series and windows; forecasts and backtests."""
