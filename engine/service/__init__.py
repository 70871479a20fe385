"""What runs beside the engine: the collector, imports, the worker and its health."""
