"""Who calls: workloads and the people they act for."""
