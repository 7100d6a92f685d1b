"""Swimming strokes from a watch at 30 Hz (Brunner, Melnyk, Sigfússon and Wattenhofer 2019)."""
