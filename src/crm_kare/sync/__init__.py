"""The way of the data: pull, mirror, judge, plan, brakes, apply, and the flow that calls them in order."""
