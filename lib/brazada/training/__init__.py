"""Task, feed, launch, loop, evaluation, registry. Nothing here knows a domain."""
