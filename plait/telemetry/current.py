"""What the trace is in which this code runs."""

from opentelemetry import trace


def trace_id() -> str:
    """Return the id of the current trace, 32 hexadecimal digits; empty where there is none."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""
