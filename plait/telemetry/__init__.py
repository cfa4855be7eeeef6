"""Where a trace, a metric and a log line come from: set up once, used by everything above."""
