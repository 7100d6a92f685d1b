"""Series of several channels from sensors: the surface under a robot, the strokes of a swimmer with a watch."""
