"""The OTLP receiver, the trace store and the pages that show them."""
